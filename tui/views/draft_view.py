"""What New run says about a setting, a planned run and the models on disk. No Textual in here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from engine.models import ModelOnDisk
from engine.plans.planning import Draft
from engine.records.run import RunConfig
from tui.views import cells
from tui.views.cells import Cell
from tui.views.plain import fit, middle, plain
from tui.views.setting import NOT_IN_FORGE, Setting

Line = list[Cell]

BASE = "model.base"
_QUOTED = re.compile(r"'(\{[a-z]+\})'")
SHOWN_MODELS = 6
"""Models on disk that the side panel names; the key shows them all."""


def setting_lines(
    setting: Setting, own: str, models: Sequence[ModelOnDisk] | None, problem: str | None = None
) -> list[Line]:
    """A setting in full: its key, what it does, its range, and what the target says.

    ``models`` are those on this disk, None while they are looked for; ``problem`` is what is wrong
    with what was typed.
    """
    range_ = " · ".join(part for part in (setting.unit, setting.range) if part)
    says = f"the target says {plain(own, clip=80)}" if own else "the target says nothing"
    outside = setting.key in NOT_IN_FORGE and setting.key != "seed"
    lines: list[Line] = [
        [
            Cell(setting.label, "strong"),
            Cell("" if setting.key in NOT_IN_FORGE else f"  {setting.key}", "muted"),
        ],
        [Cell(setting.help)],
        [Cell(range_, "accent"), Cell("" if outside else f" · {says}", "muted")],
    ]
    if problem:
        lines.insert(1, [Cell(f"✘ It must be {plain(problem, clip=200)}.", "bad")])
    if setting.key == BASE:
        lines += _models(models)
    return lines


def _models(models: Sequence[ModelOnDisk] | None) -> list[Line]:
    if models is None:
        return [[Cell("looking for models on this disk …", "muted")]]
    if not models:
        return [[Cell("No model is in the hub's cache or in this workspace.", "muted")]]
    lines: list[Line] = [
        [Cell("F2", "accent"), Cell(" chooses one of those on this disk:", "muted")]
    ]
    lines += [[Cell("  "), *model_cells(model, 28)] for model in models[:SHOWN_MODELS]]
    if len(models) > SHOWN_MODELS:
        lines.append([Cell(f"  and {len(models) - SHOWN_MODELS} more", "muted")])
    return lines


def model_cells(model: ModelOnDisk, room: int) -> Line:
    """A model in one line: id in ``room`` cells, parameters, precision, size, origin."""
    about = "  ".join(
        plain(part, clip=40)
        for part in (
            parameters(model.parameters) if model.parameters else None,
            model.quantisation,
            cells.size(model.size),
            model.origin,
        )
        if part
    )
    return [Cell(fit(short_name(model.id, room), room)), Cell(f"  {about}", "muted")]


def short_name(name: str, room: int) -> str:
    """A hub id or a path in ``room`` cells: what stands before the last slash gives way first."""
    text = plain(name)
    before, slash, last = text.rpartition("/")
    left = room - cell_len(last) - 1
    if cell_len(text) <= room or not slash or left < 1:
        return middle(last if slash and cell_len(text) > room else text, room)
    return fit(before, left).rstrip() + "/" + last


def model_row(model: ModelOnDisk, room: int) -> Line:
    """A model as a row of a table, columns as in ``MODEL_HEAD``; what files do not say is a dot."""
    columns = (
        fit(parameters(model.parameters), 7, align="right"),
        fit(plain(model.quantisation or cells.ABSENT, clip=40), 12),
        fit(cells.size(model.size), 6, align="right"),
        fit(parameters(model.context), 8, align="right"),
        fit(plain(model.architecture or cells.ABSENT, clip=40), 10),
        fit(model.origin, 9),
    )
    return [
        Cell(fit(short_name(model.id, room), room)),
        Cell("  " + "  ".join(columns), "muted"),
    ]


def model_head(room: int) -> Line:
    """The names of the columns of ``model_row``."""
    columns = (
        fit("params", 7, align="right"),
        fit("precision", 12),
        fit("disk", 6, align="right"),
        fit("context", 8, align="right"),
        fit("kind", 10),
        fit("from", 9),
    )
    return [Cell(fit("model", room) + "  " + "  ".join(columns), "accent")]


def parameters(value: int | None) -> str:
    """A count in the unit that models are named by: 427k, 596M, 8.2B; 32,768 becomes 33k."""
    if value is None:
        return cells.ABSENT
    number, unit = float(value), ""
    for unit in ("", "k", "M", "B", "T"):
        if number < 999.5 or unit == "T":
            break
        number /= 1000
    decimals = number < (100 if unit in ("B", "T") else 10 if unit == "M" else 0)
    return f"{number:.1f}{unit}" if decimals else f"{number:.0f}{unit}"


def draft_lines(drafted: Draft, commands: Sequence[str] = ()) -> list[Line]:
    """What the run would be: its command, goal, model, bounds, and every stage's command.

    ``commands`` are the command lines that make the same runs, where there are several.
    """
    config = drafted.config
    model = config.base_model
    bound = config.eval.threshold
    sign = "≥" if config.eval.direction == "higher" else "≤"
    gates = f"{plain(config.eval.primary)} {sign} {cells.number(bound.primary_min)}"
    if bound.breadth_drop_max_pp is not None:
        gates += f" · breadth drop ≤ {bound.breadth_drop_max_pp:g} pp"
    what = "The same runs from a shell" if len(commands) > 1 else "The same run from a shell"
    lines: list[Line] = [
        [Cell(what, "accent"), Cell("  ^y copies", "muted")],
        *(
            [Cell("$ ", "accent"), Cell(plain(command, clip=2000))]
            for command in commands or [shlex.join(drafted.command)]
        ),
        [],
        [Cell("The run", "accent")],
        [Cell("goal    ", "muted"), Cell(plain(config.owner_goal, clip=300))],
        [
            Cell("model   ", "muted"),
            Cell(plain(model.id)),
            Cell(f"  {plain(model.precision)}" if model.precision else "", "muted"),
        ],
        [Cell("gates   ", "muted"), Cell(gates)],
        *([Cell("  "), Cell(plain(one, clip=400), "muted")] for one in drafted.notes),
        *([Cell("! ", "warn"), Cell(plain(one, clip=400), "warn")] for one in drafted.sends),
        [Cell("stages, each a process of its own", "muted")],
    ]
    room = max((len(stage.name) for stage in drafted.plan.stages), default=0)
    room = min(20, room)
    for stage in drafted.plan.stages:
        # Placeholders are for people here: a shell would have their braces quoted.
        command = plain(_QUOTED.sub(r"\1", shlex.join(stage.argv)), clip=600)
        # What the target itself would run is told apart from programs of ours.
        own = str(stage.kind) == "command"
        lines.append(
            [
                Cell("! " if own else "  ", "warn"),
                Cell(fit(plain(stage.name), room), "warn" if own else "strong"),
                Cell(f"  {command}", "plain" if own else "muted"),
            ]
        )
    return lines


# --- against the parent -----------------------------------------------------------


def varied(parent: RunConfig, now: RunConfig) -> list[tuple[str, str, str]]:
    """What differs between a run and the one that is planned: name, before, after."""
    before, after = _facts(parent), _facts(now)
    names = dict.fromkeys((*before, *after))
    return [
        (name, before.get(name, cells.ABSENT), after.get(name, cells.ABSENT))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _facts(config: RunConfig) -> dict[str, str]:
    facts = {
        "base model": config.base_model.id,
        "base revision": config.base_model.revision or cells.ABSENT,
        "seed": str(config.seed),
        "primary": config.eval.primary,
        "primary_min": f"{config.eval.threshold.primary_min:g}",
        "breadth_drop_max_pp": str(config.eval.threshold.breadth_drop_max_pp),
    }
    facts |= {f"suite {name}": digest[:12] for name, digest in config.eval.suites.items()}
    _flatten(config.hyperparameters, "", facts)
    return facts


def _flatten(values: Mapping[str, Any], prefix: str, into: dict[str, str]) -> None:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            _flatten(value, f"{name}.", into)
        else:
            into[name] = f"{value:g}" if isinstance(value, float) else str(value)


def varied_lines(parent_id: str, differences: Sequence[tuple[str, str, str]]) -> list[Line]:
    """What is varied against the parent, a line each."""
    lines: list[Line] = [[Cell(f"Varied against {plain(parent_id, clip=80)}", "accent")]]
    if not differences:
        text = "nothing: it would be the same run again"
        return [*lines, [Cell("⚠ ", "warn"), Cell(text, "warn")]]
    room = min(22, max(len(name) for name, _, _ in differences))
    for name, before, after in differences:
        lines.append(
            [
                Cell("● ", "accent"),
                Cell(fit(plain(name), room), "strong"),
                Cell(f"  {plain(before, clip=120)} → ", "muted"),
                Cell(plain(after, clip=120)),
            ]
        )
    return lines
