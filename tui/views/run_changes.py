"""What a run varied against its parent, and what came of it. Pure."""

from __future__ import annotations

from engine.catalogue.run_facts import settings_of
from engine.catalogue.summary import RunSummary
from tui.views import cells
from tui.views.cells import Cell
from tui.views.plain import middle, plain

MOST, MANY = 4, 20
"""Differences that are shown, in little room and in much; how many more there are is said."""


def changes(run: RunSummary, parent: RunSummary) -> list[str]:
    """What differs between two runs, each as ``name before → after``: model, seed, settings.

    What only one of them recorded counts as a difference, and is said to be not set in the other.
    """
    found = []
    if run.base_model != parent.base_model:
        found.append(f"model {_said(parent.base_model)} → {_said(run.base_model)}")
    before, after = settings_of(parent), settings_of(run)
    for name in dict.fromkeys([*after, *before]):
        if before.get(name) != after.get(name):
            shown = plain(name, clip=40)
            found.append(f"{shown} {_said(before.get(name))} → {_said(after.get(name))}")
    if run.seed != parent.seed:
        found.append(f"seed {_said(parent.seed)} → {_said(run.seed)}")
    return found


def _said(value: object) -> str:
    return "not set" if value is None else plain(value, clip=40)


def parent_line(
    run: RunSummary, parent: RunSummary | None, most: int = MOST, width: int = 10**6
) -> list[Cell]:
    """The parent, the difference in score, and what was varied, as one line; empty without one.

    A long name leaves the half of ``width`` to what was varied.
    """
    if not run.parent_run_id:
        return []
    name = middle(plain(run.parent_run_id), max(12, width // 2 - 7))
    line = [Cell("after  ", "muted"), Cell(name)]
    if parent is None:
        return [*line, Cell("  not in this workspace", "muted")]
    one, other = run.primary_candidate, parent.primary_candidate
    if one is not None and other is not None:
        gain = cells.difference(one - other, share=cells.is_share(one, other))
        line.append(Cell(f"  score {gain}", "muted"))
    differs = changes(run, parent)
    more = len(differs) - most
    said = " · ".join(differs[:most]) + (f" · {more} more" if more > 0 else "")
    line.append(Cell("  " + (said or "no setting differs"), "plain" if said else "muted"))
    return line
