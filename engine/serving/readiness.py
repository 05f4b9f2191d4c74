"""Waits until a fresh server has answered with one token, or says why it never will."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from engine.plain_file import open_plain
from engine.records.serving import ServerRecord
from engine.serving import ports
from engine.serving.endpoint import Endpoint, EndpointError
from engine.serving.exchange import Exchange, Timeouts
from engine.serving.store import LOG, log_tail

POLL_S = 0.1
_LOG_BYTES = 256 * 1024
_DIED = re.compile(r"generation thread died: (.+)")
_TAKEN = re.compile(r"Address already in use", re.IGNORECASE)


class NotReady(Exception):
    """The server will not answer; a sentence. ``port_taken``: another program has its port;
    ``unwanted``: whoever started it gave it up."""

    def __init__(self, text: str, *, port_taken: bool = False, unwanted: bool = False) -> None:
        super().__init__(text)
        self.port_taken = port_taken
        self.unwanted = unwanted


class _Probe(threading.Thread):
    """One completion of one token, in a thread so that its server's death is seen meanwhile."""

    def __init__(self, record: ServerRecord, seconds: float) -> None:
        super().__init__(daemon=True, name=f"probe {record.name}")
        limits = Timeouts(5.0, seconds, seconds, seconds)
        shown = f"The server {record.name}"
        self._exchange = Exchange(Endpoint(record.url, name=shown), limits)
        self.error: EndpointError | None = None
        self.start()

    def run(self) -> None:
        body = {"model": "default_model", "prompt": "Hello", "max_tokens": 1}
        try:
            self._exchange.open("/completions", body)
            for _ in self._exchange.read():
                pass
        except EndpointError as error:
            self.error = error
        finally:
            self._exchange.close()

    def cancel(self) -> None:
        self._exchange.cancel()


def wait_until_ready(
    record: ServerRecord,
    folder: Path,
    ended: Callable[[], int | None],
    timeout_s: float,
    stopped: Callable[[], bool],
) -> float:
    """Seconds until a completion of one token succeeded. NotReady when it will not.

    ``ended`` gives the child's exit code, None while it runs. Nothing is asked before that very
    child listens on the port: another program that has it might answer.
    """
    assert record.process is not None or ended() is not None, "a process that runs has a number"
    began = time.monotonic()
    probe: _Probe | None = None
    try:
        while True:
            if (code := ended()) is not None:
                raise _dead(record, folder, code)
            if stopped():
                raise NotReady(f"The start of {record.name} was cancelled.", unwanted=True)
            spent = time.monotonic() - began
            if spent > timeout_s:
                raise NotReady(
                    f"The server {record.name} did not answer within {timeout_s:.0f} s. "
                    f"Its log is {folder / LOG}."
                )
            if probe is None:
                assert record.process is not None
                if ports.listens(record.process.pid, record.port) is not False:
                    probe = _Probe(record, timeout_s - spent)
            elif not probe.is_alive():
                if probe.error is None:
                    return time.monotonic() - began
                if probe.error.code != "connect":
                    raise _no_answer(record, folder, probe.error)
                probe = None  # it does not listen yet, where the system does not say who does
            if probe is None:
                time.sleep(POLL_S)
            else:
                probe.join(POLL_S)
    finally:
        if probe is not None:
            probe.cancel()


def _dead(record: ServerRecord, folder: Path, code: int) -> NotReady:
    text = _log(folder)
    if _TAKEN.search(text):
        return NotReady(
            f"Port {record.port} is already in use by another program. Name another one, or leave "
            "--port out and a free one is chosen.",
            port_taken=True,
        )
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return NotReady(
        f"The server {record.name} ended before it was ready ({how}). {log_tail(folder, 1)}".strip()
    )


def _no_answer(record: ServerRecord, folder: Path, error: EndpointError) -> NotReady:
    """It stays up with a model that it could not load, and says no to every question."""
    found = _DIED.findall(_log(folder))
    what = record.model_id + (f" with adapter {record.adapter}" if record.adapter else "")
    if found:
        why = found[-1].strip()[:300].rstrip(".: ")
        return NotReady(f"mlx-lm cannot load {what}: {why}.")
    return NotReady(f"No token came from {what}. {error}")


def _log(folder: Path) -> str:
    with contextlib.suppress(OSError), open_plain(folder / LOG) as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LOG_BYTES))
        return file.read(_LOG_BYTES).decode("utf-8", "replace")
    return ""
