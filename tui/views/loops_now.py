"""Where a loop is: its state in a few words, the ladder of the iteration, what to do next. Pure."""

from __future__ import annotations

from engine import numbers
from engine.loops.folder import Request
from engine.loops.words import place_words, state_words
from engine.records.loop import LoopPhase
from tui.views.cells import ABSENT, Cell, Tone
from tui.views.live_view import Step
from tui.views.loops_reader import Iteration, LoopView
from tui.views.plain import plain

_STEPS = ("plan", "train", "judge", "augment", "commit")

_MARKS: dict[LoopPhase, tuple[str, Tone]] = {
    LoopPhase.CREATED: ("·", "muted"),
    LoopPhase.RUNNING: ("▶", "accent"),
    LoopPhase.PAUSED: ("‖", "warn"),
    LoopPhase.COMPLETED: ("✔", "good"),
    LoopPhase.FAILED: ("✘", "bad"),
    LoopPhase.CANCELLED: ("■", "warn"),
}


def top_words(view: LoopView, now: float) -> tuple[str, Tone]:
    """The loop's state for the top line, without its reason: that has a line of its own."""
    if view.status is None:
        return "✘ cannot be read", "bad"
    if view.state == "running" and view.opening is not None:
        return "▶ gold is opened for the best", "accent"
    if view.state == "running":
        return f"▶ {state_words(view.status, _clock(view, now))}", "accent"
    if view.state == "dead":
        return "‖ its runner died", "warn"
    if view.waiting is not None:
        return "◌ a plan waits", "warn"
    sign, tone = _MARKS[view.status.phase]
    return f"{sign} {view.status.phase}", tone


def _clock(view: LoopView, now: float) -> str | None:
    step = view.steps.get(view.status.step or "") if view.status is not None else None
    if step is None or step.began is None or step.ended is not None:
        return None
    return numbers.duration(now - step.began)


def ladder(view: LoopView, now: float) -> list[Step]:
    """The steps of the iteration at hand, with their clocks; empty where there is none."""
    one, status = view.now, view.status
    if one is None or status is None:
        return []
    found = []
    records = (one.plan if not one.draft else None, _ran(one), one.verdict, one.data, one.commit)
    for name, record in zip(_STEPS, records, strict=True):
        time = view.steps.get(name) if status.iteration == one.number else None
        if record is not None:
            state = "done"
            if name == "judge" and one.verdict is not None and one.verdict.outcome == "crashed":
                state = "failed"
        elif status.iteration == one.number and status.step == name:
            state = "running" if view.state == "running" else _stopped(view)
        else:
            state = "pending"
        clock = ABSENT
        if time is not None and time.began is not None:
            end = time.ended if time.ended is not None else now if state == "running" else None
            clock = ABSENT if end is None else numbers.duration(end - time.began)
        found.append(Step(name, state, clock))
    return found


def _ran(one: Iteration) -> Iteration | None:
    """The run's record is there once it has ended."""
    return one if one.trained is not None else None


def _stopped(view: LoopView) -> str:
    assert view.status is not None
    return {LoopPhase.FAILED: "failed", LoopPhase.CANCELLED: "cancelled"}.get(
        view.status.phase, "stopped"
    )


def banner(view: LoopView, keys: dict[str, str]) -> list[Cell]:
    """The one or two sentences that matter most now, with what to do. ``keys`` names the keys."""
    if view.status is None:
        words = plain(view.problem, clip=400)
        return [Cell(f"✘ {words} Mend the file by hand, or begin another loop: ", "bad"),
                Cell(keys["flywheel"], "strong")]  # fmt: skip
    status = view.status
    reason = plain(status.reason or "", clip=600)
    asked = [Cell(f"{text}. ", "warn") for text in _asked(view, keys)]
    if view.state == "running":
        return asked
    if view.state == "dead":
        last = f" It said last: {plain(view.last_words, clip=200)}" if view.last_words else ""
        words = f"⚠ The loop's runner died {place_words(status)}.{last} Nothing is lost: "
        return [
            Cell(words, "warn"),
            Cell(f"{keys['resume']} goes on from there.", "strong"),
            *asked,
        ]
    waiting = view.waiting
    if waiting is not None:
        return [
            Cell(f"◌ The plan of iteration {waiting.number} waits. ", "warn"),
            Cell(f"{keys['approve']} approves it, {keys['edit_plan']} changes it first.", "strong"),
            *[Cell(f" {one.text}", one.tone) for one in asked],
        ]
    if status.phase is LoopPhase.FAILED:
        fix = status.last_error.fix if status.last_error is not None else None
        words = f"✘ {reason or 'It failed; no reason is recorded.'} "
        return [
            Cell(words, "bad"),
            Cell(f"→ {plain(fix, clip=300)}" if fix else "", "strong"),
            *asked,
        ]
    if status.phase is LoopPhase.COMPLETED:
        told = [Cell(f"✔ {reason} ", "good")]
        if status.gold_run is not None:
            score = numbers.score(status.gold_score, numbers.NOT_RECORDED)
            told.append(Cell(f"On gold: {score}. ", "plain"))
            if view.gold_decision is None:
                told.append(Cell(f"{keys['gold']} decides it.", "strong"))
            else:
                told.append(Cell(f"Decided: {plain(view.gold_decision, clip=40)}.", "muted"))
        elif sealed := next((one for one in reversed(view.said) if one.code == "gold"), None):
            told.append(Cell(plain(sealed.text, clip=400), "warn"))
        return told
    if status.phase is LoopPhase.CREATED:
        return [Cell("· It was made and not started. ", "muted"),
                Cell(f"{keys['resume']} starts it.", "strong")]  # fmt: skip
    sign, tone = _MARKS[status.phase]
    return [Cell(f"{sign} {reason} ", tone), Cell(f"{keys['resume']} goes on.", "strong"), *asked]


def _asked(view: LoopView, keys: dict[str, str]) -> list[str]:
    words = {
        Request.PAUSE: f"It pauses after this step, as asked ({keys['pause']} takes that back)",
        Request.STOP: f"It stops after this iteration, as asked ({keys['stop']} takes that back)",
        Request.SKIP_TRAINING: "Training is skipped the next time, as asked "
        f"({keys['skip']} takes that back)",
    }
    return [text for request, text in words.items() if request in view.asked]
