"""Whole exports, read back: by csv, and by DuckDB where it is installed."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.catalogue.summary import summarise
from engine.cli.app import main
from engine.exporting.making import Exported, ExportError, Format, export
from engine.exporting.sinks import Database
from engine.exporting.tables import EVENTS
from tests.engine.folders import FOREIGN_ID, RUN_ID, edit, make_foreign, make_run

BARE = "2026-11-19-bare"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A run that is whole, one of another tool, and one that holds a config and nothing else."""
    place = tmp_path / "place"
    make_run(place)
    make_foreign(place)
    bare = place / "runs" / BARE
    bare.mkdir()
    (bare / "config.json").write_text('{"target": "bare", "loop": {"id": "l-1", "iteration": 0}}')
    return place


def exported(place: Path, out: Path, kind: Format = "csv", **more: bool) -> Exported:
    runs = [summarise(path) for path in (place / "runs").iterdir()]
    return export(runs, out, kind, **more)


def read(out: Path, name: str) -> list[dict[str, str]]:
    with (out / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_what_was_not_recorded_is_null_and_never_0(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = exported(workspace, out)
    runs = {one["run"]: one for one in read(out, "runs")}
    assert list(runs) == sorted([RUN_ID, FOREIGN_ID, BARE])
    assert (runs[BARE]["target"], runs[BARE]["loop"], runs[BARE]["iteration"]) == (
        "bare",
        "l-1",
        "0",
    )
    silent = (
        "primary_before",
        "primary_after",
        "primary_delta",
        "n",
        "seed",
        "peak_bytes",
        "parent",
    )
    assert [runs[BARE][name] for name in silent] == [""] * len(silent)
    whole = runs[RUN_ID]
    assert (whole["primary_before"], whole["primary_after"], whole["seed"]) == ("0.2", "0.95", "0")
    assert float(whole["primary_delta"]) == pytest.approx(0.75)
    assert {one["verdict"] for one in read(out, "gates") if one["run"] == RUN_ID} == {"pass"}
    assert len([one for one in read(out, "evals") if one["run"] == RUN_ID]) == 4
    assert done.rows["events"] == len(read(out, "events")) > 0
    assert not (out / "rows.csv").exists()
    assert done.left_out == [f"{BARE}: no gates, its config.json is not right."]


def test_scored_examples_go_out_when_asked_for_and_say_what_they_are(
    workspace: Path, tmp_path: Path
) -> None:
    exported(workspace, tmp_path / "out", scored=True)
    rows = [one for one in read(tmp_path / "out", "rows") if one["run"] == RUN_ID]
    assert len(rows) == 160 and {one["held_out"] for one in rows} == {"true"}
    assert {one["side"] for one in rows} == {"baseline", "candidate"}
    assert rows[0]["prompt"] and rows[0]["expected"]


def test_the_same_runs_are_the_same_bytes(workspace: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        exported(workspace, tmp_path / name, scored=True)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
def test_parquet_and_the_database_hold_what_csv_holds(
    workspace: Path, tmp_path: Path, kind: Format
) -> None:
    duckdb = pytest.importorskip("duckdb")
    nan = {"kind": "metric", "stage": "train", "step": 9, "values": {"loss": "nan", "lr": None}}
    odd = {"kind": "message", "level": "info", "code": "", "text": 'a "b",\r\n\0 \\ ☃ \ud800'}
    with (workspace / "runs" / BARE / "events.jsonl").open("w") as file:
        file.writelines(json.dumps(one) + "\n" for one in (nan, odd))
    done = exported(workspace, tmp_path / "text", scored=True)
    out = tmp_path / ("all.duckdb" if kind == "duckdb" else "all")
    assert exported(workspace, out, kind, scored=True).rows == done.rows
    connection = duckdb.connect(str(out) if kind == "duckdb" else ":memory:")
    try:
        for name in ("runs", "metrics", "events", "evals", "gates", "rows"):
            where = name if kind == "duckdb" else f"'{out / name}.parquet'"
            found = connection.execute(f"SELECT * FROM {where}")
            names = [one[0] for one in found.description]
            rows = [list(map(as_csv, row)) for row in found.fetchall()]
            assert rows == [[one[key] for key in names] for one in read(tmp_path / "text", name)]
        where = "events" if kind == "duckdb" else f"'{out / 'events'}.parquet'"
        said = f"SELECT code, text FROM {where} WHERE run = '{BARE}' AND kind = 'message'"
        assert connection.execute(said).fetchall() == [("", 'a "b",\r\n\0 \\ ☃ ?')]
        where = "metrics" if kind == "duckdb" else f"'{out / 'metrics'}.parquet'"
        seen = f"SELECT isnan(value), value IS NULL FROM {where} WHERE run = '{BARE}'"
        assert connection.execute(seen).fetchall() == [(True, False), (None, True)]
    finally:
        connection.close()


def as_csv(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def test_a_text_of_megabytes_is_a_cell_like_any_other(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    sink = Database(tmp_path, [EVENTS])
    said = 'é"' * (3 << 20)
    row = ("r", 1, None, "message", None, "info", "long", said)
    sink.write(EVENTS, [EVENTS.line(row), EVENTS.line((*row[:-1], "short"))])
    sink._hand_over(EVENTS)
    found = sink.connection.execute("SELECT text FROM events").fetchall()
    sink.close()
    assert found == [(said,), ("short",)]


def test_broken_runs_go_out_as_far_as_they_can_be_read(workspace: Path, tmp_path: Path) -> None:
    run = workspace / "runs" / RUN_ID
    before = exported(workspace, tmp_path / "before", scored=True).rows
    (run / "eval-candidate.json").write_text("{")
    (run / "decision.json").write_text("[]")
    with (run / "events.jsonl").open("ab") as file:
        file.write(b'no event\n{"seq": 9')
    with (run / "rows-candidate.jsonl").open("ab") as file:
        file.write(b"{}\n")
    done = exported(workspace, tmp_path / "out", scored=True)
    for sentence in (
        f"{RUN_ID}/eval-candidate.json cannot be read.",
        f"{RUN_ID}/decision.json cannot be read.",
        f"{RUN_ID}/events.jsonl: 1 line is no event.",
        f"{RUN_ID}/events.jsonl: its last line is cut off.",
        f"{RUN_ID}/rows-candidate.jsonl: 1 line is no scored example.",
    ):
        assert done.left_out.count(sentence) == 1, done.left_out
    assert done.rows == before | {"evals": before["evals"] - 1}


def test_a_pipe_in_place_of_a_log_is_said_and_not_waited_for(
    workspace: Path, tmp_path: Path
) -> None:
    os.mkfifo(workspace / "runs" / BARE / "events.jsonl")
    done = exported(workspace, tmp_path / "out")
    assert f"{BARE}/events.jsonl is no ordinary file." in done.left_out
    assert list(done.rows) == ["runs", "metrics", "events", "evals", "gates"]


def test_an_export_replaces_an_export_and_nothing_else(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    exported(workspace, out)
    with pytest.raises(ExportError, match="--force"):
        exported(workspace, out)
    edit(workspace / "runs" / BARE / "config.json", lambda config: config | {"target": "other"})
    exported(workspace, out, force=True)
    assert "other" in (out / "runs.csv").read_text()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"thesis\.txt"):
        exported(workspace, out, force=True)
    (tmp_path / "link").symlink_to(out)
    with pytest.raises(ExportError, match="is a link"):
        exported(workspace, tmp_path / "link", force=True)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "out", "place"]


def test_what_fails_half_way_leaves_what_was_there(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    exported(workspace, out)
    before = (out / "runs.csv").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.exporting.sinks.CsvFolder.write", full)
    with pytest.raises(OSError, match="No space"):
        exported(workspace, out, force=True)
    assert (out / "runs.csv").read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out", "place"]


# --- the command ------------------------------------------------------------------------------


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["export", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_the_command_says_what_it_wrote(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    place = ("--workspace", workspace, "--format", "csv", "--out")
    assert command(*place, out, "--filter", "target:router", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["rows"]["runs"] == 1
    assert [one["run"] for one in read(out, "runs")] == [RUN_ID]
    assert command(BARE, *place, tmp_path / "two", "--rows") == 0
    said = capsys.readouterr()
    assert "⚠ left out: " in said.err and "held-out data" in said.err
    assert said.out.splitlines()[0].split() == ["TABLE", "ROWS"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--format", "xlsx", "--out", "out"), 2, "xlsx is no format of an export: parquet"),
        (("--filter", "score>", "--out", "out"), 2, "^"),
        (("--filter", "target:nobody", "--out", "out"), 1, "No run fits"),
        (("--format", "csv", "--out", "place/runs/out"), 1, "holds runs only"),
        (("nobody", "--out", "out"), 3, "No run nobody"),
    ],
    ids=lambda value: None if isinstance(value, int) else str(value)[:30],
)
def test_what_cannot_be_exported_is_a_sentence(
    workspace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(*arguments, "--workspace", workspace) == code
    assert said in capsys.readouterr().err
    assert sorted(one.name for one in tmp_path.iterdir()) == ["place"]
    assert not (workspace / "runs" / "out").exists()


def test_without_duckdb_it_says_how_to_get_it(
    workspace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for out, what in (("all", "Parquet"), ("all.duckdb", "A DuckDB database")):
        assert command("--workspace", workspace, "--out", tmp_path / out) == 1
        said = capsys.readouterr().err
        assert f"{what} needs DuckDB" in said and "pip install 'factory-tui[export]'" in said
    assert command("--workspace", workspace, "--out", tmp_path / "all", "--format", "csv") == 0
