"""The report card as a browser shows it: there is something, nothing refused, nothing asked for."""

from __future__ import annotations

import http.server
import shutil
import struct
import subprocess
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.publish.card.writing import make_card
from tests.engine import folders
from tests.engine.publish.test_card import EVIL, log

BROWSER = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome", "chrome")
        if (found := shutil.which(name))
    ),
    None,
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is on PATH to look with")


class Asked(http.server.BaseHTTPRequestHandler):
    """Serves one page and notes every path that a browser asks for."""

    page = b""
    paths: list[str] = []  # noqa: RUF012 - one server a test, set anew by the fixture

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_response(200 if self.path == "/card.html" else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.page if self.path == "/card.html" else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Silent: what was asked for is in ``paths``."""


@pytest.fixture
def address() -> Iterator[str]:
    Asked.paths = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/card.html"
    server.shutdown()
    thread.join()
    server.server_close()


def look(address: str, folder: Path, *more: str) -> tuple[bytes, str]:
    """A picture of the page, and what the browser had to say."""
    picture = folder / "page.png"
    assert BROWSER is not None
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--v=0",
        f"--screenshot={picture}", *more, address,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    said = [line for line in done.stderr.split("\n") if "CONSOLE" in line]
    return picture.read_bytes(), "\n".join(said)


def colours(png: bytes) -> set[bytes]:
    """The colours of the pixels of the picture's rows that PNG stores as they are or as steps
    from the pixel before: enough to tell a page from an empty one."""
    at, data, width, depth = 8, b"", 0, 3
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, depth = struct.unpack(">I", body[:4])[0], {2: 3, 6: 4}[body[9]]
        elif kind == b"IDAT":
            data += body
        at += 12 + size
    rows = zlib.decompress(data)
    stride = width * depth + 1
    found: set[bytes] = set()
    for start in range(0, len(rows), stride):
        row = rows[start + 1 : start + stride]
        if rows[start] == 0:
            found.update(row[i : i + 3] for i in range(0, len(row), depth))
        elif rows[start] == 1:
            pixel = [0] * depth
            for i in range(0, len(row), depth):
                pixel = [(a + b) & 255 for a, b in zip(pixel, row[i : i + depth], strict=True)]
                found.add(bytes(pixel[:3]))
    return found


def test_it_is_shown_and_asks_for_nothing(tmp_path: Path, address: str) -> None:
    run = folders.make_shipped(tmp_path)
    folders.put(run / "config.json", "/owner_goal", EVIL)
    log(run / "events.jsonl", [2.0, 1.0, "nan", 0.5, 0.4, 0.3])
    Asked.page = make_card(run)[1].encode()
    picture, said = look(address, tmp_path, "--window-size=1000,1600")
    assert said == ""
    assert [path for path in Asked.paths if path != "/favicon.ico"] == ["/card.html"]
    light = colours(picture)
    # Paper, the green of a verdict that holds, and text: no page is blank that has these.
    assert {b"\xff\xff\xff", bytes.fromhex("14683a"), bytes.fromhex("17202b")} <= light
    dark, said = look(address, tmp_path, "--window-size=390,1600",
                      "--blink-settings=preferredColorScheme=0")  # fmt: skip
    assert said == "" and bytes.fromhex("161c25") in colours(dark)


def test_what_a_browser_refuses_would_be_seen(tmp_path: Path, address: str) -> None:
    page = make_card(folders.make_shipped(tmp_path))[1]
    Asked.page = page.replace("</body>", "<script>alert(1)</script></body>").encode()
    _, said = look(address, tmp_path, "--window-size=600,600")
    assert "Content Security Policy" in said
