"""What a run concluded, as text for a terminal and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from engine import numbers
from engine.catalogue.summary import RunSummary, summarise
from engine.checks.contents import RunContents, load
from engine.checks.rulers import judged_rulers
from engine.checks.verified import Verified, verify
from engine.cli.console import printable
from engine.cli.telling import as_dict, folder_of, state_of
from engine.judge.gates import Gate
from engine.judge.how_sure import how_sure
from engine.judge.measured import Measured
from engine.judge.ruler import Ruler
from engine.judge.states import Value, delta_of, value_of
from engine.records.evaluation import EvalResult

RULER_MARKS = {Ruler.GOOD: "✔", Ruler.BROKEN: "✘", Ruler.DOUBTFUL: "?", Ruler.UNKNOWN: "?"}
MARKS = {"pass": "✔", "fail": "✘", "undecided": "?"}
PAIRS = (
    ("primary", "eval-baseline.json", "eval-candidate.json"),
    ("breadth", "eval-regression-baseline.json", "eval-regression-candidate.json"),
)


@dataclass(frozen=True)
class Described:
    """A run's folder, read once."""

    path: Path
    summary: RunSummary
    contents: RunContents

    @cached_property
    def verified(self) -> Verified:
        """Whether every link of the run is traced to a measurement."""
        return verify(self.contents)

    def as_json(self) -> dict[str, Any]:
        """Summary, gates and decision; what was not recorded is null."""
        decision = self.contents.decision
        return {
            **as_dict(self.summary),
            "path": str(self.path),
            "gates": [
                {
                    "name": gate.name,
                    "bound": gate.bound,
                    "value": gate.value,
                    "interval": gate.interval,
                    "verdict": str(gate.verdict),
                    "reason": gate.reason,
                }
                for gate in self.contents.gates
            ],
            "rulers": [
                {
                    "suite": one.suite,
                    "ruler": str(one.finding.ruler),
                    "reason": one.finding.sentence,
                    "ceiling": one.ceiling.model_dump(mode="json") if one.ceiling else None,
                }
                for one in judged_rulers(self.contents)
            ],
            "verified": verified_json(self.verified),
            "how_sure": self._how_sure(),
            "decision_record": decision.model_dump(mode="json") if decision else None,
        }

    def as_text(self) -> str:
        """The before/after table, the gates with their reasons, and where the files are."""
        lines = [f"{printable(self.summary.run_id)}  ·  {state_of(self.summary)}"]
        if self.contents.config is not None:
            lines.append(printable(self.contents.config.owner_goal))
        if self.summary.last_error is not None:
            lines += ["", f"✘ {printable(self.summary.last_error)}"]
            if self.summary.last_fix is not None:
                lines.append(f"  → {printable(self.summary.last_fix)}")
        lines += ["", *self._table(), "", *self._gates(), *self._rulers()]
        if sure := self._how_sure():
            lines += ["", *map(printable, sure)]
        if self.contents.evals:
            lines += ["", *verified_lines(self.verified)]
        if self.contents.decision is not None:
            decision = self.contents.decision
            said = printable(self.summary.decided_as or str(decision.decision))
            lines += ["", f"decision  {said}: {printable(decision.reason)}"]
            if self.summary.routed is not None and self.summary.decision == "ship":
                lines.append(f"routing   {printable(self.summary.routed)}")
        report = self.path / "report.md"
        lines += ["", f"folder    {folder_of(self.path)}"]
        if report.exists():
            lines.append(f"report    {folder_of(report)}")
        return "\n".join(lines)

    def _table(self) -> list[str]:
        header: tuple[str, ...] = ("", "suite", "n", "before", "after", "Δ", "interval after")
        rows = [header]
        for label, before_file, after_file in PAIRS:
            before, after = (self.contents.evals.get(name) for name in (before_file, after_file))
            known = after or before
            if known is not None:
                rows.append((label, *_compared(known, before, after)))
        if len(rows) == 1:
            return ["Nothing was evaluated yet."]
        widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
        return [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]

    def _how_sure(self) -> list[str]:
        """What says how sure the numbers are, beside the gates."""
        contents = self.contents
        if contents.config is None:
            return []
        measured = Measured(contents.config, contents.evals, contents.rows)
        return [one.sentence for one in how_sure(contents.run_id, measured, contents.tries)]

    def _gates(self) -> list[str]:
        gates = self.contents.gates
        if not gates and self.contents.config is None:
            return ["No gates: config.json cannot be read."]
        if not gates:
            return ["No gates: config.json sets none."]
        return [_gate_line(gate) for gate in gates]

    def _rulers(self) -> list[str]:
        """What a stronger model says of the suites, where one was asked."""
        lines = [
            f"{RULER_MARKS[one.finding.ruler]} {printable(f'{one.suite}: {one.finding.sentence}')}"
            for one in judged_rulers(self.contents)
            if one.ceiling is not None
        ]
        return ["", *lines] if lines else []


def describe(path: Path) -> Described:
    """Read a run's folder. Broken files are left out here and are findings of ``validate``."""
    return Described(path, summarise(path), load(path))


def verified_json(verified: Verified) -> dict[str, Any]:
    """Whether a run is verified, and each link with what it was traced to."""
    return {
        "ok": verified.ok,
        "links": [{"name": one.name, "ok": one.ok, "why": one.why} for one in verified.links],
    }


def verified_lines(verified: Verified) -> list[str]:
    """Verified or not in one sentence, and the reasons why not."""
    mark = MARKS["pass" if verified.ok else "undecided"]
    lines = [f"{mark} {verified.sentence}"]
    return lines + [f"    {printable(reason)}" for reason in verified.reasons]


def _compared(
    known: EvalResult, before: EvalResult | None, after: EvalResult | None
) -> tuple[str, ...]:
    old, new = value_of(before, "score"), value_of(after, "score")
    delta = delta_of(old, new)
    interval = after.interval if after is not None else None
    return (
        printable(known.suite),
        numbers.count(known.n),
        _shown(old),
        _shown(new),
        numbers.change(delta.number, old.number, new.number),
        numbers.ABSENT
        if interval is None
        else f"{numbers.score(interval.low)} to {numbers.score(interval.high)}",
    )


def _shown(value: Value) -> str:
    """A score with the word for how it came about, where it was not measured here."""
    if value.number is None:
        return value.absent_text
    return f"{numbers.score(value.number)} {value.mark}".rstrip()


def _gate_line(gate: Gate) -> str:
    return f"{MARKS[str(gate.verdict)]} {gate.name:<21} {printable(gate.reason)}"
