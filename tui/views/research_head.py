"""The top of a campaign's screen: where it is, what it is for, how good the best is. Pure."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping

from engine import numbers
from engine.records.loop import LoopPhase
from tui.lookout import short_path
from tui.views import cells
from tui.views.cells import Cell, Tone
from tui.views.loops_now import banner as loop_banner
from tui.views.loops_now import top_words
from tui.views.plain import fit, plain
from tui.views.research_reader import CampaignView
from tui.views.research_table import half_width
from tui.views.research_tries import Tried

WHAT_A_CAMPAIGN_IS = (
    "A research campaign searches a training recipe under the rules of an experiment protocol: "
    "each try changes what may be changed, is run several times, and is kept only where it is "
    "better beyond the noise."
)

STEPS = {
    "propose": "proposes",
    "measure": "measures",
    "judge": "judges",
    "keep": "writes it down",
}
"""The steps of an iteration, as what it does."""


def state(view: CampaignView, now: float) -> tuple[str, Tone]:
    """Where the campaign is, for the right of the top line."""
    status, loop = view.loop.status, view.loop
    if loop.state != "running" or status is None:
        words, tone = top_words(loop, now)
        person = view.by_person and status is not None and status.phase is LoopPhase.PAUSED
        return ("◌ waits for your change", "warn") if person else (words, tone)
    if status.iteration == 0 or view.loop.loop is None:
        return "▶ it is set up", "accent"
    what = STEPS.get(status.step or "", status.step or "begins")
    if status.step == "measure" and view.campaign is not None:
        what = f"measures {len(view.repeats) + 1} of {planned(view)}"
    return f"▶ {place(view, status.iteration - 1)} · {what}", "accent"


def place(view: CampaignView, number: int) -> str:
    """A try among those that there may be: "try 3 of 20"."""
    limit = view.loop.loop.limits.iterations if view.loop.loop is not None else 0
    return "the baseline" if number == 0 else f"try {number} of {max(limit, number)}"


def planned(view: CampaignView) -> int:
    """How many measurements the try at hand is to have."""
    one, campaign = view.open, view.campaign
    if campaign is None:
        return 1
    if one is not None and one.number == 0:
        return campaign.baseline_seeds
    if one is not None and one.wish is not None and one.wish.kind in ("rerun", "replay"):
        return one.wish.seeds
    return campaign.seeds


def purpose(view: CampaignView, width: int) -> list[Cell]:
    """What the protocol is for; what a person wants of the campaign, where that was said."""
    goal = view.campaign.proposer.goal if view.campaign is not None else None
    words = goal or (view.protocol.meta.purpose_statement if view.protocol is not None else "")
    return [Cell(fit(plain(words, clip=600), width).rstrip(), "plain")] if words else []


def numbers_line(view: CampaignView, width: int) -> list[Cell]:
    """The best and the baseline with their intervals, and what lies between them."""
    first, best = view.baseline, view.best
    arrow = "↓" if view.lower_is_better else "↑"
    better = "smaller" if view.lower_is_better else "larger"
    name = plain(view.metric, clip=40)
    found = [Cell(f"{name} {arrow} ", "accent")]
    if first is None or first.score is None:
        words = "the baseline has no number" if first is not None and first.verdict else (
            f"{better} is better · the baseline is measured first"
        )  # fmt: skip
        return _within([*found, Cell(words, "muted")], width)
    if best is not None and best.number != first.number and best.score is not None:
        found += [Cell("best ", "muted"), *_value(best), Cell(f"({best.name})  ", "muted")]
        delta = best.score - first.score
        found += [Cell(cells.difference(delta, share=False), _tone(view, delta))]
        if first.score:
            share = delta / abs(first.score)
            found.append(Cell(f" {cells.minus(f'{share:+.0%}')}", _tone(view, delta)))
        found += [Cell("  baseline ", "muted"), *_value(first)]
    else:
        found += [Cell("baseline ", "muted"), *_value(first)]
        if view.done:
            found.append(Cell("no try was better yet  ", "muted"))
    found.append(Cell(noise_words(first), "muted"))
    return _within(found, width)


def noise_words(first: Tried) -> str:
    """How much one measurement of the baseline scatters, in words."""
    noise = first.verdict.noise if first.verdict is not None else None
    if noise is None or not math.isfinite(noise):
        return "noise not recorded"
    return f"noise {cells.number(noise)}" if noise else "no noise: every measurement was the same"


def _value(one: Tried) -> list[Cell]:
    half = half_width(one)
    return [
        Cell(cells.number(one.score), "strong"),
        Cell(f" ±{cells.number(half)} " if half is not None else " ", "muted"),
    ]


def _tone(view: CampaignView, delta: float) -> Tone:
    return "good" if (delta < 0) is view.lower_is_better and delta else "muted"


def facts(view: CampaignView, now: float, width: int) -> list[Cell]:
    """How far it is, how it is judged, who proposes, where, and what was spent."""
    loop, campaign, status = view.loop.loop, view.campaign, view.loop.status
    if loop is None or campaign is None:
        return []
    parts = [f"{view.done} of {loop.limits.iterations} tries"]
    parts += [f"{campaign.seeds} seeds", f"{campaign.confidence:.3g} confidence"]
    parts.append(f"{proposer(view)} proposes")
    worked = view.loop.worked_s(now)
    if worked:
        limit = f" of {loop.limits.hours:g} h" if loop.limits.hours else ""
        parts.append(f"{numbers.duration(worked)}{limit}")
    if status is not None and status.spent.calls:
        spent = f"{status.spent.tokens:,} tokens"
        parts.append(f"{spent} ${status.spent.usd:.2f}" if status.spent.usd else spent)
    parts.append(plain(campaign.repo, clip=200))
    parts.append(f"⎇ {plain(campaign.branch, clip=200)}")
    return _within([Cell(" · ".join(parts), "muted")], width)


def proposer(view: CampaignView) -> str:
    """Who proposes, as the start of a sentence."""
    if view.campaign is None:
        return "nobody"
    who = view.campaign.proposer
    if who.kind == "settings":
        return "the built-in sampler"
    if who.kind == "person":
        return "a person"
    if who.kind == "command":
        return plain(who.argv[0], clip=40) if who.argv else "a command"
    return plain(who.teacher or "a teacher", clip=60)


def banner(view: CampaignView, keys: Mapping[str, str]) -> list[Cell]:
    """The sentences that matter most now, with what to do. ``keys`` names the keys."""
    loop, status = view.loop, view.loop.status
    if loop.problem or status is None or loop.loop is None:
        words = plain(loop.problem or view.problem, clip=400)
        return [
            Cell(f"✘ {words} Mend the file by hand, or begin another campaign: ", "bad"),
            Cell(keys["new"], "strong"),
        ]
    named = {**keys, "flywheel": keys["new"], "skip": "", "approve": "", "edit_plan": ""}
    found: list[Cell] = []
    waits = view.by_person and loop.state == "idle" and status.phase is LoopPhase.PAUSED
    if waits and view.submitted:
        found += [
            Cell("◌ Your change waits to be tried: ", "warn"),
            Cell(f"{keys['resume']} goes on.", "strong"),
        ]
    elif waits:
        words = "◌ It waits for your change" + (", and one that you began is kept: " * view.draft)
        found += [
            Cell(words if view.draft else f"{words}: ", "warn"),
            Cell(f"{keys['edit']} opens the files in your editor.", "strong"),
        ]
    else:
        found += loop_banner(loop, {"gold": "", **named})
    best, campaign = view.best, view.campaign
    if status.phase is LoopPhase.COMPLETED and best is not None and best.number and campaign:
        repo = loop.path.parent.parent / campaign.repo
        short = short_path(repo)
        # A shell fills ~ in only where it is not quoted.
        place = short if shlex.quote(short[1:]) == short[1:] else shlex.quote(str(repo))
        where = f"git -C {place} merge {shlex.quote(campaign.branch)}"
        found += [Cell("Take the best over: ", "muted"), Cell(plain(where, clip=600), "strong")]
    if view.problem:
        found.append(Cell(f" ⚠ {plain(view.problem, clip=300)}", "warn"))
    if view.wishes:
        words = ", ".join(f"{one.kind} {_name(one.iteration)}" for one in view.wishes[:3])
        more = f" and {len(view.wishes) - 3} more" if len(view.wishes) > 3 else ""
        found.append(Cell(f" ◌ Asked for, done next: {words}{more}.", "warn"))
    said = next((one for one in reversed(loop.said) if one.level in ("warning", "error")), None)
    if said is not None and loop.state == "running" and said.iteration == status.iteration:
        found.append(Cell(f" ⚠ {plain(said.text, clip=300)}", "warn"))
    return found


def _name(iteration: int) -> str:
    return "the baseline" if iteration == 1 else f"try {iteration - 1}"


def _within(row: list[Cell], width: int) -> list[Cell]:
    found: list[Cell] = []
    for one in row:
        if width <= 0:
            break
        text = one.text if len(one.text) <= width else fit(one.text, width).rstrip()
        found.append(Cell(text, one.tone))
        width -= len(one.text)
    return found
