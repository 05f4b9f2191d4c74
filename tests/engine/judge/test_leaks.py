"""Gold prompts in training rows: to the letter, normalised, whole within another, nearly."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.judge.leakage import normalise, prompt_key, prompt_text
from engine.judge.leaks import LeakIndex, LeakReport, Prompt, find_leaks, marked, prompts_of
from engine.judge.near import NearIndex, NearSettings, grams, jaccard, numbers, plain


def prompts(file: str, *texts: str) -> list[Prompt]:
    return [Prompt(file, line, text) for line, text in enumerate(texts, start=1)]


def look(gold: list[str], training: list[str], **settings: object) -> LeakReport:
    chosen = NearSettings(**settings)  # type: ignore[arg-type]
    return find_leaks(prompts("gold.jsonl", *gold), prompts("train.jsonl", *training), chosen)


def kinds(report: LeakReport) -> list[tuple[str, str, str]]:
    return [(leak.kind, leak.gold.place, leak.training.place) for leak in report.leaks]


QUESTION = "Which river runs through the old town of Krems and under its stone bridge?"


@pytest.mark.parametrize(
    ("training", "kind"),
    [
        (QUESTION, "exact"),
        (QUESTION.upper() + "  ", "normalised"),
        (QUESTION.replace("river", "stream"), "near"),
        (QUESTION.replace("?", " !"), "near"),
        (QUESTION.replace("Which", "Say which"), "inside"),
        ("First this. " + QUESTION + " And then " + "something else entirely " * 9, "inside"),
        ("Which mountain stands above the old town of Krems and its vineyards?", None),
        ("Something that has nothing to do with it", None),
    ],
)
def test_each_kind_of_leak(training: str, kind: str | None) -> None:
    report = look(["Another row of the gold set", QUESTION], ["no", training])
    expected = [] if kind is None else [(kind, "gold.jsonl:2", "train.jsonl:2")]
    assert kinds(report) == expected


def test_the_closest_row_is_named_and_the_others_counted() -> None:
    near = QUESTION.replace("river", "stream")
    report = look([QUESTION], [near, QUESTION.lower(), QUESTION, near, QUESTION, "no"])
    assert kinds(report) == [("exact", "gold.jsonl:1", "train.jsonl:3")]
    assert report.leaks[0].others == 4
    assert report.leaks[0].sentence == (
        "gold.jsonl:1 stands to the letter in train.jsonl:3 and 4 more."
    )
    assert (report.gold_rows, report.training_rows) == (1, 6)
    alike = look([QUESTION], [near]).leaks[0]
    assert 0.7 <= alike.similarity < 1 and "% alike to train.jsonl:1." in alike.sentence


def test_the_record_names_places_and_holds_no_text() -> None:
    report = look([QUESTION], [QUESTION], threshold=0.9, gram=4)
    assert (report.settings.threshold, report.settings.gram) == (0.9, 4)
    found = report.of_suite("rivers", "gold.jsonl", "a" * 64)
    assert found.model_dump() == {
        "suite": "rivers", "file": "gold.jsonl", "sha256": "a" * 64, "rows": 1, "count": 1,
        "shown": 0,
        "hits": [
            {
                "kind": "exact", "gold": "gold.jsonl:1", "training": "train.jsonl:1",
                "similarity": 1.0, "others": 0, "shown": False,
            }
        ],
    }  # fmt: skip


def test_an_index_gives_the_closest_leak_in_one_prompt() -> None:
    index = LeakIndex(prompts("gold.jsonl", "short one", QUESTION, QUESTION.replace("old", "new")))

    def kind(text: str) -> str | None:
        leak = index.leak_in(Prompt("train.jsonl", 1, text))
        return None if leak is None else leak.kind

    assert kind(QUESTION) == "exact"
    assert kind(QUESTION.lower()) == "normalised"
    assert kind("Hello. " + QUESTION) == "inside"
    assert kind(QUESTION.replace("river", "stream")) == "near"
    assert kind("nothing like it") is None and kind("") is None
    closest = index.leak_in(Prompt("train.jsonl", 1, QUESTION))
    assert closest is not None and closest.gold.line == 2


def test_a_sign_between_two_numbers_is_another_question() -> None:
    assert look(["What is 3 + 4 here?"], ["What is 3 * 4 here?"]).leaks == ()
    assert [leak.kind for leak in look(["What is 3 + 4 here?"], ["what is 3+4 here"]).leaks] == [
        "near"
    ]
    assert look(["It went on from 10-20 that day"], ["It went on from 10/20 that day"]).leaks


def test_rows_that_a_generator_was_shown_are_marked() -> None:
    gold = marked(
        prompts("gold.jsonl", QUESTION, "another row of the gold set"), [QUESTION.upper()]
    )
    assert [one.shown for one in gold] == [True, False]
    report = find_leaks(gold, prompts("t", "not alike"))
    assert (report.leaks, report.shown) == ((), 1)
    assert find_leaks(gold, prompts("t", QUESTION)).of_suite("s", "f", "a" * 64).hits[0].shown


def test_a_row_that_the_generator_was_shown_is_marked() -> None:
    report = find_leaks([Prompt("gold.jsonl", 3, QUESTION, shown=True)], prompts("t", QUESTION))
    assert report.leaks[0].sentence == (
        "gold.jsonl:3 stands to the letter in t:1; the data generator was shown it."
    )
    assert report.leaks[0].hit.shown is True


def test_another_number_is_another_question() -> None:
    gold = "please climb to 40 metres above the field"
    training = gold.replace("40", "45")
    assert kinds(look([gold], [training])) == []
    assert kinds(look([gold], [training], numbers_matter=False))[0][0] == "near"
    assert kinds(look([gold], [gold.replace("please", "now")]))[0][0] == "near"


def test_what_a_template_shares_is_no_likeness() -> None:
    schema = "table singer with columns name country age and table concert with columns venue year"
    asked = ["who is oldest", "list every venue", "how many countries", "the newest concert",
             "names from france", "average of ages"]  # fmt: skip
    gold = [f"{schema} question {one}" for one in asked]
    fresh = f"{schema} question which stadium was sold out"
    assert jaccard(grams(plain(gold[0])), grams(plain(fresh))) > 0.6
    assert kinds(look(gold, [fresh], threshold=0.6)) == []
    reworded = f"{schema} question who is the oldest"
    assert kinds(look(gold, [reworded], threshold=0.5)) == [
        ("near", "gold.jsonl:1", "train.jsonl:1")
    ]


def test_prompts_of_rows_keep_their_lines() -> None:
    chat = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello There"},
            {"role": "assistant", "content": "hi"},
        ]
    }
    rows = [(1, chat), (2, []), (4, {"prompt": " "}), (7, {"question": "Why?"})]
    assert prompts_of("a.jsonl", rows) == [
        Prompt("a.jsonl", 1, "Hello There"), Prompt("a.jsonl", 7, "Why?"),
    ]  # fmt: skip
    assert prompt_text([]) is None and prompt_key(chat) == "hello there"


def test_nothing_against_anything_is_no_leak() -> None:
    assert find_leaks([], []).leaks == ()
    assert look([], [QUESTION]).training_rows == 1
    assert look([QUESTION], []).leaks == ()
    only = look(["?!", ""], ["?!", "..."]).leaks  # the same to the letter, and no other
    assert [leak.kind for leak in only] == ["exact"]
    assert kinds(look(["go"], ["go now", "GO"])) == [
        ("normalised", "gold.jsonl:1", "train.jsonl:2")
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": 0}, {"threshold": 1.1}, {"gram": 0}, {"template_share": 0}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"lies above 0|too short"):
        NearSettings(**wrong)  # type: ignore[arg-type]


# --- properties ------------------------------------------------------------------------------

WORDS = st.lists(
    st.sampled_from(
        ["fly", "go", "home", "land", "now", "to", "the", "field", "4", "40", "ß", "ﬁ"]
    ),
    max_size=9,
)
TEXTS = st.lists(WORDS.map(" ".join), max_size=12)


@settings(max_examples=150, deadline=None)
@given(gold=TEXTS, training=TEXTS, threshold=st.sampled_from([0.3, 0.5, 0.8, 1.0]),
       numbers_matter=st.booleans())  # fmt: skip
def test_the_index_finds_what_comparing_all_pairs_finds(
    gold: list[str], training: list[str], threshold: float, numbers_matter: bool
) -> None:
    chosen = NearSettings(threshold=threshold, numbers_matter=numbers_matter)
    keys = [normalise(text) for text in gold]
    index = NearIndex(keys, chosen)
    sets = [grams(plain(key)) for key in keys]
    often = max(4, -(-len(gold) * 2 // 100) + 1)
    every = [gram for one in sets for gram in one]
    template = {gram for gram in every if every.count(gram) >= often}
    for text in map(normalise, training):
        whole = grams(plain(text))
        expected = set()
        for place, one in enumerate(sets):
            alike = jaccard(one, whole)
            if one - template:
                alike = min(alike, jaccard(one - template, whole - template))
            same_numbers = numbers(keys[place]) == numbers(text) or not numbers_matter
            if one and alike >= threshold and same_numbers:
                expected.add(place)
        found = index.matches(text)
        near = {place for place, kind, _ in found if kind == "near"}
        assert near <= expected <= {place for place, _, _ in found}
        for place, kind, _ in found:
            assert kind == "near" or f" {plain(keys[place])} " in f" {plain(text)} "


@settings(max_examples=60, deadline=None)
@given(gold=TEXTS, training=TEXTS)
def test_leaks_hold_what_they_say(gold: list[str], training: list[str]) -> None:
    report = look(gold, training)
    lines = [leak.gold.line for leak in report.leaks]
    assert lines == sorted(set(lines))
    texts = [normalise(text) for text in training]
    for leak in report.leaks:
        assert 0 <= leak.similarity <= 1
        assert gold[leak.gold.line - 1] == leak.gold.text
        assert training[leak.training.line - 1] == leak.training.text
        if leak.kind == "exact":
            assert leak.gold.text == leak.training.text
    leaked = {leak.gold.line for leak in report.leaks if leak.kind in ("exact", "normalised")}
    assert leaked == {
        i for i, one in enumerate(gold, 1) if (key := normalise(one)) and key in texts
    }


@given(one=st.text(max_size=40), other=st.text(max_size=40), size=st.integers(1, 8))
def test_likeness_is_even_and_bounded(one: str, other: str, size: int) -> None:
    first, second = grams(plain(normalise(one)), size), grams(plain(normalise(other)), size)
    assert 0 <= jaccard(first, second) <= 1
    assert jaccard(first, second) == jaccard(second, first)
    assert jaccard(first, first) == (1.0 if first else 0.0)


def test_the_time_grows_with_the_training_rows_and_not_faster() -> None:
    rng = random.Random(3)
    words = ["".join(rng.choices("abcdefghij", k=6)) for _ in range(2_000)]
    rows = [" ".join(rng.choices(words, k=12)) for _ in range(4_000)]
    gold = prompts("gold.jsonl", *(" ".join(rng.choices(words, k=12)) for _ in range(500)))

    def seconds(count: int) -> float:
        taken = []
        for _ in range(3):
            start = time.process_time()
            find_leaks(gold, prompts("train.jsonl", *rows[:count]))
            taken.append(time.process_time() - start)
        return min(taken)

    find_leaks(gold, [])
    assert seconds(4_000) < 6 * seconds(1_000) + 0.3
