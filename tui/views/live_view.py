"""What Live says in words and numbers, from a projection and a status. No Textual in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

from engine.live.projected import StageView
from engine.live.projection import RunProjection
from engine.live.signs import Sign
from tui.views.cells import ABSENT, Cell, Tone
from tui.views.plain import fit, plain
from tui.widgets.scale import compact, duration
from tui.widgets.sparkline import bar

SIGNS: dict[str, tuple[str, Tone]] = {
    "pending": ("·", "muted"),
    "running": ("▶", "accent"),
    "done": ("✔", "good"),
    "failed": ("✘", "bad"),
    "cancelled": ("■", "warn"),
    "reused": ("↺", "muted"),
    "stopped": ("‖", "warn"),
}
"""How a stage's state is drawn; "stopped" is one that was running when its supervisor died."""

_NAME_TONES: dict[str, Tone] = {"running": "strong", "pending": "muted"}

LEVELS: dict[str, tuple[str, Tone]] = {
    "info": ("·", "muted"),
    "warning": ("⚠", "warn"),
    "error": ("✘", "bad"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the ladder."""

    name: str
    state: str
    clock: str
    note: str = ""
    charted: bool = False


def steps(
    projection: RunProjection,
    status: Mapping[str, Any],
    liveness: str,
    now: float,
    charted: str | None,
) -> list[Step]:
    """The stages in the plan's order, with the time that each took or has taken so far."""
    recorded = status.get("stages")
    known: Mapping[str, Any] = recorded if isinstance(recorded, dict) else {}
    error = status.get("last_error")
    broken = error.get("stage") if isinstance(error, dict) else None
    found = []
    for stage in projection.stages.values():
        state = stage.state
        told = known.get(stage.name)
        if state == "pending" and isinstance(told, dict) and isinstance(told.get("state"), str):
            state = told["state"]
        alive = liveness in ("running", "waiting")
        if state == "running" and not alive:
            state = "failed" if stage.name == broken else "stopped"
        clock = stage.clock_s(now if alive else None)
        shown = duration(clock) if state not in ("pending", "reused") else ABSENT
        found.append(Step(stage.name, state, shown, _note(stage, state), stage.name == charted))
    return found


def _note(stage: StageView, state: str) -> str:
    if state == "failed":
        return stage.reason or (
            f"exit code {stage.exit_code}" if stage.exit_code is not None else "failed"
        )
    if state == "running" and stage.resumed_from_step is not None:
        return f"resumed from step {stage.resumed_from_step:,}"
    peak = stage.peak_tree_rss_bytes
    return f"peak {compact(peak, 'bytes')}" if peak else ""


def step_row(step: Step, width: int) -> list[Cell]:
    """A step of the ladder in one line: sign, name, a note where it fits, and the clock."""
    sign, tone = SIGNS.get(step.state, SIGNS["pending"])
    name = _NAME_TONES.get(step.state, "plain")
    clock = step.clock.rjust(8)
    room = max(0, width - 2 - len(clock))
    text, note = plain(step.name), plain(step.note)
    if note and cell_len(text) + cell_len(note) + 2 > room:
        # A reason that does not fit is said in full by the banner; a peak can be left out.
        note = fit(note, room - cell_len(text) - 2).rstrip() if step.state == "failed" else ""
    left = max(0, room - cell_len(note))
    return [
        Cell(f"{sign} ", tone),
        Cell(fit(text, left), name),
        Cell(note, "bad" if step.state == "failed" else "muted"),
        Cell(clock, "accent" if step.state == "running" else "muted"),
    ]


def step_line(found: list[Step], width: int) -> list[Cell]:
    """The ladder in one line: the step that runs with its clock, the others as room allows."""
    for names in (12, 8, 0):
        cells: list[Cell] = []
        for step in found:
            sign, tone = SIGNS.get(step.state, SIGNS["pending"])
            active = step.state in ("running", "failed", "stopped", "cancelled")
            room = 20 if active else names
            name = plain(step.name)
            shown = name if len(name) <= room else (name[: room - 1] + "…" if room else "")
            cells.append(Cell(sign + (" " if shown else ""), tone))
            cells.append(Cell(shown, "strong" if active else "muted"))
            if active or (names > 8 and step.clock != ABSENT):
                cells.append(Cell(f" {step.clock}", "accent" if active else "muted"))
            cells.append(Cell("  ", "muted"))
        if sum(len(cell.text) for cell in cells) <= width:
            break
    return cells


def progress_cells(
    projection: RunProjection,
    liveness: str,
    now: float,
    width: int,
    plan_left: float | None = None,
) -> list[Cell] | None:
    """A bar with what is done and a credible time left; None where nothing counts now.

    ``plan_left`` is the time left of the whole run in seconds, None where it is not known.
    """
    stage = projection.stages.get(projection.stage or "")
    if stage is None or stage.state in ("done", "pending"):
        return None
    pace = stage.pace
    share = pace.share
    if share is None and not pace.done:
        return None
    left = stage.seconds_left(now) if liveness == "running" else None
    done = compact(pace.done) if pace.done < 1e6 else f"{pace.done:,.0f}"
    if pace.total is None:
        return [Cell(f"{plain(stage.name)} ", "strong"), Cell(f"{done} {plain(pace.unit)}")]
    words = f"{done} of {compact(pace.total)} {plain(pace.unit)}"
    parts = [Cell(f" {share or 0:4.0%}", "strong"), Cell(f"  {words}", "muted")]
    if stage.state == "running":
        if left is not None:
            parts.append(Cell(f"  {duration(left)} left", "accent"))
            if any(one.state == "pending" for one in projection.stages.values()):
                whole = "in this stage" if plan_left is None else f"· run {duration(plan_left)}"
                parts.append(Cell(f" {whole}", "muted"))
        elif liveness == "running" and pace.done < pace.total:
            parts.append(Cell("  time left not known", "muted"))
    room = width - sum(len(part.text) for part in parts) - len(stage.name) - 1
    length = min(max(room, 8), 60)
    filled = bar(share or 0.0, length)
    solid = filled.rstrip(" ")
    return [
        Cell(f"{plain(stage.name)} ", "strong"),
        Cell(solid, "accent"),
        Cell("░" * (length - len(solid)), "muted"),
        *parts,
    ]


TO_DECIDE = "◆ to decide"
AWAITING = ("evaluated", "packaging", "packaged", "reporting")
"""The phases in which a run that has ended waits for its decision."""


def state_words(
    projection: RunProjection, status: Mapping[str, Any], liveness: str
) -> tuple[str, Tone]:
    """Where the run is, in a few words for the top line."""
    phase = str(status.get("phase") or projection.phase or "no status")
    decision = projection.decision
    if liveness == "dead":
        return f"‖ {phase}, not attached", "warn"
    if liveness == "waiting" or (liveness == "running" and projection.waiting_for):
        place = f", number {projection.position}" if projection.position else ""
        return f"… waiting{place}", "warn"
    if phase == "failed":
        return "✘ failed", "bad"
    if phase == "cancelled":
        return "■ cancelled", "warn"
    if phase == "decided" or decision:
        return f"✔ decided: {decision}" if decision else "✔ decided", "good"
    if liveness == "running":
        return f"▶ {phase}", "accent"
    return (TO_DECIDE, "accent") if phase in AWAITING else (f"· {phase}", "muted")


def banner(
    projection: RunProjection,
    status: Mapping[str, Any],
    liveness: str,
    *,
    broken: int = 0,
    awaits_decision: bool = False,
    room: int = 600,
) -> Cell | None:
    """The one sentence that matters most now, with what to do; None when all is as it should be.

    Of a failure's words those are left out that would not fit into ``room`` characters: what to do
    about it stands at the end and is never cut.
    """
    phase = status.get("phase")
    error = status.get("last_error")
    if liveness == "dead":
        return Cell(
            "⚠ Not attached: its supervisor died. R resumes from the last checkpoint, C cancels.",
            "warn",
        )
    if phase == "failed":
        said: Mapping[str, Any] = error if isinstance(error, dict) else {}
        where = f" in {plain(said['stage'])}" if said.get("stage") else ""
        fix = f" → {plain(said['fix'], clip=room // 2)}" if said.get("fix") else ""
        left = max(20, room - len(where) - len(fix) - 12)
        what = plain(said.get("message") or "no reason is recorded", clip=left)
        return Cell(f"✘ Failed{where}: {what}{fix}", "bad")
    waits = projection.waiting_for or status.get("waiting_for")
    if liveness == "waiting" or (waits and liveness == "running" and projection.running is None):
        place = f" It is number {projection.position}." if projection.position else ""
        return Cell(f"… Waiting for {plain(waits or 'the accelerator')}.{place}", "warn")
    if phase == "cancelled":
        return Cell(
            "■ Cancelled. R starts it again from its last checkpoint where it has one.", "warn"
        )
    if awaits_decision:
        return Cell("All evidence is there. d judges it and decides.", "accent")
    if broken:
        return Cell(f"⚠ {broken} lines of events.jsonl could not be read. v says more.", "warn")
    return None


def message_row(message: Sign, first_t: float | None) -> list[Cell]:
    """A sign: its mark, when (on the run's clock), stage, words; what is over says so."""
    sign, tone = LEVELS.get(message.level, LEVELS["info"])
    at = duration(message.t - first_t) if message.t is not None and first_t is not None else ""
    times = f" (×{message.times})" if message.times > 1 else ""
    words: Tone = tone if message.level != "info" else "plain"
    if message.over:
        sign, tone, words, times = "✓", "muted", "muted", f"{times} It is over."
    return [
        Cell(f"{sign} ", tone),
        Cell(f"{at:>7}  ", "muted"),
        Cell(f"{plain(message.stage)}  " if message.stage else "", "muted"),
        Cell(plain(message.text or message.code) + times, words),
    ]
