"""Where the fuzzing begins: files of the samples and the tests, and what stands in no file."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_runs"
DATA = ROOT / "tests" / "data"
RUN = SAMPLES / "runs" / "2026-11-28-drone-router"


def of_files(*patterns: str, root: Path = ROOT, most: int = 200_000) -> Callable[[], list[bytes]]:
    def seeds() -> list[bytes]:
        found = [path for pattern in patterns for path in sorted(root.glob(pattern))]
        data = [path.read_bytes()[:most] for path in found if path.is_file()]
        assert data, f"no seeds in {patterns}"
        return data

    return seeds


def of_heads(*patterns: str, lines: int) -> Callable[[], list[bytes]]:
    """As ``of_files``, with their first lines only: an input a millisecond, not one a second."""

    def seeds() -> list[bytes]:
        return [b"\n".join(one.split(b"\n")[:lines]) + b"\n" for one in of_files(*patterns)()]

    return seeds


def record_files() -> list[Path]:
    return sorted(one for one in RUN.glob("*.json"))


def records() -> list[bytes]:
    """Each seed begins with its file's name and a line feed, so that it keeps its kind."""
    return [f"{one.name}\n".encode() + one.read_bytes()[:60_000] for one in record_files()]


def named(data: bytes) -> tuple[str, bytes]:
    head, _, rest = data.partition(b"\n")
    names = [one.name for one in record_files()]
    name = head.decode("utf-8", "replace")
    return (name, rest) if name in names else (names[len(data) % len(names)], data)


# --- seeds that stand in no file ----------------------------------------------------------


def weights() -> list[bytes]:
    header = {
        "__metadata__": {"format": "mlx"},
        "a.weight": {"dtype": "U32", "shape": [4, 2], "data_offsets": [0, 32]},
        "a.scales": {"dtype": "F16", "shape": [4, 1], "data_offsets": [32, 40]},
        "b.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [40, 56]},
    }
    raw = json.dumps(header).encode()
    return [struct.pack("<Q", len(raw)) + raw + bytes(56)]


def gguf_files() -> list[bytes]:
    def text(value: bytes) -> bytes:
        return struct.pack("<Q", len(value)) + value

    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 3)
    keys = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
    keys += text(b"general.alignment") + struct.pack("<II", 4, 32)
    keys += text(b"a.list") + struct.pack("<IIQ", 9, 4, 2) + struct.pack("<II", 1, 2)
    tensor = text(b"a.weight") + struct.pack("<IQQIQ", 2, 2, 2, 0, 0)
    body = head + keys + tensor
    return [body + bytes(-len(body) % 32) + bytes(16)]


def results() -> list[bytes]:
    return [
        b"commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"
        b"abc1234\t1.234567\t2.5\tkeep\tbaseline\n"
        b'def5678\t0.000000\t0.0\tcrash\t"a ""quoted"" text"\n'
        b"0a0b0c0\t\t\tdiscard\tdepth 8\n"
    ]


def journal() -> list[bytes]:
    from engine.publish.journal.marks import block, notes_place

    lines = ["# Journal", *notes_place("journal", "mine"), *block("run:2026-11-28-a", ["## A", ""])]
    lines += [*notes_place("run:2026-11-28-a", "I saw\n\nthis."), *block("cumulative", ["| a |"])]
    return ["\n".join([*lines, ""]).encode()]


def replies() -> list[bytes]:
    row = {
        "messages": [{"role": "user", "content": "Go up"}, {"role": "assistant", "content": "{}"}]
    }
    plan = {"hypothesis": "A lower rate", "patches": {"training.learning_rate": "1e-4"}}
    return [
        b"<think>a draft {}</think>Here it is:\n```json\n"
        + json.dumps([row, row]).encode()
        + b"\n```",
        json.dumps({"rows": [row, {"prompt": "a", "completion": "b"}]}).encode(),
        json.dumps(plan).encode() + b"\nand more, {broken: ",
    ]


def stream() -> list[bytes]:
    chunk = {
        "choices": [{"delta": {"content": "a", "tool_calls": [{"index": 0, "function": {}}]}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }
    text = json.dumps(chunk)
    return [f": hello\n\ndata: {text}\n\ndata: {text}\r\n\r\ndata: [DONE]\n\n".encode()]


def ledger() -> list[bytes]:
    asked = {"kind": "asked", "call": "a", "reserved_tokens": 100, "reserved_usd": 0.1}
    ended = {"kind": "answered", "call": "a", "counted_tokens": 80, "counted_usd": 0.05}
    return ["\n".join([json.dumps(asked), json.dumps(ended), ""]).encode()]


def line() -> list[bytes]:
    """What another machine's end of a line sends."""
    run = "runs/2026-11-28-a"
    told = [
        ({"record": f"{run}/config.json", "time": 1}, b'{"run_id": "2026-11-28-a"}'),
        ({"grow": f"{run}/events.jsonl", "at": 0, "anew": True}, b'{"seq":0}\n'),
        ({"grow": f"{run}/events.jsonl", "at": 10}, b'{"seq":1}\n'),
        ({"tail": f"{run}/train.log", "more": True}, b"a line\n"),
        ({"folder": f"{run}/adapters"}, b""),
        ({"gone": f"{run}/config.json"}, b""),
        ({"alive": [{"pid": 1, "started": 2.0}]}, b""),
        ({"round": 1, "behind": 0}, b""),
    ]
    out = io.BytesIO()
    for head, body in told:
        out.write(json.dumps({**head, **({"bytes": len(body)} if body else {})}).encode())
        out.write(b"\n" + body)
    return [out.getvalue()]


def diffs() -> list[bytes]:
    return [
        b"Here:\n```diff\n--- a/train.py\n+++ b/train.py\n@@ -1,3 +1,3 @@\n-LR = 0.1\n+LR = 0.2\n"
        b" DEPTH = 4\n print(LR)\n```\n",
        b"diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n"
        b"@@ -0,0 +1 @@\n+x = 1\n",
        b"diff --git a/b/one.txt b/b/two.txt\nsimilarity index 100%\nrename from b/one.txt\n"
        b"rename to b/two.txt\n",
    ]


def values() -> list[bytes]:
    return [b"3", b"5e-5", b"true", b"[a, list]", b"a word", b"2026-11-28", b"{a: 1}"]


rows = of_heads("sample_runs/runs/*/rows-*.jsonl", lines=6)


def toml() -> list[bytes]:
    more = b"""[screen]
theme = "factory-dark"
notify = true
[keys]
log = "g"
[endpoints.here]
url = "http://127.0.0.1:8080/v1"
model = "m"
[teachers.mine]
url = "http://127.0.0.1:8080/v1"
model = "m"
price_in = 1.5
"""
    return [*of_files("sample_runs/factory.toml")(), more]


def seen() -> list[bytes]:
    """Output of mlx-lm's trainer, of both forms, and of scripts."""
    more = [
        b'{"step": 1, "loss": 2.5}\nval_bpb: 1.23\n 45%|####  | 45/100 [00:10<00:12, loss=1.2]\r'
    ]
    return [*of_files("tests/engine/supervise/logs/*")(), *more]
