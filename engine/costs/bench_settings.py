"""Which pace of a training is good enough: ``[bench]`` in the workspace's ``factory.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.costs.verdict import USUAL, PaceLimits
from engine.settings_file import load_table


class BenchSettings(BaseModel):
    """Seconds of a training iteration. A key that is not known here is a mistake and refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    proceed_s: float = Field(default=USUAL.proceed_s, gt=0, allow_inf_nan=False)
    """Up to here the verdict is "proceed"."""
    usable_s: float = Field(default=USUAL.usable_s, gt=0, allow_inf_nan=False)
    """Up to here "usable"."""
    too_slow_s: float = Field(default=USUAL.too_slow_s, gt=0, allow_inf_nan=False)
    """Up to here "slow", above "choose a smaller model"."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.proceed_s < self.usable_s < self.too_slow_s:
            raise ValueError(
                f"proceed_s, usable_s and too_slow_s must rise, and are {self.proceed_s:g}, "
                f"{self.usable_s:g} and {self.too_slow_s:g}"
            )
        return self


def load_limits(workspace: Path) -> PaceLimits:
    """The limits of a workspace, the usual ones where it says nothing; SettingsError if wrong."""
    found = load_table(workspace, "bench", BenchSettings)
    return PaceLimits(found.proceed_s, found.usable_s, found.too_slow_s)
