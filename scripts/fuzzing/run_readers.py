"""The readers of run folders and of what programs print; see ``readers``."""

from __future__ import annotations

import functools
from pathlib import Path

from scripts.fuzzing.promises import is_harmless, is_sentence
from scripts.fuzzing.seeds import RUN, named


def read_record(data: bytes, home: Path) -> None:
    from engine.checks.contents import MODELS
    from engine.checks.documents import document_of
    from engine.folder import FolderError, read_record
    from engine.records.evaluation import EvalResult

    name, data = named(data)
    model = MODELS.get(name, EvalResult)
    document_of(name, data, model)
    path = home / name
    path.write_bytes(data)
    try:
        read_record(path, model)
    except FolderError as error:
        is_sentence(str(error))


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

    name, data = named(data)
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
    from engine.live.folding import fold_block, fold_lines
    from engine.live.projection import RunProjection
    from engine.live.tail import EventTail
    from engine.supervise.child_events import parse_event

    path = home / "events.jsonl"
    path.write_bytes(data)
    one_by_one, at_once, in_blocks = RunProjection(), RunProjection(), RunProjection()
    one_by_one.apply_all(EventTail(path).read_all())
    fold_lines(at_once, data.split(b"\n"))
    whole = data[: data.rfind(b"\n") + 1]
    fold_block(in_blocks, whole)
    assert in_blocks.last_seq == one_by_one.last_seq, "a block says another number than its lines"
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
        for line in said.lines:
            is_harmless(line)
    for line in reader.close().lines:
        is_harmless(line)


def read_log(data: bytes, home: Path) -> None:
    from engine.supervise.train_log import INDEX, LOG
    from tui.log.line import clean, parse

    (home / LOG).write_bytes(data)
    (home / INDEX).unlink(missing_ok=True)
    _page_log(home)
    for line in data.split(b"\n")[:200]:
        is_harmless(parse(line).text)
        is_harmless(clean(line))


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
