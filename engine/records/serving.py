"""``.factory/serve/<name>/server.json``: one model server of this machine, and who it is."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from engine.records.base import Record, Text, UtcTime
from engine.records.status import ProcessId


class ServerPhase(StrEnum):
    """What was last written down of a server; whether it still runs, its process says."""

    STARTING = "starting"
    """The process is there; no token has come out of it yet."""
    READY = "ready"
    """A completion of one token succeeded."""
    FAILED = "failed"
    """It did not come so far, or ended without being asked; ``error`` says why."""
    STOPPED = "stopped"
    """It was asked to end, and did."""


class ServerRecord(Record):
    """``server.json``. Paths are this machine's own: the file never leaves ``.factory``."""

    name: Text
    phase: ServerPhase
    model: Text
    """The model directory that it loaded."""
    model_id: Text
    """What the model was called by whoever started it."""
    adapter: str | None = None
    """The adapter's directory; None is the base alone."""
    host: Text = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
    keep: bool = False
    """Whether it stays when whoever started it ends."""
    process: ProcessId | None = None
    owner: ProcessId | None = None
    """Who started it; a server that is not kept ends with this process."""
    started: UtcTime
    ready: UtcTime | None = None
    ended: UtcTime | None = None
    ready_s: float | None = Field(default=None, ge=0)
    """Seconds from its start to the first token."""
    error: str | None = None

    @property
    def url(self) -> str:
        """The base address of its OpenAI-compatible interface."""
        return f"http://{self.host}:{self.port}/v1"
