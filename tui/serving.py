"""The model servers that this app started: they outlive their screen, and end with the app.

In: what to serve. Out: a process each, its state on disk (``.factory/serve/``), where every screen
finds it again. Starting and stopping block, so each start has a thread of its own here, and
``stop``, ``look`` and ``close`` are for worker threads.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from engine.models import ModelOnDisk
from engine.serving.managed import Server, Wish, start, stop_server
from engine.serving.store import FoundServer, ServeError, find_servers
from engine.workspace import Workspace

CLOSE_S = 12.0
"""So long is waited for the ends of servers; what is left then ends with our end of its pipe."""


@dataclass(slots=True)
class _Start:
    """A start that is under way."""

    wish: Wish
    began: float
    cancelled: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The servers of the workspace as they are now.

    ``starting`` are starts of ours with their seconds so far, ``refused`` those that came to
    nothing with the reason, ``ours`` the names of servers that this app holds.
    """

    servers: tuple[FoundServer, ...] = ()
    troubles: tuple[str, ...] = ()
    starting: dict[str, tuple[Wish, float]] = field(default_factory=dict)
    refused: dict[str, tuple[Wish, str]] = field(default_factory=dict)
    stopping: frozenset[str] = frozenset()
    ours: frozenset[str] = frozenset()


class OwnServers:
    """Starts, keeps, stops and, at the end, closes. Safe to call from any thread."""

    def __init__(self, workspace: Path) -> None:
        self._place = Workspace(workspace)
        self._lock = threading.Lock()
        self._starts: dict[str, _Start] = {}
        self._held: dict[str, Server] = {}
        self._refused: dict[str, tuple[Wish, str]] = {}
        self._stopping: set[str] = set()
        self._keep: set[str] = set()
        self._closed = False

    # --- starting -------------------------------------------------------------------

    def start(self, wish: Wish) -> None:
        """Begin a start; ``look`` tells how it goes. A name that is starting is left to it."""
        with self._lock:
            if self._closed or wish.name in self._starts:
                return
            self._refused.pop(wish.name, None)
            under_way = self._starts[wish.name] = _Start(wish, time.monotonic())
            # Not a daemon's business to be cut off half way: close() cancels it and waits.
            under_way.thread = threading.Thread(
                target=self._start, args=(wish, under_way), daemon=True, name=f"serve {wish.name}"
            )
            under_way.thread.start()

    def _start(self, wish: Wish, under_way: _Start) -> None:
        server: Server | None = None
        refused = ""
        try:
            server = start(self._place, wish, stopped=under_way.cancelled.is_set)
        except ServeError as error:
            refused = str(error)
        except Exception as error:  # noqa: BLE001 - a start that ended without a word would hang
            refused = f"The server {wish.name} was not started: {type(error).__name__}: {error}"
        with self._lock:
            self._starts.pop(wish.name, None)
            if server is None:
                if not under_way.cancelled.is_set():
                    self._refused[wish.name] = (wish, refused)
                return
            self._held[wish.name] = server
            late = self._closed or under_way.cancelled.is_set()
            kept = wish.name in self._keep
        if late:
            self._end(server)
        elif kept:
            server.keep(True)

    def starting(self) -> list[str]:
        """The names of the servers that are being started."""
        with self._lock:
            return list(self._starts)

    def has(self, model: ModelOnDisk, adapter: Path | None) -> bool:
        """Whether a server of ours with that model and adapter runs, or is about to."""
        with self._lock:
            about = [(one.wish.model, one.wish.adapter) for one in self._starts.values()]
            running = [
                (Path(one.record.model), one.record.adapter)
                for name, one in self._held.items()
                if one.alive and name not in self._stopping
            ]
        wanted = str(adapter.resolve()) if adapter is not None else None
        return (model, adapter) in about or (model.path, wanted) in running

    # --- keeping --------------------------------------------------------------------

    def keep(self, name: str, wanted: bool) -> None:
        """Let a server of ours stay when the app ends, or not any more; also one that starts.

        ServeError where it is not ours to say, or has ended.
        """
        with self._lock:
            server = self._held.get(name)
            if server is None and name not in self._starts:
                raise ServeError(f"The server {name} was not started here, so it stays as it is.")
            (self._keep.add if wanted else self._keep.discard)(name)
        if server is not None:
            server.keep(wanted)

    def keeps(self, name: str) -> bool:
        """Whether a server of ours is to stay."""
        with self._lock:
            return name in self._keep

    def not_kept(self) -> list[str]:
        """The servers that end with the app: they run, or are about to."""
        with self._lock:
            held = [name for name, one in self._held.items() if one.alive]
            return sorted({*held, *self._starts} - self._keep)

    # --- ending ---------------------------------------------------------------------

    def about_to_stop(self, name: str) -> None:
        """From now on looks say that it stops."""
        with self._lock:
            self._stopping.add(name)

    def stop(self, name: str) -> None:
        """End a server of the workspace, whoever started it, or a start. Blocks.

        ServeError when nothing ends it.
        """
        with self._lock:
            under_way = self._starts.get(name)
            server = self._held.get(name)
            self._stopping.add(name)
        try:
            if under_way is not None:
                under_way.cancelled.set()
                if under_way.thread is not None:
                    under_way.thread.join(CLOSE_S)
            elif server is not None:
                server.stop()
            elif (found := self._found(name)) is not None:
                stop_server(found)
        finally:
            with self._lock:
                self._stopping.discard(name)
                self._held.pop(name, None)
                self._keep.discard(name)

    def close(self) -> None:
        """The app ends: what is to be kept stays, all else is stopped, at once. Blocks."""
        with self._lock:
            self._closed = True
            starts = list(self._starts.items())
            servers = list(self._held.values())
        for _, one in starts:
            one.cancelled.set()
        threads = [one.thread for _, one in starts if one.thread is not None]
        for server in servers:
            thread = threading.Thread(target=self._end, args=(server,), daemon=True)
            thread.start()
            threads.append(thread)
        until = time.monotonic() + CLOSE_S
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _end(self, server: Server) -> None:
        # Where this does not end it, our end of its pipe will, or a later look says that it runs.
        with contextlib.suppress(ServeError, OSError):
            server.close()

    # --- looking --------------------------------------------------------------------

    def look(self) -> Look:
        """All servers of the workspace as they are now. Blocks for some milliseconds."""
        with self._lock:
            held = list(self._held.items())
        for name, server in held:
            if not server.alive:
                # Writes down why, for this look and later ones. A broken record find_servers tells.
                with contextlib.suppress(ServeError, OSError):
                    server.how_it_ended()
                with self._lock:
                    self._held.pop(name, None)
                    self._keep.discard(name)
        servers, troubles = find_servers(self._place)
        now = time.monotonic()
        with self._lock:
            return Look(
                tuple(servers),
                tuple(troubles),
                {name: (one.wish, now - one.began) for name, one in self._starts.items()},
                dict(self._refused),
                frozenset(self._stopping),
                frozenset(self._held),
            )

    def _found(self, name: str) -> FoundServer | None:
        return next((one for one in find_servers(self._place)[0] if one.record.name == name), None)
