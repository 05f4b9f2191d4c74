"""Every reader of the program as a function over the bytes of one file, and where seeds are found.

Each goes through the door that a user's file goes through. ``clean`` are the errors that the door
promises: whoever calls it tells them as a sentence. Everything else that comes out is a finding.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shutil
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_runs"
DATA = ROOT / "tests" / "data"
RUN = SAMPLES / "runs" / "2026-11-28-drone-router"

_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")

Read = Callable[[bytes, Path], None]
"""The bytes of a file, and a folder to put it into."""


@dataclass(frozen=True, slots=True)
class FuzzedReader:
    """``form`` is what the mutations know of the file; ``name`` is also that of the folder of kept
    cases. ``guided``: coverage may choose its inputs, since it starts no process."""

    name: str
    form: str
    read: Read
    seeds: Callable[[], list[bytes]]
    clean: tuple[type[Exception], ...] = ()
    guided: bool = False


def _files(*patterns: str, root: Path = ROOT, most: int = 200_000) -> Callable[[], list[bytes]]:
    def seeds() -> list[bytes]:
        found = [path for pattern in patterns for path in sorted(root.glob(pattern))]
        data = [path.read_bytes()[:most] for path in found if path.is_file()]
        assert data, f"no seeds in {patterns}"
        return data

    return seeds


def _heads(*patterns: str, lines: int) -> Callable[[], list[bytes]]:
    """As ``_files``, with their first lines only: an input a millisecond, not one a second."""

    def seeds() -> list[bytes]:
        return [b"\n".join(one.split(b"\n")[:lines]) + b"\n" for one in _files(*patterns)()]

    return seeds


# --- run folders -----------------------------------------------------------------------


def _record_files() -> list[Path]:
    return sorted(one for one in RUN.glob("*.json"))


def _records() -> list[bytes]:
    """Each seed begins with its file's name and a line feed, so that it keeps its kind."""
    return [f"{one.name}\n".encode() + one.read_bytes()[:60_000] for one in _record_files()]


def _named(data: bytes) -> tuple[str, bytes]:
    head, _, rest = data.partition(b"\n")
    names = [one.name for one in _record_files()]
    name = head.decode("utf-8", "replace")
    return (name, rest) if name in names else (names[len(data) % len(names)], data)


def read_record(data: bytes, home: Path) -> None:
    from engine.checks.contents import MODELS
    from engine.checks.documents import document_of
    from engine.folder import FolderError, read_record
    from engine.records.evaluation import EvalResult

    name, data = _named(data)
    model = MODELS.get(name, EvalResult)
    document_of(name, data, model)
    path = home / name
    path.write_bytes(data)
    try:
        read_record(path, model)
    except FolderError as error:
        _is_sentence(str(error))


@functools.cache
def _small_run(home: Path) -> Path:
    """A run folder with few rows and events, so that all rules run over it in milliseconds."""
    run = home / "runs" / RUN.name
    run.mkdir(parents=True, exist_ok=True)
    for path in RUN.iterdir():
        data = path.read_bytes()
        if path.suffix == ".jsonl":
            data = b"\n".join(data.split(b"\n")[:12]) + b"\n"
        elif path.name == "train.log":
            data = data[:2000]
        (run / path.name).write_bytes(data)
    return run


def read_run_folder(data: bytes, home: Path) -> None:
    from engine import quick_json
    from engine.catalogue.summary import summarise
    from engine.checks import check_folder
    from engine.checks.documents import read_bytes_inside

    name, data = _named(data)
    run = _small_run(home)
    path = run / name
    good = path.read_bytes()
    path.write_bytes(data)
    try:
        for finding in check_folder(run):
            assert finding.message, "a finding says nothing"
        summarise(run)
        summarise(run, loads=quick_json.loads)
        read_bytes_inside(run, name, 1000)
    finally:
        path.write_bytes(good)


def read_rows(data: bytes, home: Path) -> None:
    from engine.checks.streams import read_objects
    from engine.checks.streams import read_rows as read

    read(data)
    path = home / "rows-candidate.jsonl"
    path.write_bytes(data)
    for _ in read_objects(path):
        pass


def read_events(data: bytes, home: Path) -> None:
    from engine.checks.streams import read_events as look
    from engine.live.folding import fold_lines
    from engine.live.projection import RunProjection
    from engine.live.tail import EventTail
    from engine.supervise.child_events import parse_event

    path = home / "events.jsonl"
    path.write_bytes(data)
    one_by_one, at_once = RunProjection(), RunProjection()
    one_by_one.apply_all(EventTail(path).read_all())
    fold_lines(at_once, data.split(b"\n"))
    look(path)
    for line in data.split(b"\n"):
        parse_event(line)


def read_spans(data: bytes, home: Path) -> None:
    from engine.supervise.train_log import INDEX, LOG, read_spans

    (home / INDEX).write_bytes(data)
    (home / LOG).write_bytes(b"a line\n" * 100)
    read_spans(home)
    _page_log(home)


# --- what programs print ---------------------------------------------------------------


def read_output(data: bytes, home: Path) -> None:
    from engine.supervise.reader import Reader

    wanted = [("val_bpb", r"^val_bpb:\s*(\d+\.\d+)"), ("loss", r"loss[=: ]+([0-9.e+-]+)")]
    size = 1 + len(data) % 4099
    reader = Reader(wanted=wanted, clock=iter(range(10**9)).__next__)
    for at in range(0, len(data), size):
        said = reader.feed(data[at : at + size])
        for line in (*said.lines, reader.current):
            _is_harmless(line)
    reader.close()


def read_log(data: bytes, home: Path) -> None:
    from engine.supervise.train_log import INDEX, LOG
    from tui.log.line import clean, parse

    (home / LOG).write_bytes(data)
    (home / INDEX).unlink(missing_ok=True)
    _page_log(home)
    for line in data.split(b"\n")[:200]:
        _is_harmless(parse(line).text)
        _is_harmless(clean(line))


def _page_log(folder: Path) -> None:
    from tui.log.find import compile_pattern
    from tui.log.reader import LogReader

    reader = LogReader(folder, lambda: None)
    try:
        while reader.look() or reader._busy:
            pass
        rows = reader.rows(0, min(reader.total, 50))
        assert all(len(row[1]) <= 2**20 for row in rows)
        reader.search(compile_pattern("loss"))
        while reader.look() or reader._busy:
            pass
    finally:
        reader.stop()


def _is_harmless(line: str) -> None:
    bad = _CONTROLS.search(line)
    assert bad is None, f"control characters are shown: {bad!r}"


def _is_sentence(text: str) -> None:
    assert text.strip(), "an error says nothing"
    assert "Traceback" not in text, "an error holds a traceback"


# --- what people write -----------------------------------------------------------------


def read_protocol(data: bytes, home: Path) -> None:
    from engine.checks.protocol import check_protocol
    from engine.checks.protocol.around import Around, asked_of
    from engine.protocols.reading import ProtocolError, read_document, read_protocol
    from engine.protocols.wording import in_words
    from engine.records.protocol import Protocol

    document = read_document("protocol.json", data)
    record = document.record if isinstance(document.record, Protocol) else None
    programs = frozenset(asked_of(record)) if record else frozenset()
    for files in (None, frozenset({"train.py", "prepare.py", "README.md"})):
        check_protocol(document, Around("darwin", "arm64", programs, files))
    if record is not None:
        list(in_words(record))
    path = home / "protocol.json"
    path.write_bytes(data)
    try:
        read_protocol(path)
    except ProtocolError as error:
        _is_sentence(str(error))


def read_forge(data: bytes, home: Path) -> None:
    from engine.forge_edit import EditError, with_values
    from engine.target import TargetError, load_target

    (home / "forge.yaml").write_bytes(data)
    try:
        target = load_target(home, ["training.iters=3"])
        assert target.primary
        assert target.held_out
    except TargetError as error:
        _is_sentence(str(error))
    with contextlib.suppress(EditError, UnicodeDecodeError):
        with_values(data.decode("utf-8"), {"training.learning_rate": 1e-4, "new.part": "x"})


def read_override(data: bytes, home: Path) -> None:
    from engine.target import parse_value

    parse_value(data.decode("utf-8", "surrogateescape"))


def read_settings(data: bytes, home: Path) -> None:
    from engine.records.target import Forge
    from engine.serving.named import read_endpoints
    from engine.settings_file import load_table
    from engine.teaching.errors import TeachingError
    from engine.teaching.naming import spec_for
    from engine.workspace import Workspace
    from tui.keys.key import Key
    from tui.settings import load_settings

    (home / "factory.toml").write_bytes(data)
    read_endpoints(home)
    load_settings(home, (Key("log", "g", "Log", "runs", "The log."),))
    with contextlib.suppress(TeachingError):
        spec_for("mine", Workspace(home))
    load_table(home, "plan", Forge)


def read_suite(data: bytes, home: Path) -> None:
    from engine.judge.suites import SuiteError, load_suite

    path = home / "suite.jsonl"
    path.write_bytes(data)
    scorers = ("json_cmd", "json_exact", "numeric", "regex", "tool_calls", "sql_exec", "keywords")
    for scorer in (None, scorers[len(data) % len(scorers)]):
        try:
            load_suite(path, scorer=scorer, otherwise="exact", gives=("database", "options"))
        except SuiteError as error:
            _is_sentence(str(error))


@functools.cache
def _protocol() -> object:
    from engine.protocols.reading import read_protocol

    return read_protocol(DATA / "protocols" / "small-lm-mlx.json").protocol


def read_results(data: bytes, home: Path) -> None:
    from engine.loops.research import results_log
    from engine.records.protocol import Protocol

    protocol = _protocol()
    assert isinstance(protocol, Protocol)
    path = home / "results.tsv"
    path.write_bytes(data)
    text = results_log.read_text(path)
    assert text is not None
    results_log.parse(text, protocol)
    ours = {"commit": "abc1234", "status": "keep", "description": "a"}
    once = results_log.write_log(path, text, [ours], protocol)
    assert results_log.write_log(path, text, [ours], protocol) == once, "written twice, it differs"


def read_artifact(data: bytes, home: Path) -> None:
    from engine.artifacts.checking import check_entry
    from engine.artifacts.registry import read_artifact
    from engine.workspace import Workspace

    workspace = Workspace(home)
    workspace.artifacts_dir.mkdir(exist_ok=True)
    (workspace.artifacts_dir / "one.yaml").write_bytes(data)
    entry = read_artifact(workspace, "one")
    if entry.artifact is None:
        assert entry.problems, "it cannot be read, and nobody says why"
    check_entry(workspace, entry)


def read_journal(data: bytes, home: Path) -> None:
    from engine.publish.journal.marks import notes_place, read_marks
    from engine.publish.journal.writing import find_journal
    from engine.workspace import Workspace

    (home / "JOURNAL.md").write_bytes(data)
    found = find_journal(Workspace(home))
    for key, text in found.notes.items():
        again = read_marks("\n".join(notes_place(key, text)))
        assert again.notes.keys() == {key}, "notes that are written again are lost"


def read_constants(data: bytes, home: Path) -> None:
    from engine.loops.research.constants import (
        ConstantError,
        all_constants,
        find_constants,
        rewritten,
    )

    for name in ("train.py", "config.json", "config.yaml", "config.toml"):
        found = all_constants(name, data)
        find_constants({name: data}, {"prepare.py": data})
        for one in found[:3]:
            try:
                rewritten(name, data, {one.name: one.value})
            except ConstantError as error:
                _is_sentence(str(error))


# --- what models answer ----------------------------------------------------------------


def read_reply(data: bytes, home: Path) -> None:
    from engine.judge.answers import parse_json
    from engine.loops.patches import check_patches
    from engine.teaching.plans import read_plan
    from engine.teaching.reading import fit_many, fit_one, read_reply
    from engine.teaching.rows import chat_row

    text = data.decode("utf-8", "replace")
    parse_json(text)
    reading = read_reply(text)
    fit_many(reading, chat_row("json_exact"))
    fit_one(reading, read_plan)
    for one in reading.found:
        if isinstance(one.value, dict):
            check_patches(one.value)


def read_stream(data: bytes, home: Path) -> None:
    from engine.serving.chunks import BadChunk, ServerSaid, read_chunk
    from engine.serving.sse import EventReader

    events = EventReader()
    size = 1 + len(data) % 1021
    for at in range(0, len(data), size):
        for event in events.feed(data[at : at + size]):
            try:
                read_chunk(event)
            except (BadChunk, ServerSaid) as error:
                _is_sentence(str(error) or "an empty error of the server's own")


def read_ledger(data: bytes, home: Path) -> None:
    from engine.teaching.ledger import spent_in

    path = home / "calls.jsonl"
    path.write_bytes(data)
    spent_in(path)


def read_training_rows(data: bytes, home: Path) -> None:
    from engine.loops.flywheel.canonical import count_by_origin, read_lines
    from engine.plans.data_check import check_data
    from engine.target import load_target

    path = home / "canonical.jsonl"
    path.write_bytes(data)
    count_by_origin(read_lines(path))
    target = SAMPLES / "targets" / "drone-router"
    copy = home / "target"
    if not copy.is_dir():
        shutil.copytree(target, copy)
    for file in sorted((copy / "dataset").glob("*.jsonl"))[:1]:
        file.write_bytes(data)
    check_data(load_target(copy))


def read_diff(data: bytes, home: Path) -> None:
    """With git: whatever the diff says, no file outside of the tree, nor git's own, is changed."""
    from engine.loops.research.applying import apply
    from engine.loops.research.tree_git import TreeGit

    tree = home / "outer" / "tree"
    guard = home / "outer" / "beside.txt"
    if not tree.is_dir():
        (tree / "b").mkdir(parents=True)
        guard.write_text("beside\n")
        subprocess.run(["git", "init", "-q", str(tree)], check=True)
        for name in ("train.py", "b/one.txt"):
            (tree / name).write_text("LR = 0.1\nDEPTH = 4\nprint(LR)\n")
    before = _state(home / "outer")
    git = TreeGit(tree, tree / ".git", tree / ".git")
    refused = apply(git, data)
    after = _state(home / "outer")
    outside = {one for one in before.keys() | after.keys() if not _inside(one)}
    assert all(before.get(one) == after.get(one) for one in outside), "a file outside was changed"
    if refused is not None:
        _is_sentence(refused.text)
        assert before == after, "refused, and changed all the same"
    elif before != after:
        shutil.rmtree(home / "outer")


def _inside(name: str) -> bool:
    return name.startswith("tree/") and not name.startswith("tree/.git/")


def _state(folder: Path) -> dict[str, bytes]:
    return {
        one.relative_to(folder).as_posix(): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file()
    }


# --- what is downloaded ----------------------------------------------------------------


def read_weights(data: bytes, home: Path) -> None:
    from engine.weights import HeaderError, count_parameters, model_hash

    (home / "config.json").write_bytes(b'{"quantization": {"bits": 4}}')
    file = home / "model.safetensors"
    file.write_bytes(data)
    count_parameters([file], {"quantization": {"bits": 4}})
    try:
        model_hash(home)
    except HeaderError as error:
        _is_sentence(str(error))


def read_gguf(data: bytes, home: Path) -> None:
    from engine.gguf import read_gguf as read

    path = home / "model.gguf"
    path.write_bytes(data)
    read(path)


def _weights() -> list[bytes]:
    header = {
        "__metadata__": {"format": "mlx"},
        "a.weight": {"dtype": "U32", "shape": [4, 2], "data_offsets": [0, 32]},
        "a.scales": {"dtype": "F16", "shape": [4, 1], "data_offsets": [32, 40]},
        "b.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [40, 56]},
    }
    raw = json.dumps(header).encode()
    return [struct.pack("<Q", len(raw)) + raw + bytes(56)]


def _gguf() -> list[bytes]:
    def text(value: bytes) -> bytes:
        return struct.pack("<Q", len(value)) + value

    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 3)
    keys = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
    keys += text(b"general.alignment") + struct.pack("<II", 4, 32)
    keys += text(b"a.list") + struct.pack("<IIQ", 9, 4, 2) + struct.pack("<II", 1, 2)
    tensor = text(b"a.weight") + struct.pack("<IQQIQ", 2, 2, 2, 0, 0)
    body = head + keys + tensor
    return [body + bytes(-len(body) % 32) + bytes(16)]


# --- seeds that stand in no file ----------------------------------------------------------


def _results() -> list[bytes]:
    return [
        b"commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"
        b"abc1234\t1.234567\t2.5\tkeep\tbaseline\n"
        b'def5678\t0.000000\t0.0\tcrash\t"a ""quoted"" text"\n'
        b"0a0b0c0\t\t\tdiscard\tdepth 8\n"
    ]


def _journal() -> list[bytes]:
    from engine.publish.journal.marks import block, notes_place

    lines = ["# Journal", *notes_place("journal", "mine"), *block("run:2026-11-28-a", ["## A", ""])]
    lines += [*notes_place("run:2026-11-28-a", "I saw\n\nthis."), *block("cumulative", ["| a |"])]
    return ["\n".join([*lines, ""]).encode()]


def _replies() -> list[bytes]:
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


def _stream() -> list[bytes]:
    chunk = {
        "choices": [{"delta": {"content": "a", "tool_calls": [{"index": 0, "function": {}}]}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }
    text = json.dumps(chunk)
    return [f": hello\n\ndata: {text}\n\ndata: {text}\r\n\r\ndata: [DONE]\n\n".encode()]


def _ledger() -> list[bytes]:
    asked = {"kind": "asked", "call": "a", "reserved_tokens": 100, "reserved_usd": 0.1}
    ended = {"kind": "answered", "call": "a", "counted_tokens": 80, "counted_usd": 0.05}
    return ["\n".join([json.dumps(asked), json.dumps(ended), ""]).encode()]


def _diffs() -> list[bytes]:
    return [
        b"Here:\n```diff\n--- a/train.py\n+++ b/train.py\n@@ -1,3 +1,3 @@\n-LR = 0.1\n+LR = 0.2\n"
        b" DEPTH = 4\n print(LR)\n```\n",
        b"diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n"
        b"@@ -0,0 +1 @@\n+x = 1\n",
        b"diff --git a/b/one.txt b/b/two.txt\nsimilarity index 100%\nrename from b/one.txt\n"
        b"rename to b/two.txt\n",
    ]


def _values() -> list[bytes]:
    return [b"3", b"5e-5", b"true", b"[a, list]", b"a word", b"2026-11-28", b"{a: 1}"]


_rows = _heads("sample_runs/runs/*/rows-*.jsonl", lines=6)


def _toml() -> list[bytes]:
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
    return [*_files("sample_runs/factory.toml")(), more]


def _seen() -> list[bytes]:
    """Output of mlx-lm's trainer, of both forms, and of scripts."""
    more = [
        b'{"step": 1, "loss": 2.5}\nval_bpb: 1.23\n 45%|####  | 45/100 [00:10<00:12, loss=1.2]\r'
    ]
    return [*_files("tests/engine/supervise/logs/*")(), *more]


def _errors(*paths: str) -> tuple[type[Exception], ...]:
    import importlib

    found = []
    for path in paths:
        module, _, name = path.rpartition(".")
        found.append(getattr(importlib.import_module(module), name))
    return tuple(found)


def readers() -> Sequence[FuzzedReader]:
    """The table. Imports here, so that ``--help`` costs nothing."""
    gguf = _errors("engine.gguf.GgufError")
    target = _errors("engine.target.TargetError")
    settings = _errors("engine.settings_file.SettingsError")
    suite = _heads("sample_runs/targets/*/dataset/*.jsonl", lines=8)
    return (
        FuzzedReader("record", "named-json", read_record, _records, guided=True),
        FuzzedReader("run-folder", "named-json", read_run_folder, _records),
        FuzzedReader("rows", "jsonl", read_rows, _rows),
        FuzzedReader(
            "events", "jsonl", read_events, _heads("sample_runs/runs/*/events.jsonl", lines=60),
            guided=True,
        ),
        FuzzedReader(
            "log-index", "jsonl", read_spans, _heads("sample_runs/runs/*/train.log.index", lines=20)
        ),
        FuzzedReader("log", "text", read_log, _heads("sample_runs/runs/*/train.log", lines=80)),
        FuzzedReader("output", "text", read_output, _seen, guided=True),
        FuzzedReader(
            "protocol", "json", read_protocol,
            _files("tests/data/protocols/*.json", "sample_runs/recipes/*/protocol.json"),
            guided=True,
        ),
        FuzzedReader(
            "forge", "yaml", read_forge, _files("sample_runs/targets/*/forge.yaml"), guided=True
        ),
        FuzzedReader("override", "yaml", read_override, _values, target),
        FuzzedReader("settings", "text", read_settings, _toml, settings),
        FuzzedReader("suite", "jsonl", read_suite, suite, guided=True),
        FuzzedReader("results", "tsv", read_results, _results, guided=True),
        FuzzedReader(
            "artifact", "yaml", read_artifact,
            _files("tests/data/artifacts/*.yaml", "sample_runs/artifacts/*.yaml"),
            guided=True,
        ),
        FuzzedReader("journal", "text", read_journal, _journal, guided=True),
        FuzzedReader(
            "constants", "text", read_constants,
            _files("sample_runs/recipes/*/train.py", "sample_runs/recipes/*/protocol.json",
                   "sample_runs/targets/*/forge.yaml", "sample_runs/factory.toml", most=20_000),
        ),
        FuzzedReader("reply", "text", read_reply, _replies, guided=True),
        FuzzedReader("stream", "text", read_stream, _stream, guided=True,
                     clean=_errors("engine.serving.sse.StreamTooLarge")),
        FuzzedReader("ledger", "jsonl", read_ledger, _ledger),
        FuzzedReader("training-rows", "jsonl", read_training_rows, suite),
        FuzzedReader("diff", "text", read_diff, _diffs),
        FuzzedReader("weights", "binary", read_weights, _weights, guided=True),
        FuzzedReader("gguf", "binary", read_gguf, _gguf, gguf, guided=True),
    )  # fmt: skip
