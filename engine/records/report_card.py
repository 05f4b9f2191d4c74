"""``report-card.json``: a run for people who do not have this tool. ``report-card.html`` is made
from it alone.

It is derived from the other records and measures nothing. Texts that a model or a person wrote
are cut to a bounded length. Absent is not zero: what was not measured is None, with its state.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.records.base import Record, Sha256, Text, UtcTime
from engine.records.evaluation import Direction

Tone = Literal["good", "bad", "open"]
"""How a thing reads at a glance: it holds, it does not, or nothing can be said yet."""

NoteTone = Literal["good", "bad", "open", "plain"]
"""Does a note speak for the numbers, against them, leave a question, or only say how it is?"""


class CardNumber(Record):
    """A number with its two-sided interval, both in the unit of what was measured.

    ``state`` says where it comes from (measured, derived, historical, skipped, missing, not
    applicable), ``why`` what is to be said to that.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = Field(default=None, ge=0)
    method: str | None = None
    confidence: float | None = None
    state: Text = "measured"
    why: str | None = None


class CardVerdict(Record):
    """What was decided, as a word and as sentences that need no other page."""

    decision: str | None = None
    routed: str | None = None
    """Where alone the artifact may be used, where that was limited."""
    tone: Tone
    headline: Text
    sentences: list[str] = Field(default_factory=list)
    reason: str | None = None
    next_action: str | None = None
    decided: UtcTime | None = None
    verified: bool | None = None
    """Whether every link of a ship can be traced to a measurement; None where that is not asked."""
    unverified: list[str] = Field(default_factory=list)
    """Why not, each as a sentence."""


class CardSuite(Record):
    """One suite before and after. ``difference`` is candidate minus baseline."""

    suite: Text
    role: Text
    metric: str | None = None
    share: bool = True
    """Whether the score is a share in [0, 1]."""
    direction: Direction = "higher"
    before: CardNumber
    after: CardNumber
    difference: CardNumber
    told: str | None = None
    """"better", "worse", "within the noise" or "cannot be told"."""
    sentence: str | None = None
    bound: float | None = None
    """The primary suite's threshold, in the unit of the score."""


class CardGate(Record):
    """One gate, each value as it is shown."""

    name: Text
    bound: str
    value: str
    interval: str
    verdict: Text
    reason: str = ""


class CardMissing(Record):
    """Evidence that is not there, and what follows from that."""

    what: Text
    why: str = ""


class CardNote(Record):
    """One thing that is known of how far the numbers can be trusted."""

    topic: Text
    text: Text
    tone: NoteTone = "plain"


class CardCurve(Record):
    """A loss over training steps. A None is a value that was no number; ``points`` counts them
    all, also those that were left out of ``steps`` to keep it short."""

    name: Text
    steps: list[float] = Field(default_factory=list)
    values: list[float | None] = Field(default_factory=list)
    points: int = Field(default=0, ge=0)


class CardExample(Record):
    """One example that flipped, with its texts."""

    id: Text
    slice: str | None = None
    prompt: str = ""
    expected: str = ""
    before: str = ""
    after: str = ""


class CardFlips(Record):
    """What changed on one suite. The examples are the first of ``fixed`` and ``broken``."""

    suite: Text
    n: int = Field(ge=0)
    fixed: int = Field(ge=0)
    broken: int = Field(ge=0)
    fixed_examples: list[CardExample] = Field(default_factory=list)
    broken_examples: list[CardExample] = Field(default_factory=list)


class CardRow(Record):
    """A named row of texts, as a table shows it."""

    name: Text
    cells: list[str] = Field(default_factory=list)


class CardAttempt(Record):
    """One run at the same target."""

    run_id: Text
    method: str = ""
    result: str = ""
    decision: str = ""
    reason: str = ""
    confidence: str = ""
    lesson: str = ""
    this: bool = False


class CardFile(Record):
    """Something the run was made from, by its hash; ``rows`` where they were counted."""

    what: Text
    name: Text
    sha256: str | None = None
    rows: int | None = Field(default=None, ge=0)


class CardFact(Record):
    """A name and what is to be said of it."""

    name: Text
    text: str


class ReportCard(Record):
    """``report-card.json``.

    ``made_from`` is the fingerprint of the records that it was made from, ``page_sha256`` the hash
    of ``report-card.html`` as it was written beside it, ``card_sha256`` that of this card as JSON
    without the two hashes: whoever changes a number in it by hand is found out.
    """

    run_id: Text
    target: str | None = None
    goal: str | None = None
    base_model: str | None = None
    method: str | None = None
    verdict: CardVerdict
    suites: list[CardSuite] = Field(default_factory=list)
    gates: list[CardGate] = Field(default_factory=list)
    missing: list[CardMissing] = Field(default_factory=list)
    notes: list[CardNote] = Field(default_factory=list)
    curves: list[CardCurve] = Field(default_factory=list)
    curve_note: str | None = None
    flips: list[CardFlips] = Field(default_factory=list)
    slices: list[CardRow] = Field(default_factory=list)
    performance: list[CardRow] = Field(default_factory=list)
    performance_notes: list[str] = Field(default_factory=list)
    """On which prompts latency was measured."""
    attempts: list[CardAttempt] = Field(default_factory=list)
    attempts_note: str | None = None
    data: list[CardFact] = Field(default_factory=list)
    files: list[CardFile] = Field(default_factory=list)
    provenance: list[CardFact] = Field(default_factory=list)
    left_out: list[str] = Field(default_factory=list)
    """What the run has more of than a card shows, each as a sentence."""
    made_from: Sha256
    page_sha256: Sha256 | None = None
    card_sha256: Sha256 | None = None
