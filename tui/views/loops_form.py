"""The forms of Loops as values: which fields, and what is typed in them as the engine takes it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from engine.loops.flywheel.making import PLATEAU, Wish
from engine.loops.patches import Bounds, Patches, check_patches
from engine.records.loop import IterationPlan
from tui.views.setting import YES_NO, Setting
from tui.views.settings_form import as_typed

# --- a new flywheel ------------------------------------------------------------------------

TARGET, PLANNER, DATA, COMMITS = "target", "planner", "data", "commits"


def start_fields(targets: Iterable[str]) -> list[Setting]:
    """What is asked for a flywheel, in its order."""

    def of(
        key: str, label: str, kind: Any, unit: str, range: str, help: str, **more: Any
    ) -> Setting:
        return Setting(key, label, "flywheel", kind, unit, range, help, **more)

    yes_no = {"options": YES_NO, "default": "false"}
    return [
        of(TARGET, "target", "choice", "", "", "What is improved.", options=tuple(targets)),
        of("iterations", "iterations", "whole", "at most", "1 or more",
           "So many times at most: plan, train, judge, add rows, commit.", low=1),
        of("hours", "hours", "number", "of work", "more than 0",
           "The loop ends after so many hours of work; pauses do not count. Empty: no limit.",
           low=0, above=True),
        of("plateau", "plateau", "whole", "in a row", "0 or more",
           "So many iterations in a row without a better one end it. 0: never.",
           low=0, default=str(PLATEAU)),
        of("approve", "approve each plan", "yes-no", "", "",
           "Each plan waits here for you: approve it as it is, or change it first.", **yes_no),
        of(COMMITS, "commit iterations", "yes-no", "", "", "", **yes_no),
        of(PLANNER, "who plans", "text", "", "", "", default="settings"),
        of(DATA, "who writes rows", "text", "", "", ""),
        of("tokens", "tokens of teachers", "whole", "at most", "0 or more",
           "Teachers may use so many tokens in all. Empty: no limit.", low=0),
        of("usd", "dollars of teachers", "number", "at most", "0 or more",
           "Teachers may cost so much in all, where prices are known. Empty: no limit.", low=0),
        of("skip_training", "skip first training", "yes-no", "", "",
           "In the first iteration the best adapter that is there is judged again.", **yes_no),
        of("seed", "seed", "whole", "", "0 or more",
           "Of data, settings and batches.", low=0, default="0"),
    ]  # fmt: skip


def wish_of(typed: Mapping[str, str]) -> Wish:
    """What was typed as the engine takes it; ValueError where a number is none."""

    def whole(key: str) -> int | None:
        return int(typed[key]) if typed.get(key) else None

    def real(key: str) -> float | None:
        return float(typed[key]) if typed.get(key) else None

    plateau = whole("plateau")
    return Wish(
        iterations=whole("iterations"),
        seed=whole("seed") or 0,
        approve=typed.get("approve") == "true",
        commits=typed.get(COMMITS) == "true",
        skip_training=typed.get("skip_training") == "true",
        plateau=PLATEAU if plateau is None else plateau or None,
        hours=real("hours"),
        planner=typed.get(PLANNER) or None,
        data_from=typed.get(DATA) or None,
        tokens=whole("tokens"),
        usd=real("usd"),
    )


# --- a plan that waits -----------------------------------------------------------------------

HYPOTHESIS, ROWS, FOCUS = "hypothesis", "augment_n", "augment_focus"
FOR_GOOD = "for good: "
"""Before the name of a setting that the plan changes in forge.yaml."""


def plan_fields(plan: IterationPlan, space: Mapping[str, Bounds]) -> list[Setting]:
    """The fields of a plan: its hypothesis, every setting that a plan may change, its rows."""
    found = [
        Setting(HYPOTHESIS, "hypothesis", "plan", "text", "", "", "What the iteration is to show."),
    ]
    found += [_field(name, name, bounds) for name, bounds in space.items()]
    found += [
        _field(FOR_GOOD + name, name, space.get(name, Bounds()), "written into forge.yaml")
        for name in plan.permanent
    ]
    found += [
        Setting(ROWS, "rows to add", "plan", "whole", "rows", "0 or more",
                "Rows that are asked for what fails. Empty: by the number of failures.", low=0),
        Setting(FOCUS, "rows about", "plan", "text", "", "",
                "What they are about. Empty: the slices that fail."),
    ]  # fmt: skip
    return found


def _field(key: str, name: str, bounds: Bounds, unit: str = "") -> Setting:
    label = name.removeprefix("factory.").removeprefix("training.")
    help = f"{name}: for this iteration alone." if not unit else f"{name}: {unit}, for good."
    if bounds.choices:
        listed = ", ".join(bounds.choices)
        if bounds.many:
            return Setting(key, label, "plan", "list", unit, listed, f"{help} A list of {listed}.")
        return Setting(key, label, "plan", "choice", unit, listed, help, options=bounds.choices)
    return Setting(
        key,
        label,
        "plan",
        "whole" if bounds.whole else "number",
        unit,
        _range(bounds),
        help,
        low=bounds.low if math.isfinite(bounds.low) else None,
        high=bounds.high if math.isfinite(bounds.high) else None,
    )


def _range(bounds: Bounds) -> str:
    if not math.isfinite(bounds.low) or not math.isfinite(bounds.high):
        return ""
    return f"{as_typed(bounds.low)} to {as_typed(bounds.high)}"


def plan_typed(plan: IterationPlan) -> dict[str, str]:
    """A plan as one would type it into its fields."""
    typed = {name: as_typed(value) for name, value in plan.patches.items()}
    typed |= {FOR_GOOD + name: as_typed(value) for name, value in plan.permanent.items()}
    typed[HYPOTHESIS] = plan.hypothesis
    typed[ROWS] = as_typed(plan.augment_n)
    typed[FOCUS] = plan.augment_focus or ""
    return typed


def plan_words(typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed as ``engine.loops.flywheel.planning.changed`` takes it. Values of settings
    stay texts: its door makes them numbers, or refuses them."""
    patches = {
        name: text for name, text in typed.items() if text and "." in name and not _good(name)
    }
    permanent = {name.removeprefix(FOR_GOOD): t for name, t in typed.items() if t and _good(name)}
    words: dict[str, Any] = {
        "patches": patches,
        "permanent": permanent,
        FOCUS: typed.get(FOCUS) or None,
        ROWS: int(typed[ROWS]) if typed.get(ROWS) else None,
    }
    if typed.get(HYPOTHESIS, "").strip():
        words[HYPOTHESIS] = typed[HYPOTHESIS].strip()
    return words


def plan_problems(words: Mapping[str, Any], space: Mapping[str, Bounds] | None) -> dict[str, str]:
    """What no plan may have, by its field."""
    found: dict[str, str] = {}
    for key, prefix in (("patches", ""), ("permanent", FOR_GOOD)):
        checked: Patches = check_patches(words[key], space)
        found |= {prefix + one.name: one.reason for one in checked.refused}
    return found


def _good(name: str) -> bool:
    return name.startswith(FOR_GOOD)
