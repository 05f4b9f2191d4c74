"""What every worker shares: its input, its events, its signals and its end.

A worker is a module of ``engine.work`` that ends with::

    def main(ctx: WorkerContext) -> None:
        spec = ctx.parse(TrainSpec)            # or ctx.spec, a plain dict
        rows = read(ctx.path(spec.train))      # placeholders filled in, relative to the run
        ctx.emit(kind="progress", done=1, total=3, unit="rows")
        ctx.message("data", "12 rows were left out.", level="warning")
        if ctx.stopping:                       # a signal came, or the parent died
            save(); ctx.stop()                 # exits with code 4
        ctx.write_record("dataset.json", record)

    if __name__ == "__main__":
        runtime.run(main)

Bad input is a ``Refusal``: one sentence in an event and on stderr, exit code 3,
no traceback. A worker that computes with MLX calls ``engine.work.blas.prepare``
first and imports MLX, mlx_lm and modules that use them after that, inside ``main``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from engine.folder import FolderError, read_record, sha256_file, write_json_atomic
from engine.records.events import encode_number
from engine.records.plan import Plan, Stage
from engine.work import narration

EXIT_DONE = 0
EXIT_CRASH = 1
EXIT_BAD_INPUT = 3
EXIT_STOPPED = 4
EXIT_FAILED = 5
"""A known reason (NaN loss, out of memory, full disk); the message says which."""

PARENT_POLL_S = 0.5
Level = Literal["info", "warning", "error"]
SpecT = TypeVar("SpecT", bound=BaseModel)

OUT_OF_MEMORY_SIGNS = (
    "out of memory",
    "insufficient memory",
    "bad_alloc",
    "malloc",
    "unable to allocate",
)
"""What MLX says (Metal, CUDA, CPU) when memory runs out, in lower case."""


class Refusal(Exception):
    """Bad input. The text is a sentence: what, where, and what to do. Exit code 3."""

    code = "bad-input"
    exit_code = EXIT_BAD_INPUT


class Failure(Exception):
    """A known failure that is not the input's fault; ``code`` is the message's. Exit code 5."""

    exit_code = EXIT_FAILED

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Stopped(Exception):
    """The worker ends because it was asked to, with everything saved. Exit code 4."""


class EventPipe:
    """Writes one JSON event a line to a file descriptor; without one, events are dropped."""

    def __init__(self, fd: int | None) -> None:
        self.fd = fd
        self._lock = threading.Lock()
        if fd is not None:
            os.set_inheritable(fd, False)  # a grandchild must not keep the pipe open

    def send(self, event: dict[str, Any]) -> bool:
        """Whether the reader is still there. A broken pipe closes this one for good."""
        line = json.dumps(_plain(event), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return self.pass_on(line.encode("utf-8", "replace") + b"\n")

    def pass_on(self, lines: bytes) -> bool:
        """Send events that are whole lines already; as ``send``."""
        data = memoryview(lines)
        with self._lock:
            if self.fd is None:
                return True
            try:
                while data:
                    data = data[os.write(self.fd, data) :]
            except OSError:
                self.fd = None
                return False
        return True

    def broken(self) -> bool:
        """Whether the reading end was closed; looks without writing."""
        if self.fd is None:
            return False
        poll = select.poll()
        poll.register(self.fd, 0)
        return any(what & (select.POLLERR | select.POLLHUP) for _, what in poll.poll(0))


def _plain(value: Any) -> Any:
    """JSON that says "nan" and "inf" as events do."""
    if isinstance(value, float):
        return encode_number(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


class WorkerContext:
    """A worker's view of its stage. Made by ``run``; tests may make one by hand."""

    def __init__(
        self, run: Path, plan: Plan, stage: Stage, pipe: EventPipe, resuming: bool
    ) -> None:
        self.run = run
        self.plan = plan
        self.stage = stage
        self.pipe = pipe
        self.resuming = resuming
        self.workspace = run.parent.parent
        self.target = (self.workspace / plan.target_dir).resolve()
        self.stop_reason: str | None = None
        self._interruptible = False

    # --- input --------------------------------------------------------------------

    @property
    def spec(self) -> dict[str, Any]:
        return self.stage.spec

    def parse(self, model: type[SpecT]) -> SpecT:
        """The stage's spec as ``model``; Refusal names every value that is wrong."""
        try:
            return model.model_validate(self.stage.spec)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'/'.join(str(part) for part in item['loc']) or 'spec'}: {item['msg']}"
                for item in error.errors()
            )
            raise Refusal(
                f"The settings of stage {self.stage.name} in plan.json are wrong: {wrong}. "
                "Make a new run with corrected settings."
            ) from error

    def expand(self, text: str) -> str:
        """``text`` with {run}, {workspace}, {target} and {python} filled in; other braces stay."""
        for name, value in (
            ("{run}", self.run),
            ("{workspace}", self.workspace),
            ("{target}", self.target),
            ("{python}", sys.executable),
        ):
            text = text.replace(name, str(value))
        return text

    def path(self, text: str) -> Path:
        """A path of ``spec``; relative ones are relative to the run folder."""
        return self.run / self.expand(text)

    def target_path(self, text: str) -> Path:
        """A suite's or a dataset's path; relative ones are relative to the target."""
        return self.target / self.expand(text)

    @property
    def command(self) -> str:
        """How to start this worker by hand from the workspace, without a path of this machine."""
        where = self.run.relative_to(self.workspace).as_posix()
        argv = [item.replace("{python}", "python") for item in self.stage.argv]
        return (
            f"FACTORY_RUN={shlex.quote(where)} FACTORY_STAGE={self.stage.name} {shlex.join(argv)}"
        )

    # --- output -------------------------------------------------------------------

    def emit(self, **event: Any) -> None:
        """Send one event, and print it as a line where a log would want one.

        ``kind`` and its fields as in ``engine.records.events``.
        """
        if not self.pipe.send(event) or not _print(narration.line(event)):
            self._ask_to_stop("the pipe to the supervisor is broken: it is gone")

    def message(self, code: str, text: str, level: Level = "info", **more: Any) -> None:
        """Something a person should read; ``code`` is a stable name."""
        self.emit(kind="message", level=level, code=code, text=text, **more)

    def write_record(self, name: str, record: BaseModel | dict[str, Any]) -> None:
        """Write a record of the run folder atomically and say so in an event."""
        path = self.run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json_atomic(path, record)
        self.emit(kind="record", file=name, sha256=sha256_file(path))

    # --- stopping -----------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """Whether to finish the step at hand, save, and call ``stop``."""
        return self.stop_reason is not None

    def stop(self) -> NoReturn:
        """End with exit code 4; call it when everything is saved."""
        raise Stopped(self.stop_reason or "asked to stop")

    def check_stop(self) -> None:
        """``stop`` if asked to: for loops that have nothing to save."""
        if self.stopping:
            self.stop()

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within this block a signal ends the worker at once: for a download or a model load."""
        self.check_stop()
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False
        self.check_stop()

    def _ask_to_stop(self, reason: str) -> None:
        self.stop_reason = self.stop_reason or reason

    def _on_signal(self, number: int, _frame: object) -> None:
        self._ask_to_stop(f"received {signal.Signals(number).name}")
        if self._interruptible:
            self._interruptible = False
            raise Stopped(self.stop_reason)

    def listen(self) -> None:
        """Take SIGINT and SIGTERM, and watch the parent where there is an event pipe."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        self.watch_parent()

    def watch_parent(self) -> None:
        """Stop when the parent ends, where there is an event pipe."""
        if self.pipe.fd is not None:
            parent = os.getppid()
            threading.Thread(target=self._watch, args=(parent,), daemon=True, name="parent").start()

    def _watch(self, parent: int) -> None:
        wait = threading.Event()
        while not self.stopping:
            if os.getppid() != parent or self.pipe.broken():
                self._ask_to_stop("the supervisor is gone")
                os.kill(os.getpid(), signal.SIGTERM)  # ends an interruptible block too
                return
            wait.wait(PARENT_POLL_S)


def context_from_environment() -> WorkerContext:
    """The context that FACTORY_RUN, FACTORY_STAGE, FACTORY_EVENTS_FD and FACTORY_RESUME describe.

    Refusal when they do not name a run folder with a plan that has the stage.
    """
    run, name = os.environ.get("FACTORY_RUN"), os.environ.get("FACTORY_STAGE")
    if not run or not name:
        raise Refusal(
            "A worker needs FACTORY_RUN (a run folder) and FACTORY_STAGE (one of its stages). "
            "`factory-tui run` sets both; by hand, set them before the command."
        )
    folder = Path(run).resolve()
    plan = read_record(folder / "plan.json", Plan)
    try:
        stage = plan.stage(name)
    except KeyError as error:
        known = ", ".join(item.name for item in plan.stages)
        raise Refusal(f"plan.json has no stage {name!r}; it has {known}.") from error
    return WorkerContext(folder, plan, stage, event_pipe(), os.environ.get("FACTORY_RESUME") == "1")


def event_pipe() -> EventPipe:
    """The pipe that FACTORY_EVENTS_FD names, which children of this process do not get."""
    text = os.environ.pop("FACTORY_EVENTS_FD", "")
    if not text:
        return EventPipe(None)
    try:
        return EventPipe(int(text))
    except (ValueError, OSError) as error:
        raise Refusal(
            f"FACTORY_EVENTS_FD is {text!r}, which is no open file descriptor."
        ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | ValueError)
        and any(sign in text for sign in OUT_OF_MEMORY_SIGNS)
    )


def run(
    main: Callable[[WorkerContext], None],
    context: Callable[[], WorkerContext] = context_from_environment,
) -> NoReturn:
    """Run a worker's ``main`` and exit with the code that says how it ended."""
    ctx: WorkerContext | None = None
    try:
        ctx = context()
        ctx.listen()
        main(ctx)
        code = EXIT_DONE
    except (Stopped, KeyboardInterrupt) as error:
        _say(ctx, "stopped", f"Stopped: {str(error) or 'interrupted'}.", "info")
        code = EXIT_STOPPED
    except (Refusal, Failure) as error:
        _say(ctx, error.code, str(error), "error")
        code = error.exit_code
    except FolderError as error:
        _say(ctx, Refusal.code, str(error), "error")
        code = EXIT_BAD_INPUT
    except Exception as error:  # noqa: BLE001 - the outermost frame: every end has a code
        code = _unforeseen(ctx, error)
    _flush()
    # Threads of MLX and of downloads must not delay or change the end.
    os._exit(code)


def _unforeseen(ctx: WorkerContext | None, error: Exception) -> int:
    if is_out_of_memory(error):
        text = (
            "Memory ran out. Use a smaller batch_size or max_seq_len, turn on grad_checkpoint, "
            f"or take a smaller or quantised model. MLX said: {_first_line(error)}"
        )
        _say(ctx, "oom", text, "error")
        return EXIT_FAILED
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        text = (
            f"The disk is full: {error.filename or 'a file'} could not be written. Free some space."
        )
        _say(ctx, "disk-full", text, "error")
        return EXIT_FAILED
    with contextlib.suppress(OSError):  # a log that nobody reads any more is no reason to crash
        traceback.print_exc()
    what = f"{type(error).__name__}: {_first_line(error)}"
    text = f"The worker crashed: {what}. train.log has the details."
    _say(ctx, "crash", text, "error")
    return EXIT_CRASH


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:500]


def _say(ctx: WorkerContext | None, code: str, text: str, level: Level) -> None:
    if ctx is not None:
        ctx.pipe.send({"kind": "message", "level": level, "code": code, "text": text})
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _print(text: str | None) -> bool:
    """Print a line at once; False when nobody reads any more."""
    if text is None:
        return True
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # What is still in the buffer would be written, and fail, once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
