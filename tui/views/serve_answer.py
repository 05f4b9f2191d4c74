"""One side's answer as it streams in, and how two of them differ. Plain values, no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from engine.answers.target_suites import answer_text
from engine.judge.score import Score
from engine.serving.chat import Answer, Piece
from engine.serving.side_by_side import Failed
from tui.views.cells import how_many
from tui.views.examples_diff import Marked, Span, marked
from tui.views.plain import plain, plain_lines
from tui.views.wrapping import Line, wrap

MAX_SHOWN = 60_000
"""Characters of an answer that are drawn; copying takes all of it."""

MAX_COMPARED = 20_000
"""Longer answers are not compared word by word."""

MOSTLY = 0.8
"""Answers that differ in a larger share are shown as they are: marks all over help nobody."""

Head = list[Span]


@dataclass(slots=True)
class AnswerSoFar:
    """What came from one side since ``asked_at`` (time.monotonic)."""

    asked_at: float
    pieces: list[str] = field(default_factory=list)
    reasoned: list[str] = field(default_factory=list)
    first_s: float | None = None
    end: Answer | Failed | None = None
    score: Score | None = None

    def take(self, what: Piece | Answer | Failed) -> None:
        """Take in an update."""
        if not isinstance(what, Piece):
            self.end = what
            return
        if self.first_s is None:
            self.first_s = what.at_s
        (self.pieces if what.kind == "answer" else self.reasoned).append(what.text)

    @property
    def text(self) -> str:
        return self.end.text if isinstance(self.end, Answer) else "".join(self.pieces)

    @property
    def reasoning(self) -> str:
        return "".join(self.reasoned)

    @property
    def whole(self) -> bool:
        """Whether there is a whole answer."""
        return isinstance(self.end, Answer)

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Names and arguments of the tools that it called."""
        tools = self.end.tool_calls if isinstance(self.end, Answer) else ()
        return [(one.name, one.arguments) for one in tools]

    @property
    def scored_text(self) -> str:
        """The answer as a scorer reads it."""
        return answer_text(self.text, self.calls)


def head_spans(answer: AnswerSoFar | None, now: float, room: int = 200) -> Head:
    """What was measured, and the scorer's verdict where there is one, as far as there is room."""
    if answer is None:
        return [("not asked yet", "muted")]
    spent = now - answer.asked_at
    if answer.end is None:
        if answer.first_s is None:
            return [(f"◌ waiting {spent:.1f} s", "accent")]
        return [
            (f"◌ writing {spent:.1f} s", "accent"),
            (f" · first {_time(answer.first_s)}", "muted"),
        ]
    if isinstance(answer.end, Failed):
        stopped = answer.end.code == "cancelled"
        return [("cancelled", "warn")] if stopped else [("✘ no whole answer", "bad")]
    verdict = _verdict(answer.score)
    return [*verdict, *_measured(answer.end, room - sum(cell_len(text) for text, _ in verdict))]


def _verdict(score: Score | None) -> Head:
    if score is None:
        return []
    graded = "" if score.score in (0.0, 1.0) else f" {score.score:.2f}"
    if score.correct:
        return [(f"✔ right{graded}", "good"), (" · ", "muted")]
    return [(f"✘ wrong{graded}", "bad"), (" · ", "muted")]


def _measured(end: Answer, room: int) -> Head:
    first = "not recorded" if end.first_s is None else _time(end.first_s)
    rate = "tok/s not recorded" if end.tokens_per_s is None else f"{end.tokens_per_s:,.0f} tok/s"
    count = end.usage.completion_tokens
    parts = [f"first {first}", rate]
    parts.append("tokens not recorded" if count is None else how_many(count, "token"))
    parts.append(f"{end.seconds:.2f} s")
    if not end.cut_by_limit and end.finish_reason:
        parts.append(plain(end.finish_reason, clip=40))
    # What matters most comes first; a part that has no room is left out, not cut in two.
    limit: Head = [("hit the limit", "warn"), (" · ", "muted")] if end.cut_by_limit else []
    room -= sum(cell_len(text) for text, _ in limit)
    while len(parts) > 1 and cell_len(" · ".join(parts)) > room:
        parts.pop()
    return [*limit, (" · ".join(parts), "muted")]


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


# --- the text ------------------------------------------------------------------------------


def body_lines(answer: AnswerSoFar | None, width: int, spans: Sequence[Span] | None) -> list[Line]:
    """The answer's lines for a width; ``spans`` are its text with marks, where it has some."""
    width = max(8, width)
    if answer is None:
        return []
    lines: list[Line] = []
    if answer.reasoning:
        lines += wrap([("thinking", "label")], width)
        lines += wrap([(plain_lines(answer.reasoning, clip=MAX_SHOWN), "muted")], width, indent=2)
        lines.append([])
    text = answer.text
    if spans is not None:
        lines += wrap(spans, width)
    elif text:
        lines += wrap([(plain_lines(text[:MAX_SHOWN]), "plain")], width)
    elif answer.whole and not answer.calls:
        lines += wrap([("(nothing)", "warn")], width)
    if (left := len(text) - MAX_SHOWN) > 0:
        lines += wrap([(f"… {left:,} more characters; copying takes them all", "muted")], width)
    for name, arguments in answer.calls:
        lines += wrap([("→ ", "accent"), (plain(f"{name} {arguments}"), "plain")], width)
    if isinstance(answer.end, Failed) and answer.end.code != "cancelled":
        lines += (
            [[], *wrap([(plain(answer.end.text), "bad")], width)]
            if text
            else list(wrap([(plain(answer.end.text), "bad")], width))
        )
    if answer.score is not None and answer.score.error:
        lines += [[], *wrap([(plain(answer.score.error), "warn")], width)]
    return lines


# --- two of them ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compared:
    """How the answers differ: a few words, and each text with its marks (None: without)."""

    words: str
    spans: dict[str, tuple[Span, ...] | None] = field(default_factory=dict)


def compare(answers: dict[str, AnswerSoFar], expected: str | None) -> Compared | None:
    """Each whole answer against ``expected``, or where there is none the two with each other.

    None where there is nothing to compare. A text of some thousand words takes a while: for a
    worker thread.
    """
    whole = {name: one for name, one in answers.items() if one.whole}
    texts = {name: one.scored_text if one.calls else one.text for name, one in whole.items()}
    words = _words(list(texts.values()))
    plain_ones = {name: text for name, text in texts.items() if not whole[name].calls}
    if any(len(text) > MAX_COMPARED for text in (*plain_ones.values(), expected or "")):
        return Compared(f"{words}; too long to be marked" if words else "too long to be marked")
    if expected is not None:
        spans = {name: _got(marked(expected, text)) for name, text in plain_ones.items()}
        return Compared(words, spans)
    if len(texts) < 2:
        return None
    if len(plain_ones) < 2:
        return Compared(words)
    (one, first), (two, second) = plain_ones.items()
    both = marked(first, second)
    if both.same or both.apart:
        return Compared(words)
    if max(map(_marked_share, (both.expected, both.got))) > MOSTLY:
        return Compared("The answers differ in most of their words.")
    return Compared(words, {one: _neutral(both.expected), two: _neutral(both.got)})


def _words(texts: list[str]) -> str:
    if len(texts) < 2:
        return ""
    one, two = texts
    if one == two:
        return "The answers are the same, letter by letter."
    if "".join(one.split()) == "".join(two.split()):
        return "The answers differ in white space only."
    return "The answers differ."


def _got(found: Marked) -> tuple[Span, ...] | None:
    return None if found.same or found.apart else found.got


def _marked_share(spans: Sequence[Span]) -> float:
    """The share of a text that has a mark, in [0, 1]."""
    marks = sum(len(text) for text, role in spans if role != "plain")
    return marks / max(1, sum(len(text) for text, _ in spans))


def _neutral(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Neither answer is the right one: what differs has one colour, and keeps its signs."""
    return tuple((text, "plain" if role == "plain" else "accent") for text, role in spans)
