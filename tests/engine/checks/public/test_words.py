"""Which sentences claim a win, and which only use its words."""

from __future__ import annotations

import pytest

from engine.checks.public.words import says_noise, wins

CLAIMS = {
    "An improvement over GPT-4.": "improve on",
    "It edges out GPT-4.": "crush",
    "GPT-4 is beaten by the router.": "lose",
    "Twice as good as GPT-4.": "more than",
    "It goes on to beat GPT-4.": "beat",
    "It beats T5-small.": "beat",
    "We have beaten GPT-4 at SQL.": "beat",
    "Beating every 7B model, it runs on a laptop.": "beat",
    "It is better than T5-small on this gate.": "better than",
    "Better at short queries than any other model of its size.": "better than",
    "On SQL it is far better.": "better",
    "It outperforms models ten times as large.": "outperform",
    "An adapter that out-performs its teacher.": "outperform",
    "It wins on every suite.": "win",
    "It won against SQLCoder.": "win",
    "A clear win.": "win",
    "Superior accuracy at 0.6B.": "superior",
    "State-of-the-art SQL on a phone.": "state of the art",
    "SOTA at 0.6B.": "state of the art",
    "The best SQL model under 1B.": "best",
    "Best in class.": "best",
    "The best candidate of all 1B models.": "best",
    "It surpasses its teacher.": "surpass",
    "Ahead of SQLCoder by a wide margin.": "ahead of",
    "It exceeds GPT-4 on this suite.": "exceed",
    "It tops the table.": "top",
    "It crushes the baseline.": "crush",
    "It dominates every small model.": "crush",
    "A gain of +4.7 points over T5-small.": "over",
    "That is 4.7 percentage points over T5-small.": "over",
    "+4.7 pp vs T5-small.": "over",
    "4.7 % higher than T5-small.": "over",
    "More accurate than any 7B model.": "more than",
    "Unmatched at its size.": "unmatched",
    "No other model does that.": "unmatched",
    "It is #1 on BIRD.": "unmatched",
    "This is a win.": "win",
    "It leads the field.": "lead",
    "It improves on T5-small.": "improve on",
    "The strongest 0.6B model.": "strongest",
    "It is 4.7 points better.": "over",
    "T5-small loses to it.": "lose",
    "One could say it beats T5-small.": "beat",
    # What looks like a denial and is none.
    "It not only beats T5-small, it is smaller.": "beat",
    "Without doubt it beats T5-small.": "beat",
    "There is no doubt that it outperforms SQLCoder.": "outperform",
    "It is not large, but it beats SQLCoder.": "beat",
    "It never fails; it beats SQLCoder.": "beat",
    # What is written so that a search does not find it.
    "It b\u200beats T5-small.": "beat",
    "It b\u0435ats T5-small.": "beat",
    "It \uff42\uff45\uff41\uff54\uff53 T5-small.": "beat",
    "IT BEATS T5-SMALL.": "beat",
    "It\nbeats T5-small.": "beat",
    'It "beats" T5-small.': "beat",
    "It is better\n  than T5-small.": "better than",
    "It is b\u00adetter than T5-small.": "better than",
}

NO_CLAIMS = (
    "A win over GPT-4 cannot be claimed.",
    "It is better to use the router.",
    "It works best with short prompts.",
    "It does not beat T5-small.",
    "It doesn\u2019t beat T5-small.",
    "Nobody can say that it beats T5-small.",
    "It is not better than T5-small.",
    "No claim is made that it outperforms anything.",
    "There is neither a win nor a loss, and no SOTA.",
    "A package follows if it beats SQLCoder on BIRD.",
    "Publish it only when a gate shows whether it beats T5-small.",
    "It should beat its base before it ships.",
    "The goal is to beat T5-small.",
    "It was beaten by T5-small.",
    "The state is candidate-current-best: the best measured candidate.",
    "The best-so-far checkpoint is kept.",
    "It is our current best.",
    "At best it is a start.",
    "A router has the best of both worlds.",
    "It came second best.",
    "It improved over time.",
    "A longer training could beat the base.",
    "A best-effort router.",
    "This page is best read with the report.",
    "Wins and blockers stand side by side.",
    "Its win rate was not measured.",
    "The run exceeded the limit of memory.",
    "It exceeds 0.9 on its gate.",
    "Training was done ahead of schedule.",
    "It tops out at 200 tokens a second.",
    "The code says `beats_baseline` and `p < 0.05`.",
    'Its authors write "our 7B model beats every open model".',
    "\u201cIt outperforms all other systems\u201d, says the vendor.",
    "0.531 against 0.484 on the same 64 rows.",
    "The gate went from 0.58 to 1.00.",
    "A drop of 17 points on breadth.",
    "A heartbeat every second.",
    "The stopping rule needs overview, and moreover time.",
    "It needs 3 GB above the model.",
    "Desktop and laptop.",
    "",
    "\u200b",
)


@pytest.mark.parametrize("text", CLAIMS)
def test_a_claim_is_found(text: str) -> None:
    assert CLAIMS[text] in [one.kind for one in wins(text)]


@pytest.mark.parametrize("text", NO_CLAIMS)
def test_what_claims_nothing_is_left_alone(text: str) -> None:
    assert list(wins(text)) == []


def test_each_sentence_is_read_for_itself() -> None:
    found = list(wins("It does not win. It beats T5-small, and it is better than GPT-4. Nothing."))
    assert [(one.kind, one.words) for one in found] == [
        ("beat", "beats"),
        ("better than", "better than"),
    ]
    assert found[0].sentence == "It beats T5-small, and it is better than GPT-4."


def test_noise_is_said_in_several_ways() -> None:
    assert says_noise("That is within the noise.") and says_noise("It is not significant.")
    assert says_noise("A difference that cannot be\n told from chance.")
    assert not says_noise("The room was full of noise.") and not says_noise("")


def test_a_long_text_of_tricks_is_read_in_time() -> None:
    for part in ("better a ", "not ", '"', "`", "+1 ", "is much ", "to a a ", "exceeds the "):
        list(wins(part * 2_000))
