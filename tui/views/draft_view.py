"""What New run says about a setting, a planned run and the models on disk. No Textual in here."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from engine.models import ModelOnDisk
from engine.planning import Draft
from engine.records.plan import StageKind
from tui.views import cells
from tui.views.cells import Cell
from tui.views.plain import fit, middle, plain
from tui.views.settings_form import Setting

Line = list[Cell]

BASE = "model.base"
SHOWN_MODELS = 6
"""Models on disk that the side panel names; the key shows them all."""


def setting_lines(setting: Setting, own: str, models: Sequence[ModelOnDisk] | None) -> list[Line]:
    """A setting in full: its key, what it does, its range, and what the target says.

    ``models`` are those on this disk, None while they are looked for.
    """
    range_ = " · ".join(part for part in (setting.unit, setting.range) if part)
    says = f"the target says {plain(own, clip=80)}" if own else "the target says nothing"
    key = setting.key if setting.key != "more" else ""
    lines: list[Line] = [
        [Cell(setting.label, "strong"), Cell(f"  {key}", "muted")],
        [Cell(setting.help)],
        [Cell(range_, "accent"), Cell("" if setting.key == "more" else f" · {says}", "muted")],
    ]
    if setting.key == BASE:
        lines += _models(models)
    return lines


def _models(models: Sequence[ModelOnDisk] | None) -> list[Line]:
    if models is None:
        return [[Cell("looking for models on this disk …", "muted")]]
    if not models:
        return [[Cell("No model is in the hub's cache on this disk.", "muted")]]
    lines: list[Line] = [
        [Cell("F2", "accent"), Cell(" chooses one of those on this disk:", "muted")]
    ]
    lines += [[Cell("  "), *model_cells(model, 28)] for model in models[:SHOWN_MODELS]]
    if len(models) > SHOWN_MODELS:
        lines.append([Cell(f"  and {len(models) - SHOWN_MODELS} more", "muted")])
    return lines


def model_cells(model: ModelOnDisk, room: int) -> Line:
    """A model in one line: id in ``room`` cells, precision, size, architecture."""
    about = "  ".join(
        plain(part)
        for part in (model.quantisation, cells.size(model.size), model.architecture)
        if part
    )
    return [Cell(fit(middle(plain(model.id), room), room)), Cell(f"  {about}", "muted")]


def draft_lines(drafted: Draft) -> list[Line]:
    """What the run would be: its command, goal, model, bounds, stages and foreign commands."""
    config = drafted.config
    model = config.base_model
    bound = config.eval.threshold
    sign = "≥" if config.eval.direction == "higher" else "≤"
    gates = f"{plain(config.eval.primary)} {sign} {cells.number(bound.primary_min)}"
    if bound.breadth_drop_max_pp is not None:
        gates += f" · breadth drop ≤ {bound.breadth_drop_max_pp:g} pp"
    lines: list[Line] = [
        [Cell("The same run from a shell", "accent")],
        [Cell("$ ", "accent"), Cell(plain(shlex.join(drafted.command), clip=2000))],
        [],
        [Cell("The run", "accent")],
        [Cell("goal    ", "muted"), Cell(plain(config.owner_goal, clip=300))],
        [
            Cell("model   ", "muted"),
            Cell(plain(model.id)),
            Cell(f"  {plain(model.precision)}" if model.precision else "", "muted"),
        ],
        [Cell("gates   ", "muted"), Cell(gates)],
        [
            Cell("stages  ", "muted"),
            Cell(" → ".join(plain(stage.name) for stage in drafted.plan.stages)),
        ],
    ]
    for stage in drafted.plan.stages:
        if stage.kind is StageKind.COMMAND:
            command = plain(shlex.join(stage.argv))
            lines.append([Cell("runs    ", "warn"), Cell(f"{plain(stage.name)}: {command}")])
    return lines
