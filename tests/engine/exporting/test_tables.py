"""Cells and rows, without a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from engine.exporting.events import rows_of
from engine.exporting.tables import CELLS, EVENTS, METRICS, Table


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("text", None, ""),
        ("text", "", '""'),
        ("text", 'say "no", twice\n', '"say ""no"", twice\n"'),
        ("text", 3, ""),
        ("number", None, ""),
        ("number", 0, "0.0"),
        ("number", float("nan"), "nan"),
        ("number", "-inf", "-inf"),
        ("number", "1e3", ""),
        ("number", True, ""),
        ("number", 10**400, ""),
        ("whole", 7, "7"),
        ("whole", 2**63, ""),
        ("whole", 1.5, ""),
        ("whole", False, ""),
        ("truth", False, "false"),
        ("truth", 1, ""),
        ("time", "2026-11-28T00:02:29.067Z", "2026-11-28T00:02:29.067000"),
        ("time", "2026-11-28 02:00:00+02:00", "2026-11-28T00:00:00"),
        ("time", datetime(2026, 11, 28, 1, tzinfo=timezone(timedelta(hours=1))), None),
        ("time", datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))), ""),
        ("time", "yesterday", ""),
        ("time", 1_800_000_000, ""),
    ],
    ids=str,
)
def test_a_value_is_a_cell_and_what_fits_no_column_is_null(
    kind: str, value: object, cell: str | None
) -> None:
    if cell is None:
        assert isinstance(value, datetime)
        cell = value.astimezone(UTC).replace(tzinfo=None).isoformat()
    assert CELLS[kind](value) == cell


def test_each_type_has_its_cell() -> None:
    from engine.exporting.tables import ROWS, SQL, TABLES

    assert CELLS.keys() == SQL.keys()
    assert {kind for table in (*TABLES, ROWS) for kind in table.columns.values()} == SQL.keys()


def table(kind: Table, lines: list[str]) -> list[dict[str, str]]:
    """Lines without commas in their texts, by the names of the columns."""
    return [dict(zip(kind.columns, one.strip("\n").split(","), strict=True)) for one in lines]


def metric(values: dict[str, Any], **other: Any) -> bytes:
    event = {"seq": 4, "t": "2026-11-28T00:00:01Z", "stage": "train", "kind": "metric", "step": 10}
    return json.dumps({**event, "values": values, **other}).encode()


def test_a_metric_is_a_row_for_each_number_and_nan_stays_nan() -> None:
    plain = table(METRICS, rows_of("r", [metric({"loss": 0.5, "tokens": 12})]).metrics)
    assert [(one["name"], one["value"]) for one in plain] == [
        ('"loss"', "0.5"),
        ('"tokens"', "12.0"),
    ]
    assert plain[0] | {"name": "", "value": ""} == {
        "run": '"r"',
        "stage": '"train"',
        "step": "10.0",
        "t": "2026-11-28T00:00:01",
        "seq": "4",
        "name": "",
        "value": "",
    }
    odd = table(METRICS, rows_of("r", [metric({"loss": "nan", "lr": None, "x": [1]})]).metrics)
    assert [one["value"] for one in odd] == ["nan", "", ""]


def test_both_ways_to_read_a_line_make_the_same_rows() -> None:
    lines = [
        metric({"loss": 0.25, "é": 1.0}),
        metric({"loss": 1e-7}, stage=None),
        metric({}, step=3),
        b'{"seq":5,"t":"2026-11-28T00:00:02.5Z","stage":"train","kind":"memory","processes":1,'
        b'"tree_rss_bytes":5,"available_bytes":null,"swap_used_bytes":0}',
        b'{"seq":6,"stage":"train","kind":"progress","done":1,"total":null,"unit":"steps"}',
    ]
    # A sign beyond ASCII sends a line the careful way.
    careful = [line[:-1] + ',"note":"é"}'.encode() for line in lines]
    quick, slow = rows_of("r", lines), rows_of("r", careful)
    assert quick.metrics and len(quick.events) == 5
    known = [one for one in slow.metrics if not one.endswith(",\n")]
    assert (quick.events, quick.metrics, quick.broken) == (slow.events, known, slow.broken)


def test_an_event_says_what_it_says_and_an_example_nothing() -> None:
    lines = [
        {"kind": "message", "level": "warning", "code": "silence", "text": "Nothing for 60 s."},
        {"kind": "stage-end", "outcome": "failed", "reason": "nan-loss"},
        {"kind": "phase", "from_phase": "created", "to_phase": "training"},
        {"kind": "example", "id": "1", "prompt": "held out", "expected": "so is this"},
        {"kind": "of-tomorrow", "text": "unknown"},
    ]
    piece = rows_of("r", [json.dumps(one).encode() for one in lines])
    said = [(one["level"], one["code"], one["text"]) for one in table(EVENTS, piece.events)]
    assert said == [
        ('"warning"', '"silence"', '"Nothing for 60 s."'),
        ("", '"failed"', '"nan-loss"'),
        ("", "", '"training"'),
        ("", "", ""),
        ("", "", ""),
    ]


def test_lines_that_are_no_event_are_counted() -> None:
    piece = rows_of("r", [b"[1]", b"", b"{", b'{"kind":3}', b"\xff", b'{"kind":"x"}'])
    assert (len(piece.events), piece.broken) == (1, 4)
