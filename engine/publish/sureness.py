"""What is known of a run, and how sure it is: each thing as a sentence. Pure.

The report and the report card show the same sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.checks.contents import RunContents
from engine.checks.rulers import judged_rulers
from engine.judge.gates import BASELINE, CANDIDATE
from engine.judge.how_sure import how_sure
from engine.judge.leaks import sentence
from engine.judge.measured import Measured
from engine.judge.noise import Told
from engine.judge.ruler import Ruler
from engine.judge.seed_scores import asks_for_seeds
from engine.judge.seeds import spread_of
from engine.publish.standing import Standing, standings
from engine.records.report_card import NoteTone

_NAMED_LEAKS = 5


@dataclass(frozen=True, slots=True)
class Note:
    """``tone`` is whether that speaks for the numbers, against them, or leaves a question."""

    topic: str
    text: str
    tone: NoteTone = "plain"


def notes(contents: RunContents, found: Sequence[Standing] | None = None) -> list[Note]:
    """Everything that bears on how far the numbers can be trusted, in the order of weight."""
    suites = standings(contents) if found is None else found
    return [
        *_differences(suites),
        *_throws(contents),
        *_passes(contents),
        *_leakage(contents),
        *_rulers(contents),
        *_form(contents),
        *_safety(contents),
    ]


_TONES: dict[Told, NoteTone] = {Told.BETTER: "good", Told.WORSE: "bad"}


def _differences(suites: Sequence[Standing]) -> Iterator[Note]:
    for one in suites:
        if one.mismatch:
            yield Note(f"Difference on {one.suite}", f"Not comparable: {one.mismatch}", "bad")
        elif one.told is not None:
            text = one.told.sentence
            if one.difference is not None and one.difference.method != "none":
                how = one.difference.method + (f"; {one.test}" if one.test else "")
                text = f"{text.removesuffix('.')} ({how})."
            yield Note(f"Difference on {one.suite}", text, _TONES.get(one.told.told, "open"))


# --- more than one throw --------------------------------------------------------------------------


def _throws(contents: RunContents) -> Iterator[Note]:
    """Seeds, tries at the gold set, the size of the suite, a sealed one that was opened."""
    config = contents.config
    if config is None or contents.evals.get(CANDIDATE) is None:
        return
    measured = Measured(config, contents.evals, contents.rows)
    if not asks_for_seeds(measured):
        said = "One training seed: what another one would give is not known."
        yield Note("Training seeds", said, "open")
    for one in how_sure(contents.run_id, measured, contents.tries):
        yield Note(one.topic, one.sentence, "plain" if one.fine else "open")


def _passes(contents: RunContents) -> Iterator[Note]:
    record = contents.evals.get(CANDIDATE)
    if record is None or len(record.passes) < 2:
        return
    spread = spread_of([[one] for one in record.passes])
    text = (
        f"Each example was answered {len(record.passes)} times"
        f"{'' if record.temperature is None else f' at a temperature of {record.temperature:g}'}: "
        f"the passes scored {spread.least:.3f} to {spread.greatest:.3f}"
        f"{'' if spread.sd is None else f', standard deviation {spread.sd:.3f}'}."
    )
    yield Note("Evaluation passes", text)


# --- is the ruler good, and was it seen -----------------------------------------------------------


def _leakage(contents: RunContents) -> Iterator[Note]:
    seen, record = contents.leaks, contents.leakage
    topic = "Leakage"
    if seen.by is None:  # stands among what is missing
        return
    how = "searched for the same text and for near text"
    if record is not None and seen.by == "record":
        how += f" (similarity of {record.threshold:g} or more) in {record.training_rows:,} rows"
    leaks = [one for one in seen.suites if one.count]
    if not leaks:
        names = " or ".join(one.suite for one in seen.suites)
        yield Note(topic, f"No example of {names} was found in the training data; {how}.", "good")
    for one in leaks:
        named = " ".join(sentence(hit) for hit in one.hits[:_NAMED_LEAKS])
        text = f"{one.count} of {one.rows} examples of {one.suite} stand in the training data."
        yield Note(topic, f"{text} {named}".strip(), "bad")
    if seen.by == "record" and record is not None and (refused := sum(record.refused.values())):
        text = f"{refused:,} rows came near a gold prompt and were kept out of the training data."
        yield Note(topic, text)
    if shown := sum(one.shown for one in seen.suites):
        yield Note(topic, f"{shown} gold prompts were shown to a data generator.", "bad")


_RULERS: dict[Ruler, NoteTone] = {Ruler.GOOD: "good", Ruler.BROKEN: "bad"}


def _rulers(contents: RunContents) -> Iterator[Note]:
    for one in judged_rulers(contents):
        if one.ceiling is None and contents.config and one.suite != contents.config.eval.primary:
            continue
        text = one.finding.sentence
        if one.ceiling is not None:
            text += f" Measured {one.ceiling.date:%Y-%m-%d} by: {one.ceiling.command}"
        yield Note(f"Ceiling of {one.suite}", text, _RULERS.get(one.finding.ruler, "open"))


# --- the form of the answers ----------------------------------------------------------------------

_RATES = (
    ("parsed", "in the asked form"),
    ("prose", "with prose around the answer"),
    ("empty", "empty"),
    ("cut_off", "cut off by the token limit"),
)


def _form(contents: RunContents) -> Iterator[Note]:
    before, after = contents.evals.get(BASELINE), contents.evals.get(CANDIDATE)
    if after is None or not after.format:
        return
    parts = []
    for key, words in _RATES:
        if key in after.format:
            was = before.format.get(key) if before is not None else None
            came = f" (before {100 * was:.1f} %)" if was is not None else ""
            parts.append(f"{100 * after.format[key]:.1f} % {words}{came}")
    if parts:
        yield Note("Form of the answers", f"Of the candidate's answers {', '.join(parts)}.")


def _safety(contents: RunContents) -> Iterator[Note]:
    for file, record in sorted(contents.evals.items()):
        if record.safety_violations is None:
            continue
        count = record.safety_violations
        text = f"{count} answers with a forbidden command in {file}."
        tone: NoteTone = "good" if count == 0 else "bad"
        yield Note("Safety", text, tone if file != BASELINE else "open")
