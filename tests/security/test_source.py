"""What the code never does, whatever it is asked: shells, pickles, loaders that build objects; and
whom servers answer."""

from __future__ import annotations

import ast
import http.client
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from engine.publish.site.serving import Preview
from engine.work.serve import answer_to_this_machine_alone

ROOT = Path(__file__).parents[2]
FILES = [path for room in ("engine", "tui") for path in sorted((ROOT / room).rglob("*.py"))]

NEVER_IMPORTED = {"pickle", "joblib", "marshal", "shelve", "dill", "cloudpickle", "torch", "yaml"}
NEVER_CALLED = {
    ("os", "system"), ("os", "popen"), ("subprocess", "getoutput"), ("mx", "import_function"),
    ("subprocess", "getstatusoutput"), ("asyncio", "create_subprocess_shell"),
    ("tempfile", "mktemp"),
}  # fmt: skip
EXECUTES = {"eval", "exec", "compile", "__import__"}
LOOKS = re.compile(
    r"pickle|joblib|marshal|shelve|dill|torch|yaml|YAML|system|popen|getoutput|shell|mktemp|load\(|"
    r"import_function|eval\(|exec\(|compile\(|__import__|trust_remote|getstatus"
)
"""Files without any of these are not parsed."""


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            yield node, owner.id if isinstance(owner, ast.Name) else "…", node.func.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node, "", node.func.id


def test_no_shell_no_pickle_and_no_loader_that_builds_objects() -> None:
    found = []
    for path in FILES:
        text = path.read_text("utf-8")
        if not LOOKS.search(text):
            continue
        tree = ast.parse(text)
        for node in ast.walk(tree):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            bad = {name.split(".")[0] for name in names} & NEVER_IMPORTED
            found += [f"{path}: imports {one}" for one in bad]
        for call, owner, name in calls(tree):
            words = {one.arg: one.value for one in call.keywords}
            wrong = (owner, name) in NEVER_CALLED or (not owner and name in EXECUTES)
            for key in ("shell", "trust_remote_code", "allow_pickle"):
                value = words.get(key)
                wrong = wrong or (isinstance(value, ast.Constant) and value.value is True)
            if name == "load" and owner in ("np", "numpy"):
                said = words.get("allow_pickle")
                wrong = not (isinstance(said, ast.Constant) and said.value is False)
            if name == "YAML":
                kind = words.get("typ")
                asked = kind.value if isinstance(kind, ast.Constant) else "rt"
                wrong = wrong or asked not in ("rt", "safe")
            found += [f"{path}:{call.lineno}: {owner}.{name}"] if wrong else []
    assert found == []


def answer(port: int, host: str, **more: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", "/", skip_host=True)
    connection.putheader("Host", host)
    for name, value in more.items():
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_servers_answer_to_this_machine_alone() -> None:
    """A page of elsewhere may have its name lead to 127.0.0.1; its requests carry that name. Or it
    asks for ours, and they carry the page's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    answer_to_this_machine_alone(Handler)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        port = server.server_port
        for host, wanted in (
            (f"127.0.0.1:{port}", 204),
            (f"LOCALHOST:{port}", 204),
            (f"evil.example:{port}", 403),
            (f"127.0.0.1.evil.example:{port}", 403),
            ("", 403),
        ):
            assert answer(port, host) == wanted, host
        ours = f"127.0.0.1:{port}"
        for page, wanted in (
            (f"http://localhost:{port}", 204),
            ("http://evil.example", 403),
            ("http://localhost.evil.example", 403),
            ("null", 403),
        ):
            assert answer(port, ours, Origin=page) == wanted, page
    finally:
        server.shutdown()
        server.server_close()
    with Preview({"index.html": b"x"}) as preview:
        port = int(preview.url.rstrip("/").rpartition(":")[2])
        assert (answer(port, f"127.0.0.1:{port}"), answer(port, f"evil:{port}")) == (200, 403)
