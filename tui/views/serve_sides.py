"""The two sides of Serve, each with what it is and how its server does, in words. Plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.cells import cell_len

from engine.models import ModelOnDisk
from engine.processes import is_alive
from engine.serving.endpoint import Endpoint
from engine.serving.managed import Wish
from engine.serving.pair import serves
from engine.serving.store import FoundServer, log_tail
from tui.serving import Look
from tui.views.cells import Cell, Tone, size
from tui.views.draft_view import short_name
from tui.views.entries import Entry, clipped
from tui.views.plain import fit, plain

SIDES = ("base", "candidate")
State = Literal[
    "nothing", "off", "starting", "ready", "stopping", "stopped", "failed", "gone", "endpoint"
]

_LOOKS: dict[State, tuple[str, str, Tone]] = {
    "nothing": ("·", "no model", "muted"),
    "off": ("○", "not started", "muted"),
    "starting": ("◌", "starting", "accent"),
    "ready": ("●", "ready", "good"),
    "stopping": ("◌", "stopping", "warn"),
    "stopped": ("○", "stopped", "muted"),
    "failed": ("✘", "failed", "bad"),
    "gone": ("✘", "gone", "bad"),
    "endpoint": ("↗", "elsewhere", "accent"),
}
"""Sign, word and tone of each state."""


_WHOLE: dict[State, Tone] = {"failed": "bad", "gone": "bad", "nothing": "muted"}
"""States whose words are said whole, the most serious first."""

_BEFORE_FACTS = 26
"""Cells of a side's line before its words."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a side is: a model on this disk with or without an adapter, or somebody's endpoint.

    ``why_not`` is the sentence where it is neither.
    """

    model: ModelOnDisk | None = None
    adapter: Path | None = None
    endpoint: Endpoint | None = None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """One side at one moment. ``words`` say more of its state; ``seconds`` is how long it starts,
    or took to start."""

    name: str
    source: Source
    state: State
    words: str = ""
    server: str | None = None
    """The name of its server, also of one that has ended."""
    url: str | None = None
    seconds: float | None = None
    folder: Path | None = None
    keep: bool = False
    ours: bool = False

    @property
    def answers(self) -> bool:
        """Whether it can be asked now."""
        return self.state in ("ready", "endpoint")

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it is asked; None while it does not answer."""
        if self.state == "endpoint":
            return self.source.endpoint
        if self.state == "ready" and self.url is not None:
            return Endpoint(self.url, name=f"The server {self.server}")
        return None

    @property
    def under_way(self) -> bool:
        """Whether its server is there, or about to be."""
        return self.state in ("starting", "ready", "stopping")


def side_of(
    name: str, source: Source, look: Look, wanted: str, keeps: Callable[[str], bool]
) -> Side:
    """How a side does. ``wanted`` is the name under which its server was last started or found,
    ``keeps`` whether one of ours is to stay.

    Reads the end of a log while a server starts: for a worker thread.
    """
    if source.endpoint is not None:
        return Side(name, source, "endpoint", url=source.endpoint.url)
    if source.model is None:
        return Side(name, source, "nothing", source.why_not)
    found = _server_of(source, look, wanted)
    if found is not None and found.alive:
        return _running(name, source, look, found, keeps)
    wish, seconds = look.starting.get(wanted, (None, 0.0))
    if wish is not None and _means(wish, source):
        return Side(name, source, "starting", "", wanted, None, seconds, None, keeps(wanted), True)
    wish, why = look.refused.get(wanted, (None, ""))
    if wish is not None and _means(wish, source):
        folder = found.folder if found is not None else None
        return Side(name, source, "failed", why, wanted, folder=folder)
    if found is None:
        return Side(name, source, "off")
    state, words = _ended(found)
    return Side(name, source, state, words, found.record.name, folder=found.folder)


def _ended(found: FoundServer) -> tuple[State, str]:
    """How a server that does not run any more ended."""
    record = found.record
    if found.state == "stopped":
        return "stopped", ""
    if found.state == "failed":
        return "failed", record.error or f"The server {record.name} failed."
    if not record.keep and not is_alive(record.owner):
        return "stopped", "ended with the app that had started it"
    return "gone", f"The server {record.name} ended without being asked."


def _means(wish: Wish, source: Source) -> bool:
    """Whether a start was one of that model with that adapter."""
    return (wish.model, wish.adapter) == (source.model, source.adapter)


def _server_of(source: Source, look: Look, wanted: str) -> FoundServer | None:
    """The living server with that model and adapter, else the dead one of the wanted name."""
    assert source.model is not None
    same = [one for one in look.servers if serves(one, source.model, source.adapter)]
    alive = [one for one in same if one.alive]
    alive.sort(key=lambda one: one.record.name != wanted)
    if alive:
        return alive[0]
    return next((one for one in same if one.record.name == wanted), None)


def _running(
    name: str, source: Source, look: Look, found: FoundServer, keeps: Callable[[str], bool]
) -> Side:
    record = found.record
    server, words, seconds = record.name, "", record.ready_s
    state: State = "ready"
    if server in look.stopping:
        state = "stopping"
    elif server in look.starting or found.state == "starting":
        state, words = "starting", log_tail(found.folder, 1)
        _, seconds = look.starting.get(server, (None, None))
    elif found.state != "ready":
        state = "stopping"  # asked to end, by whomever, and not gone yet
    ours = server in look.ours or server in look.starting
    keep = record.keep or (ours and keeps(server))
    return Side(name, source, state, words, server, record.url, seconds, found.folder, keep, ours)


# --- in words ------------------------------------------------------------------------------


def title_of(source: Source, room: int) -> str:
    """What a side is, in ``room`` cells: the model's name, and that it has an adapter."""
    if source.endpoint is not None:
        return fit(plain(source.endpoint.shown), room).rstrip()
    if source.model is None:
        return ""
    more = " + adapter" if source.adapter is not None else ""
    return short_name(source.model.id, max(6, room - len(more))).rstrip() + more


def side_entry(side: Side, chosen: bool, width: int) -> Entry:
    """A side's line: sign, name, state, then what most matters now."""
    sign, word, tone = _LOOKS[side.state]
    row: list[tuple[str, str]] = [
        (" ▸" if chosen else "  ", "accent"),
        (f"{sign} ", tone),
        (f"{side.name:<10}", "strong" if chosen else "plain"),
        (f"{word:<12}", tone),
    ]
    used = sum(cell_len(text) for text, _ in row)
    return Entry(clipped([*row, *_facts(side, width - used)], width), side.name)


def _facts(side: Side, room: int) -> list[tuple[str, str]]:
    if side.state in ("failed", "gone", "nothing") and side.words:
        tone = "muted" if side.state == "nothing" else "bad"
        return [(plain(side.words, clip=400), tone)]
    if side.state == "starting":
        spent = "" if side.seconds is None else f"{side.seconds:.0f} s  "
        return [(spent, "accent"), (plain(side.words, clip=300), "muted")]
    if side.state == "endpoint" and side.source.endpoint is not None:
        asked = f"{plain(side.source.endpoint.shown)} · {plain(side.url)}"
        return [(f"{asked} · {plain(side.source.endpoint.model)}", "plain")]
    if side.state != "ready":
        title = title_of(side.source, room)
        return [(f"{title}  {side.words}" if side.state == "stopped" else title, "muted")]
    stays = "stays" if side.keep else "ends with the app" if side.ours else "started elsewhere"
    facts = [
        (f"{(side.url or '').removesuffix('/v1')}  ", "plain"),
        (stays, "accent" if side.keep else "muted"),
    ]
    left = room - sum(cell_len(text) for text, _ in facts) - 2
    if side.seconds is not None and left >= 16:
        facts.append((f"  ready in {side.seconds:.1f} s", "muted"))
        left -= cell_len(facts[-1][0])
    if left >= 16:
        facts.append((f"  {title_of(side.source, left)}", "muted"))
    return facts


def choice_line(source: Source) -> str:
    """A source in a list to choose from."""
    if source.endpoint is not None:
        one = source.endpoint
        return f"↗ {plain(one.shown)} · {plain(one.url)} · {plain(one.model)}"
    assert source.model is not None
    model = source.model
    parts = [title_of(source, 60), model.quantisation, size(model.size), model.origin]
    return " · ".join(plain(one) for one in parts if one)


def trouble_cells(sides: list[Side], room: int) -> list[Cell] | None:
    """Why a side cannot be asked, whole, where its line has no room for it."""
    for state, tone in _WHOLE.items():
        for side in sides:
            if side.state == state and cell_len(side.words) > room - _BEFORE_FACTS:
                return [Cell(f"{side.name}: {plain(side.words, clip=600)}", tone)]
    return None


def note_cells(sides: list[Side], compared: str, start: str, ask: str) -> list[Cell]:
    """The line below the answers: how they differ, and what their rates are worth. ``start`` and
    ``ask`` are the keys that do so."""
    states = [one.state for one in sides]
    if states == ["ready", "ready"]:
        worth = "Shared machine: rates are no evidence."
    elif "endpoint" in states:
        worth = "The network is in these rates: no evidence."
    elif "ready" in states or "starting" in states or set(states) == {"nothing"}:
        worth = ""
    else:
        worth = f"{start} starts both servers; then {ask} asks them side by side."
    return [
        cell for cell in (Cell(compared and f"{compared}  "), Cell(worth, "muted")) if cell.text
    ]
