"""What New run knows of one setting: its field, its bounds and its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["whole", "number", "text", "choice", "yes-no", "list"]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a target: ``key`` is its place in forge.yaml.

    ``low`` and ``high`` bound a number; with ``above`` or ``below`` the bound itself is not
    allowed. ``default`` is what an engine takes where forge.yaml is silent and has no default of
    its own.
    """

    key: str
    label: str
    group: str
    kind: Kind
    unit: str
    range: str
    help: str
    low: float | None = None
    high: float | None = None
    above: bool = False
    below: bool = False
    options: tuple[str, ...] = ()
    default: str = ""
    derived: bool = False
    """Whether its own value follows from other settings: then a value that is typed always counts,
    since the own one may be another by the time the run is made."""


SEED = "seed"
SEEDS = "seeds"
MORE = "more"
HYPOTHESIS = "hypothesis"

NOT_IN_FORGE = (SEED, SEEDS, MORE, HYPOTHESIS)
"""Fields that are no keys of forge.yaml."""

YES_NO = ("true", "false")
