"""How patient the supervisor is: ``[supervisor]`` in the workspace's ``factory.toml``."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from engine.settings_file import load_table
from engine.supervise.process import Patience


class Settings(BaseModel):
    """Times in seconds. A key that is not known here is a mistake and refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interrupt_s: float = Field(default=10.0, ge=0)
    """Between SIGINT and SIGTERM when a stage is stopped."""
    terminate_s: float = Field(default=5.0, ge=0)
    """Between SIGTERM and SIGKILL."""
    sample_s: float = Field(default=0.5, gt=0)
    """Between two looks at memory, silence and the time limit."""
    memory_pressure_share: float = Field(default=0.06, ge=0, lt=1)
    """Below this share of available memory a stage says so once."""
    disk_low_bytes: int = Field(default=2 * 10**9, ge=0)
    """Below so many free bytes on the run's file system a stage says so once."""

    @property
    def patience(self) -> Patience:
        return Patience(self.interrupt_s, self.terminate_s)


def load_settings(workspace: Path) -> Settings:
    """The settings of a workspace, the defaults where it says nothing; SettingsError if wrong."""
    return load_table(workspace, "supervisor", Settings)
