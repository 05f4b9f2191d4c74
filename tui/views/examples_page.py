"""One example as a page: prompt, expected, both answers, and where they differ. Plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from engine.answers.rows_files import Side
from engine.answers.scored_examples import Example
from engine.answers.scored_rows import RowIndex, RowText
from engine.answers.trace_review import Answered, RowKey
from engine.live.projected import ExampleView
from tui.views import cells
from tui.views.examples_diff import SIGNS, Field, Marked, Span, fields, marked
from tui.views.examples_list import other_row, shown_row
from tui.views.plain import fit, plain, plain_lines
from tui.views.wrapping import Line, wrap

MAX_TEXT = 60_000
"""Characters of each text that the page has; the file has the rest."""

_SIGN_TONES = {"=": "muted", "≈": "muted", "≠": "bad", "−": "bad", "+": "warn"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One side's answer, compared with what was expected."""

    side: Side
    correct: bool
    score: float
    text: RowText
    difference: Marked
    fields: list[Field] | None


@dataclass(frozen=True, slots=True)
class Page:
    """An example with the answer that is judged first, and the other side's where there is one."""

    suite: str
    slice: str | None
    id: str
    flip: str | None
    answers: tuple[Answer, ...]

    record: str
    """The eval record that the shown answer belongs to."""
    stage: str

    @property
    def shown(self) -> Answer:
        return self.answers[0]

    @property
    def answered(self) -> Answered:
        """The shown answer, as what a review is about."""
        key = RowKey(self.record, self.id)
        return Answered(key, self.suite, self.stage, self.shown.text.got)


def read_page(index: RowIndex, example: Example, side: Side) -> Page:
    """Read an example's rows and compare them. Reads the disk and may take a while: for a worker
    thread."""
    row = shown_row(example, side)
    other = other_row(example, row)
    answers = []
    for one in (row, other):
        if one is None:
            continue
        text, file = index.fetch(one), index.file(one)
        answers.append(
            Answer(
                file.side,
                one.correct,
                one.score,
                text,
                marked(_cut(text.expected), _cut(text.got)),
                fields(_cut(text.expected), _cut(text.got), file.scorer),
            )
        )
    file = index.file(row)
    return Page(
        example.suite,
        row.slice,
        example.id,
        example.flip,
        tuple(answers),
        file.record,
        file.stage,
    )


def page_of(example: ExampleView) -> Page:
    """The page of an example as its event tells it: one answer, its texts perhaps cut."""
    text = RowText(
        example.id, example.prompt, example.expected, example.got, example.error, None, None
    )
    difference = marked(text.expected, text.got)
    found = fields(text.expected, text.got, None)
    side: Side = "baseline" if "baseline" in example.stage else "candidate"
    answer = Answer(side, example.correct, example.score, text, difference, found)
    return Page(example.suite, None, example.id, None, (answer,), "", example.stage)


def _cut(text: str) -> str:
    return text[:MAX_TEXT]


# --- drawing -------------------------------------------------------------------------------


def page_lines(page: Page, width: int, as_text: bool = False) -> list[Line]:
    """The page for a width; JSON answers field by field, or all as text with ``as_text``."""
    width = max(12, width)
    shown = page.shown
    lines: list[Line] = [*wrap(_title(page), width), []]
    if shown.text.error is not None and not shown.text.prompt and not shown.text.got:
        return lines + list(wrap([(plain(shown.text.error), "warn")], width))
    lines += _block("prompt", [], _text(shown.text.prompt), width)
    compared = [one for one in page.answers if one.fields is not None and not as_text]
    if shown in compared:
        lines += _field_table(compared, width)
    else:
        compared = []
        lines += _block("expected", [], _expected(shown), width)
    for one in page.answers:
        if one not in compared:
            note = _how(one)
            lines += _block(one.side, note, _answer(one), width)
    for one in page.answers:
        if one.text.error:
            says = f"error of the {one.side}" if len(page.answers) > 1 else "error"
            lines += _block(says, [], [(plain(one.text.error), "warn")], width)
    if page.record:  # an event does not say what was measured
        lines += wrap(_measured(page), width)
    return lines


def _title(page: Page) -> list[Span]:
    shown = page.shown
    spans = [*_verdict(shown), (f"  score {cells.number(shown.score)}", "muted")]
    if page.flip is not None:
        was = "right" if page.flip == "broken" else "wrong"
        sign, tone = ("▼", "bad") if page.flip == "broken" else ("▲", "good")
        spans.append((f"  {sign} {page.flip}", tone))
        spans.append((f", was {was}", "muted"))
    return spans


def _verdict(answer: Answer) -> list[Span]:
    return [("✔ right", "good")] if answer.correct else [("✘ wrong", "bad")]


def _how(answer: Answer) -> list[Span]:
    """What stands beside the heading of an answer."""
    sign = [("  ✔ ", "good")] if answer.correct else [("  ✘ ", "bad")]
    if answer.difference.same:
        return [*sign, ("as expected, letter by letter", "muted")]
    if answer.difference.spaces_only:
        return [*sign, ("differs in white space only", "warn")]
    if answer.difference.apart and answer.text.got:
        return [*sign, ("nothing in common", "muted")]
    return sign


def _block(title: str, beside: Sequence[Span], spans: Sequence[Span], width: int) -> Iterator[Line]:
    yield from wrap([(title, "label"), *beside], width)
    yield from wrap(spans, width, indent=2)
    yield []


def _text(text: str) -> list[Span]:
    if not text:
        return [("(nothing)", "muted")]
    spans: list[Span] = [(plain_lines(text[:MAX_TEXT]), "plain")]
    return spans + _rest(text)


def _rest(text: str) -> list[Span]:
    left = len(text) - MAX_TEXT
    if left <= 0:
        return []
    return [(f"\n… {cells.how_many(left, 'more character')}, in the rows file only", "muted")]


def _expected(answer: Answer) -> list[Span]:
    if not answer.text.expected:
        return [("(nothing)", "muted")]
    return [*answer.difference.expected, *_rest(answer.text.expected)]


def _answer(answer: Answer) -> list[Span]:
    if not answer.text.got:
        return [("(nothing)", "bad" if answer.text.expected else "muted")]
    return [*answer.difference.got, *_rest(answer.text.got)]


def _measured(page: Page) -> list[Span]:
    parts = []
    for one in page.answers:
        facts = []
        if one.text.latency_ms is not None:
            facts.append(f"{one.text.latency_ms:,.0f} ms")
        if one.text.tokens is not None:
            facts.append(f"{one.text.tokens:,} tokens")
        parts.append(f"{one.side} {', '.join(facts) or 'latency not recorded'}")
    return [(" · ".join(parts), "muted")]


# --- field by field ------------------------------------------------------------------------


def _field_table(answers: Sequence[Answer], width: int) -> Iterator[Line]:
    """Expected and answers side by side, a line a field; below each other where it is narrow."""
    rows = _field_rows(answers)
    titles = ["field", "expected", *(one.side for one in answers)]
    heads = [*titles[:2], *(f"{one.side} ✔" for one in answers)]
    texts = [
        [plain(path), plain(wanted or "·"), *(plain(f"{s} {v}") for s, v, _ in got)]
        for path, wanted, got in rows
    ]
    sizes = [max(map(cell_len, column)) for column in zip(heads, *texts, strict=True)]
    if sum(sizes) + 2 * (len(sizes) - 1) > width:
        yield from _stacked(rows, answers, width)
    else:
        header: Line = []
        for position, (title, size) in enumerate(zip(titles, sizes, strict=True)):
            verdict = _mark(answers[position - 2]) if position >= 2 else []
            used = cell_len(title) + sum(cell_len(text) for text, _ in verdict)
            header += [(title, "label"), *verdict, (" " * (size - used + 2), "plain")]
        yield header
        for (_, wanted, got), row in zip(rows, texts, strict=True):
            line: Line = [(fit(row[0], sizes[0] + 2), "label")]
            line.append((fit(row[1], sizes[1] + 2), "plain" if wanted else "muted"))
            for (_, _, role), text, size in zip(got, row[2:], sizes[2:], strict=True):
                line.append((fit(text, size + 2), role))
            yield line
    yield from wrap([(_legend(rows), "muted")], width)
    yield []


def _mark(answer: Answer) -> list[Span]:
    return [(" ✔", "good")] if answer.correct else [(" ✘", "bad")]


FieldRow = tuple[str, str | None, list[tuple[str, str, str]]]
"""A path, what was expected there, and (sign, value, role) of each answer."""


def _field_rows(answers: Sequence[Answer]) -> list[FieldRow]:
    by_path = [{one.path: one for one in answer.fields or []} for answer in answers]
    paths = dict.fromkeys(path for found in by_path for path in found)
    rows: list[FieldRow] = []
    for path in paths:
        known = [found[path] for found in by_path if path in found]
        got = []
        for found in by_path:
            field = found.get(path)
            if field is None:
                got.append(("·", "", "muted"))
                continue
            role = _SIGN_TONES[field.sign] if field.scored else "muted"
            value = field.got or "(not there)"
            value += "" if field.scored or field.sign == "=" else " (not scored)"
            got.append((field.sign, value, role))
        rows.append((path, known[0].expected, got))
    return rows


def _stacked(rows: Sequence[FieldRow], answers: Sequence[Answer], width: int) -> Iterator[Line]:
    names = ["expected", *(one.side for one in answers)]
    size = max(map(len, names)) + 3
    for path, wanted, got in rows:
        if {sign for sign, _, _ in got} == {"="}:
            yield from wrap([(plain(path), "label"), (f"  = {plain(wanted)}", "muted")], width)
            continue
        yield from wrap([(plain(path), "label")], width)
        for name, mark, spans in _values(names, wanted, got):
            for number, line in enumerate(wrap(spans, width, indent=size + 2)):
                if number == 0:
                    line = [(fit(f"  {name}", size), "muted"), mark, *line[1:]]
                yield line


MARKED_FROM = 24
"""Values of a field that are longer have what differs marked in them."""


def _values(
    names: Sequence[str], wanted: str | None, got: Sequence[tuple[str, str, str]]
) -> Iterator[tuple[str, Span, list[Span]]]:
    """(name, sign, text) of what was expected in a field and of what came, with marks where long
    texts differ in a part."""
    expected: list[Span] = [(plain(wanted or "·"), "plain" if wanted else "muted")]
    rest: list[tuple[str, Span, list[Span]]] = []
    for name, (sign, value, role) in zip(names[1:], got, strict=True):
        spans: list[Span] = [(plain(value), role)]
        if wanted and len(wanted) > MARKED_FROM and (sign, role) == ("≠", "bad"):
            made = marked(wanted, value)
            if not made.apart:
                expected, spans = list(made.expected), list(made.got)
        rest.append((name, (f"{sign} ", role), spans))
    yield names[0], ("  ", "plain"), expected
    yield from rest


def _legend(rows: Sequence[FieldRow]) -> str:
    used = {sign for _, _, got in rows for sign, _, _ in got}
    return "  ".join(f"{sign} {what}" for sign, what in SIGNS.items() if sign in used)
