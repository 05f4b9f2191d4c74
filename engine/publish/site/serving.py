"""A site on 127.0.0.1, from memory: no file of this machine can be asked for."""

from __future__ import annotations

import http.server
import mimetypes
import threading
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import TracebackType
from urllib.parse import unquote, urlsplit

_HOST = "127.0.0.1"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".xml": "application/atom+xml; charset=utf-8",
    ".json": "application/json; charset=utf-8",
}


class Preview:
    """Serves ``files`` (address → bytes) until it is closed. ``port`` 0 takes a free one; OSError
    where one that was asked for is taken."""

    def __init__(self, files: Mapping[str, bytes], port: int = 0) -> None:
        known = dict(files)

        class Handler(_Handler):
            site = known

        self._server = http.server.ThreadingHTTPServer((_HOST, port), Handler)
        Handler.names = tuple(f"{one}:{self._server.server_port}" for one in (_HOST, "localhost"))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="site-preview", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self._server.server_port}/"

    def wait(self) -> None:
        """Until it is closed, or the caller is interrupted."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Preview:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET and HEAD for the addresses of one site; everything else is refused."""

    site: Mapping[str, bytes] = {}
    names: tuple[str, ...] = ()
    """What a request may call us: another name that leads here is a trick."""
    timeout = 10.0
    server_version = "factory-tui"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        if self.headers.get("Host") not in self.names:
            self._send(403, b"This preview answers to 127.0.0.1 alone.\n", "text/plain", body)
            return
        address = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
        data = self.site.get(address)
        if data is None:
            self._send(404, b"There is no such page on this site.\n", "text/plain", body)
            return
        suffix = PurePosixPath(address).suffix
        kind = _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
        self._send(200, data, kind, body)

    def _send(self, code: int, data: bytes, kind: str, body: bool) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: what is asked for is nobody's news, and stderr may be a screen's."""
