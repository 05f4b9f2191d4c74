"""``mlx_lm.server`` as a managed child: started, waited for, stopped, never left behind.

A server is a process group of its own on 127.0.0.1. Unless it is to be kept, it holds the reading
end of a pipe from whoever started it and ends when that does, by whatever death. Ready means that
a completion of one token has succeeded: its ``/health`` says yes while a model that cannot be
loaded makes every question fail.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import engine
from engine.folder import alone
from engine.models import ModelError, ModelOnDisk, describe, hub_cache
from engine.processes import identify, is_alive, myself
from engine.records.base import utc_now
from engine.records.serving import ServerPhase, ServerRecord
from engine.secrecy import key_names, without_secrets
from engine.serving import ports
from engine.serving.readiness import NotReady, wait_until_ready
from engine.serving.store import (
    LOG,
    OLD_LOG,
    RECORD,
    FoundServer,
    ServeError,
    folder_of,
    read_server,
    save,
)
from engine.supervise.command import child_environment
from engine.supervise.process import Patience
from engine.workspace import Workspace

READY_S = 300.0
"""How long a model may take to load before the start is given up."""

STOP = Patience(interrupt_s=5.0, terminate_s=3.0, kill_s=5.0)
"""Nothing is lost when a server is killed, so it is not waited for long."""

ATTEMPTS = 3
"""How often a start is tried when somebody else took the port that was free a moment ago."""

_POLL_S = 0.05
_STAY, _END = b"k", b"e"
"""What ``engine.work.serve`` understands of its owner."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to serve. ``port`` None is a free one; ``keep``: it stays when its owner ends."""

    name: str
    model: ModelOnDisk
    adapter: Path | None = None
    port: int | None = None
    keep: bool = False


class Server:
    """A server that this process started. ``close`` ends it, unless it is to be kept."""

    def __init__(self, folder: Path, popen: subprocess.Popen[bytes], record: ServerRecord) -> None:
        self.folder = folder
        self.record = record
        self._popen = popen

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._popen.poll()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def keep(self, wanted: bool) -> None:
        """Let it outlive its owner from now on, or not any more.

        ServeError where it was started to be kept (nothing ties it to us then), or has ended.
        """
        pipe = self._popen.stdin
        if pipe is None:
            raise ServeError(f"The server {self.record.name} was started to stay. Stop it instead.")
        try:
            pipe.write(_STAY if wanted else _END)
            pipe.flush()
        except (OSError, ValueError) as error:
            raise ServeError(f"The server {self.record.name} has ended.") from error
        self.record = self.record.model_copy(update={"keep": wanted})
        with contextlib.suppress(OSError):  # it was told; the record is for those who look
            save(self.folder, self.record)

    def stop(self, patience: Patience = STOP) -> str:
        """End it; returns by which step, as ``stop_server`` does."""
        step = stop_server(read_server(self.folder), patience)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(1.0)
        self._let_go()
        return step

    def how_it_ended(self) -> str | None:
        """None while it runs; else a sentence, which is also written into its record.

        Where another process stopped it, the record says so already.
        """
        code = self._popen.poll()
        if code is None:
            return None
        found = read_server(self.folder)
        if found.record.phase is ServerPhase.STOPPED:
            return f"The server {self.record.name} was stopped."
        text = f"The server {self.record.name} ended without being asked ({_how(code)})."
        if found.record.process == self.record.process:
            _note_end(self.folder, found.record, ServerPhase.FAILED, text)
        return text

    @property
    def stopped_by_someone(self) -> bool:
        """Whether its end was asked for, by us or by another process."""
        return read_server(self.folder).record.phase is ServerPhase.STOPPED

    def close(self) -> None:
        """What is due at exit: a server that is to be kept stays, any other is stopped."""
        if self.record.keep and self.alive:
            self._let_go()
        elif self.alive:
            self.stop()
        else:
            self.how_it_ended()
            self._let_go()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _let_go(self) -> None:
        if self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()
        if self._popen.returncode is None:
            self._popen.returncode = 0  # it is kept, on purpose: no warning that it still runs


def start(
    workspace: Workspace,
    wish: Wish,
    *,
    timeout_s: float = READY_S,
    stopped: Callable[[], bool] = lambda: False,
    told: Callable[[FoundServer], None] = lambda server: None,
) -> Server:
    """Start a server and wait until it has answered. Blocks: for a thread, or a command line.

    ``told`` hears once of a server that has begun to load (its log can be followed from then on).
    ServeError, with the child ended, when the name is taken by one that runs, the port is in use,
    the adapter is none, the model does not load, it takes too long, or ``stopped`` became true.
    """
    folder = folder_of(workspace, wish.name)
    _check(wish)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, ATTEMPTS + 1):
            server = _launch(workspace, folder, wish)
            try:
                told(read_server(folder))
                server.record.ready_s = wait_until_ready(
                    server.record, folder, server.exit_code, timeout_s, stopped
                )
            except NotReady as error:
                if server.stopped_by_someone:
                    server.close()
                    raise ServeError(f"The server {wish.name} was stopped.") from error
                _give_up(server, None if error.unwanted else str(error))
                if error.port_taken and wish.port is None and attempt < ATTEMPTS:
                    continue
                raise ServeError(str(error)) from error
            except BaseException:  # Ctrl-C and the like: it must not stay behind half started
                _give_up(server, "The start was interrupted.")
                raise
            server.record.phase = ServerPhase.READY
            server.record.ready = utc_now()
            save(folder, server.record)
            return server
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise ServeError(f"The server was not started. {where}{error.strerror}.") from error
    raise AssertionError("the last attempt returns or raises")


def stop_server(found: FoundServer, patience: Patience = STOP) -> str:
    """SIGINT, SIGTERM, SIGKILL to a server's group, each when the one before did not end it.

    Returns the name of the signal that did, ``gone`` where it had ended before. Works for a server
    that another process started. ServeError when nothing ends it. Blocks.
    """
    record = found.record
    steps = (
        (signal.SIGINT, patience.interrupt_s),
        (signal.SIGTERM, patience.terminate_s),
        (signal.SIGKILL, patience.kill_s),
    )
    ended = "" if is_alive(record.process) else "gone"
    if not ended:
        # Before the first signal: whoever owns it sees that it did not die by itself. A disk that
        # is full must not keep it alive.
        with contextlib.suppress(OSError):
            _note_end(found.folder, record, ServerPhase.STOPPED, None)
    for number, seconds in steps:
        if ended:
            break
        _signal(record, number)
        until = time.monotonic() + seconds
        while is_alive(record.process) and time.monotonic() < until:
            time.sleep(_POLL_S)
        if not is_alive(record.process):
            ended = number.name
    if not ended:
        with contextlib.suppress(OSError):
            save(found.folder, record)
        raise ServeError(f"The server {record.name} does not end, not even by SIGKILL.")
    if ended == "gone" and record.phase in (ServerPhase.STARTING, ServerPhase.READY):
        text = f"The server {record.name} ended without being asked."
        _note_end(found.folder, record, ServerPhase.FAILED, text)
    return ended


def model_for(name: str, workspace: Workspace, beside: Path) -> ModelOnDisk:
    """The model that a person names, where it is whole on this disk; ServeError says what to do."""
    from engine.models import model_on_disk

    found = model_on_disk(name, workspace.path, beside)
    if found is not None:
        return found
    path = next((p for p in (Path(name).expanduser(), beside / name) if p.is_dir()), None)
    if path is not None:
        try:
            return describe(path.resolve(), name)
        except (ModelError, OSError) as error:
            raise ServeError(str(error)) from error
    raise ServeError(
        f"There is no model {name} on this disk. Name a directory that holds config.json and "
        f"*.safetensors, or download it first: hf download {name}"
    )


# --- inside -------------------------------------------------------------------------


def _check(wish: Wish) -> None:
    if wish.port is not None and (why := ports.why_not(wish.port)) is not None:
        raise ServeError(why)
    if wish.adapter is not None:
        for file in ("adapter_config.json", "adapters.safetensors"):
            if not (wish.adapter / file).is_file():
                raise ServeError(f"{wish.adapter} is no adapter: it has no {file}.")


def _launch(workspace: Workspace, folder: Path, wish: Wish) -> Server:
    """Start the child and write down who it is, before anybody else can take the name."""
    with alone(folder):
        if (known := _known(folder)) is not None and known.alive:
            raise ServeError(
                f"A server {wish.name} runs already, at {known.record.url}. Stop it first "
                f"(factory-tui serve stop {wish.name}), or give this one another --name."
            )
        port = wish.port or ports.free_port()
        record = ServerRecord(
            name=wish.name,
            phase=ServerPhase.STARTING,
            model=str(wish.model.path),
            model_id=wish.model.id,
            adapter=str(wish.adapter.resolve()) if wish.adapter else None,
            port=port,
            keep=wish.keep,
            owner=myself(),
            started=utc_now(),
        )
        log = folder / LOG
        with contextlib.suppress(FileNotFoundError):
            log.replace(folder / OLD_LOG)
        with log.open("ab") as out:
            popen = _popen(record, out, workspace)
        record.process = identify(popen.pid)
        server = Server(folder, popen, record)
        try:
            save(folder, record)
        except BaseException:
            _kill(popen)
            raise
        return server


def _known(folder: Path) -> FoundServer | None:
    """The server that had this folder before; None where none had.

    A record that cannot be read is not written over: the server that it named may still run.
    """
    if not (folder / RECORD).exists():
        return None
    try:
        return read_server(folder)
    except ServeError as error:
        raise ServeError(
            f"{error} A server of that name may still run. Look for it (pgrep -f "
            f"engine.work.serve), then remove {folder / RECORD}, or give another --name."
        ) from error


def _popen(record: ServerRecord, log: IO[bytes], workspace: Workspace) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-P", "-m", "engine.work.serve"]
    argv += [] if record.keep else ["--owned"]
    argv += ["--model", record.model, "--host", record.host, "--port", str(record.port)]
    argv += ["--adapter-path", record.adapter] if record.adapter else []
    # mlx-lm lets any page in a browser read its answers unless it is told whom it serves.
    argv += ["--allowed-origins", f"http://{record.host}:{record.port}", "--log-level", "INFO"]
    return subprocess.Popen(
        argv,
        cwd=workspace.path,
        env=_environment(workspace),
        stdin=subprocess.DEVNULL if record.keep else subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _environment(workspace: Workspace) -> dict[str, str]:
    """Of the child. What it serves lies on this disk: it fetches nothing and needs no key."""
    env = child_environment(without_secrets(os.environ, named=key_names(workspace.path)))
    home = str(Path(engine.__file__).resolve().parent.parent)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [home, env.get("PYTHONPATH", "")]))
    if not hub_cache().is_dir():
        # Without a hub directory mlx_lm.server answers /v1/models with nothing at all.
        home_dir = workspace.local_dir / "cache" / "hf-home"
        (home_dir / "hub").mkdir(parents=True, exist_ok=True)
        env.pop("HF_HUB_CACHE", None)
        env["HF_HOME"] = str(home_dir)
    return env | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def _give_up(server: Server, why: str | None) -> None:
    """End a start that failed; the record says why, not that it was stopped. None: it did not
    fail, nobody wanted it any more."""
    with contextlib.suppress(ServeError):
        server.stop(Patience(0.5, 0.5, 5.0))  # it holds nothing that would be lost
    server.record.phase = ServerPhase.STOPPED if why is None else ServerPhase.FAILED
    server.record.error = why
    server.record.ended = utc_now()
    with contextlib.suppress(OSError):
        save(server.folder, server.record)


def _kill(popen: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()


def _signal(record: ServerRecord, number: signal.Signals) -> None:
    """To the server's group; only where the very process still runs, since numbers are reused."""
    if record.process is None or not is_alive(record.process):
        return
    # PermissionError: macOS says so of a group whose members have all ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(record.process.pid, number)
        if number is not signal.SIGKILL:
            os.killpg(record.process.pid, signal.SIGCONT)  # one that is stopped could not obey


def _note_end(folder: Path, record: ServerRecord, phase: ServerPhase, error: str | None) -> None:
    changed = record.model_copy(update={"phase": phase, "error": error, "ended": utc_now()})
    save(folder, changed)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
