"""Runs one input within bounds, says what went wrong, and makes the input smaller.

The clock is that of the processor, so that a busy machine is no finding. Memory is the process's
high-water mark, which costs nothing to ask.
"""

from __future__ import annotations

import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from scripts.fuzzing.readers import FuzzedReader
from scripts.fuzzing.seeds import ROOT

SECONDS = 5.0
"""Of the processor's time that one input may take."""

MEMORY = 256 * 2**20
"""Bytes by which one input may raise the process's high-water mark."""


class TooSlow(BaseException):
    """An input took longer than it may. No Exception, so that no reader takes it for its own."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """``kind`` is the error's type, ``slow`` or ``memory``; ``place`` our innermost line."""

    kind: str
    place: str
    text: str
    trace: str

    @property
    def same(self) -> tuple[str, str]:
        """What two inputs have in common that found the same thing."""
        return self.kind, self.place.rpartition(":")[0]


def attempt(
    reader: FuzzedReader, data: bytes, home: Path, seconds: float = SECONDS
) -> Wrong | None:
    """Give ``data`` to the reader; what came out that may not."""
    before = _peak()
    started = time.process_time()
    try:
        with _clock(seconds):
            reader.read(data, home)
    except TooSlow as error:
        return _wrong("slow", error, f"over {seconds:g} s of the processor")
    except reader.clean as error:
        if not str(error).strip() and str(error.__class__.__name__) != "StreamTooLarge":
            return _wrong("silent", error, "an error without a sentence")
    except MemoryError as error:
        return _wrong("memory", error, "no memory was left")
    except Exception as error:  # noqa: BLE001 - which ones come is what is asked
        return _wrong(type(error).__name__, error, str(error))
    if (grown := _peak() - before) > MEMORY:
        return Wrong("memory", "", f"{grown / 2**20:.0f} MB more", "")
    if (took := time.process_time() - started) > seconds:
        return Wrong("slow", "", f"{took:.1f} s of the processor", "")
    return None


def smaller(
    reader: FuzzedReader, data: bytes, wrong: Wrong, home: Path, patience_s: float = 20.0
) -> bytes:
    """The input without what the finding does not need, as far as patience goes."""
    until = time.monotonic() + patience_s
    size = max(1, len(data) // 2)
    while True:
        at = 0
        while at < len(data) and time.monotonic() < until:
            shorter = data[:at] + data[at + size :]
            found = attempt(reader, shorter, home)
            if found is not None and found.same == wrong.same:
                data = shorter
            else:
                at += size
        if size == 1 or time.monotonic() >= until:
            return data
        size = max(1, size // 2)


@contextmanager
def _clock(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _wrong(kind: str, error: BaseException, text: str) -> Wrong:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if _is_ours(one.filename)]
    last = ours[-1] if ours else frames[-1]
    file = Path(last.filename)
    name = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name
    trace = "".join(traceback.format_exception(error)[-12:])
    return Wrong(kind, f"{name}:{last.name}:{last.lineno}", text[:300], trace)


def _is_ours(name: str) -> bool:
    return any(Path(name).is_relative_to(ROOT / one) for one in ("engine", "tui", "scripts"))


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
