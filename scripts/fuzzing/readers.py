"""Every reader of the program as a function over the bytes of one file, and where seeds are found.

Each goes through the door that a user's file goes through. ``clean`` are the errors that the door
promises: whoever calls it tells them as a sentence. Everything else that comes out is a finding.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.fuzzing import seeds
from scripts.fuzzing.promises import is_sentence
from scripts.fuzzing.run_readers import (
    read_events,
    read_log,
    read_output,
    read_record,
    read_rows,
    read_run_folder,
    read_spans,
)
from scripts.fuzzing.seeds import DATA, SAMPLES, of_files, of_heads

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
        is_sentence(str(error))


def read_forge(data: bytes, home: Path) -> None:
    from engine.forge_edit import EditError, with_values
    from engine.target import TargetError, load_target

    (home / "forge.yaml").write_bytes(data)
    try:
        target = load_target(home, ["training.iters=3"])
        assert target.primary
        assert target.held_out
    except TargetError as error:
        is_sentence(str(error))
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
            is_sentence(str(error))


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
                is_sentence(str(error))


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
                is_sentence(str(error) or "an empty error of the server's own")


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


def read_line(data: bytes, home: Path) -> None:
    """Messages of another machine: whatever they say, nothing is written outside of the copy."""
    os.environ["XDG_CACHE_HOME"] = str(home)
    from engine.remote.address import parse
    from engine.remote.copying import Copy
    from engine.remote.wire import LineError, receive

    copy = Copy(parse("ssh://host/there"))
    copy.prepare()
    beside = home / "beside.txt"
    beside.write_text("beside\n")
    source = io.BytesIO(data)
    try:
        while True:
            head, body = receive(source)
            copy.take(head, body)
    except LineError as error:
        is_sentence(str(error))
    copy.held()
    found = {one for one in _state(home) if not one.startswith("factory-tui/mirrors/host-")}
    assert found == {"beside.txt"}, f"written outside of the copy: {found}"
    shutil.rmtree(home / "factory-tui")


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
        is_sentence(refused.text)
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
        is_sentence(str(error))


def read_gguf(data: bytes, home: Path) -> None:
    from engine.gguf import read_gguf as read

    path = home / "model.gguf"
    path.write_bytes(data)
    read(path)


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
    suite = of_heads("sample_runs/targets/*/dataset/*.jsonl", lines=8)
    return (
        FuzzedReader("record", "named-json", read_record, seeds.records, guided=True),
        FuzzedReader("run-folder", "named-json", read_run_folder, seeds.records),
        FuzzedReader("rows", "jsonl", read_rows, seeds.rows),
        FuzzedReader(
            "events", "jsonl", read_events, of_heads("sample_runs/runs/*/events.jsonl", lines=60),
            guided=True,
        ),
        FuzzedReader(
            "log-index", "jsonl", read_spans,
            of_heads("sample_runs/runs/*/train.log.index", lines=20),
        ),
        FuzzedReader("log", "text", read_log, of_heads("sample_runs/runs/*/train.log", lines=80)),
        FuzzedReader("output", "text", read_output, seeds.seen, guided=True),
        FuzzedReader(
            "protocol", "json", read_protocol,
            of_files("tests/data/protocols/*.json", "sample_runs/recipes/*/protocol.json"),
            guided=True,
        ),
        FuzzedReader(
            "forge", "yaml", read_forge, of_files("sample_runs/targets/*/forge.yaml"), guided=True
        ),
        FuzzedReader("override", "yaml", read_override, seeds.values, target),
        FuzzedReader("settings", "text", read_settings, seeds.toml, settings),
        FuzzedReader("suite", "jsonl", read_suite, suite, guided=True),
        FuzzedReader("results", "tsv", read_results, seeds.results, guided=True),
        FuzzedReader(
            "artifact", "yaml", read_artifact,
            of_files("tests/data/artifacts/*.yaml", "sample_runs/artifacts/*.yaml"),
            guided=True,
        ),
        FuzzedReader("journal", "text", read_journal, seeds.journal, guided=True),
        FuzzedReader(
            "constants", "text", read_constants,
            of_files("sample_runs/recipes/*/train.py", "sample_runs/recipes/*/protocol.json",
                   "sample_runs/targets/*/forge.yaml", "sample_runs/factory.toml", most=20_000),
        ),
        FuzzedReader("reply", "text", read_reply, seeds.replies, guided=True),
        FuzzedReader("stream", "text", read_stream, seeds.stream, guided=True,
                     clean=_errors("engine.serving.sse.StreamTooLarge")),
        FuzzedReader("ledger", "jsonl", read_ledger, seeds.ledger),
        FuzzedReader("training-rows", "jsonl", read_training_rows, suite),
        FuzzedReader("line", "jsonl", read_line, seeds.line),
        FuzzedReader("diff", "text", read_diff, seeds.diffs),
        FuzzedReader("weights", "binary", read_weights, seeds.weights, guided=True),
        FuzzedReader("gguf", "binary", read_gguf, seeds.gguf_files, gguf, guided=True),
    )  # fmt: skip
