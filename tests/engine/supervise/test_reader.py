"""The real logs of mlx-lm, of both kinds and four shapes, and bytes of every kind."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.records.events import EVENT
from engine.supervise.json_text import read_json_line
from engine.supervise.reader import Reader, Reading
from engine.supervise.terminal import CUT, MAX_LINE, LineCleaner

LOGS = Path(__file__).parent / "logs"
NEW = ["stdout", "NO_COLOR.stdout", "FORCE_COLOR.stdout", "tty.raw", "COLUMNS20.stdout"]

LOSSES = [(10, 0.885), (20, 0.241), (30, 0.174), (40, 0.137)]
VAL_LOSSES = [(1, 2.292), (20, 0.219), (40, 0.105)]


def read(data: bytes, size: int = 1 << 20) -> Reading:
    """What a reader makes of bytes that arrive in pieces of ``size``."""
    reader = Reader()
    whole = Reading()
    for start in range(0, len(data), size):
        part = reader.feed(data[start : start + size])
        whole.lines += part.lines
        whole.events += part.events
    rest = reader.close()
    return Reading(whole.lines + rest.lines, whole.events + rest.events)


def series(reading: Reading, name: str) -> list[tuple[int, Any]]:
    return [
        (event["step"], event["values"][name])
        for event in reading.events
        if event["kind"] == "metric" and name in event["values"]
    ]


def steps(reading: Reading, kind: str, key: str) -> list[Any]:
    return [event[key] for event in reading.events if event["kind"] == kind]


def test_the_text_up_to_0_31() -> None:
    reading = read((LOGS / "lora-0.29.1.stdout").read_bytes())
    assert series(reading, "loss") == LOSSES
    assert series(reading, "val_loss") == VAL_LOSSES
    assert series(reading, "learning_rate") == [(step, 0.002) for step, _ in LOSSES]
    assert series(reading, "it_s") == [(10, 19.066), (20, 18.288), (30, 19.435), (40, 21.461)]
    assert series(reading, "tokens") == [(10, 2062), (20, 4129), (30, 6163), (40, 8168)]
    assert series(reading, "mlx_peak_bytes")[-1] == (40, 22_000_000)
    assert series(reading, "test_loss") == [(40, 0.126)]
    assert steps(reading, "checkpoint", "step") == [20, 40]
    assert steps(reading, "progress", "total") == [40] * 5


@pytest.mark.parametrize("shape", NEW)
@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_the_table_from_0_32_in_every_shape(shape: str, size: int) -> None:
    reading = read((LOGS / f"lora-0.32.2.{shape}").read_bytes(), size)
    assert series(reading, "loss") == LOSSES
    assert series(reading, "val_loss") == VAL_LOSSES
    assert [step for step, _ in series(reading, "tok_s")] == [10, 20, 30, 40]
    assert all(5000 < value < 6000 for _, value in series(reading, "tok_s"))
    assert series(reading, "tokens") == [(10, 2100), (20, 4100), (30, 6200), (40, 8200)]
    assert series(reading, "test_loss") == [(40, 0.126)]
    assert steps(reading, "checkpoint", "step") == [20, 40]
    assert set(steps(reading, "progress", "total")) == {40}
    settings_said = [event for event in reading.events if event["kind"] == "message"]
    assert "batch · iters 16 · 40" in settings_said[0]["text"]
    assert not [line for line in reading.lines if "\x1b" in line or "\r" in line]


@pytest.mark.parametrize("shape", ["FORCE_COLOR.stdout", "tty.raw"])
def test_bars_that_were_erased_are_not_shown(shape: str) -> None:
    plain = read((LOGS / "lora-0.32.2.stdout").read_bytes()).lines
    drawn = [line for line in read((LOGS / f"lora-0.32.2.{shape}").read_bytes()).lines if line]
    assert len(drawn) == len(plain)
    assert [line[:20] for line in drawn] == [line[:20] for line in plain]


def test_a_bar_is_kept_in_its_last_state() -> None:
    lines = read((LOGS / "lora-0.29.1.stderr").read_bytes()).lines
    assert len(lines) == 4
    assert all(line.startswith("Calculating loss...: 100%") for line in lines)


def test_a_bar_glued_to_a_row_does_not_hide_it() -> None:
    """Both streams in one pipe: the bar has no line end of its own."""
    reading = read(b"\rCalc: 100%|###| 4/4 [00:00, 33it/s]Iter 10: Train loss 0.5, It/sec 2.0\n")
    assert series(reading, "loss") == [(10, 0.5)]


def test_a_loss_that_is_no_number_is_read() -> None:
    reading = read("  10    nan ▲    5,485      2.1k\nIter 20: Train loss inf, It/sec 1\n".encode())
    assert series(reading, "loss") == [(10, "nan"), (20, "inf")]


def test_lines_of_json() -> None:
    assert read_json_line('{"step": 3, "loss": 0.5, "mine": 2, "name": "x", "ok": true}') == [
        {"kind": "metric", "step": 3, "values": {"loss": 0.5, "mine": 2.0}}
    ]
    assert read_json_line('{"iteration": 4, "train_loss": NaN, "peak_memory": 0.5}') == [
        {"kind": "metric", "step": 4, "values": {"loss": "nan", "mlx_peak_bytes": 5e8}}
    ]
    assert read_json_line('{"iter": 1, "loss": 1, "total_steps": 9}')[1]["total"] == 9
    for line in ['{"loss": 1}', "[1]", '{"step": 1', '{"step": true, "loss": 1}', '{"step": -1}']:
        assert read_json_line(line) == []
    assert read_json_line('{"step": 1, "x": 1' + "0" * 400 + "}") == []


@pytest.mark.parametrize(
    "line",
    [
        "Iter x: Train loss 1",
        "10 0.5 5,485 2.1k",
        "save",
        "val 1 2",
        "10 val x 1s",
        "│ a │",
        "╰──╯",
    ],
)
def test_what_is_not_understood_is_just_log(line: str) -> None:
    reading = read(line.encode() + b"\n")
    assert reading.events == []
    assert reading.lines == [line]


def test_control_codes_are_removed() -> None:
    lines = read(
        b"\x1b]0;title\x07a\x1b[31mb\x1b[0m\x00c\n"
        b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n"
        b"ab\x08c\n"
        b"\xe2\x80\xaedcba\n"
        b"\x1b\n"
        b"\xff\xfe\n"
    ).lines
    assert lines == ["abc", "link", "ac", "dcba", "", "\N{REPLACEMENT CHARACTER}" * 2]


def test_a_line_without_end_is_cut() -> None:
    lines = read(b"x" * (3 * MAX_LINE) + b"\nnext\n", 4096).lines
    assert lines == ["x" * MAX_LINE + CUT, "next"]


def test_a_bar_that_is_redrawn_for_hours_hides_no_row() -> None:
    bar = b"\r\x1b[2K\x1b[34mtrain " + "░".encode() * 30 + b"\x1b[0m   1% \xc2\xb7     4/400"
    data = bar * 20_000 + "\r\x1b[2K  10    0.885 ▼    5,485      2.1k\r\n".encode()
    assert series(read(data, 1000), "loss") == [(10, 0.885)]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(
                [
                    b"\x1b[", b"\x1b[2K", b"\x1b[1A", b"\x1b]0;", b"\r", b"\n", b"\x08", b"\r\n",
                    b"Iter 10: Train loss ", "10 0.5 ▼ 5,4 2k".encode(), b"  save\n", b"{\"step\":",
                    "╭─ mlx_lm\n".encode(), "│ batch · iters 1 · 2\n".encode(), "╰\n".encode(),
                    b"1e999", b"nan", b",,,.", b"9" * 40, b'{"step": 1, "loss": NaN}\n',
                ]
            ),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_any_bytes_are_read_without_an_error(pieces: list[bytes]) -> None:
    reader = Reader()
    readings = [reader.feed(piece) for piece in pieces]
    readings.append(reader.close())
    for reading in readings:
        for line in reading.lines:
            assert not set(line) & {"\x1b", "\r", "\n", "\x00", "\x08"}
        for event in reading.events:
            EVENT.validate_python(event)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 50))
def test_pieces_make_no_difference_to_lines(data: bytes, size: int) -> None:
    whole, parts = LineCleaner(), LineCleaner()
    expected = whole.feed(data) + whole.close()
    got = [line for i in range(0, len(data), size) for line in parts.feed(data[i : i + size])]
    assert got + parts.close() == expected


@pytest.mark.parametrize(
    "unit",
    [
        b"9", b"1,", b"\x1b[", b"\x1b]", b"Iter ", b"\x08", b"a\x08\x08", b"\r", b"\n", b"{", b" ",
        "│".encode(), "█".encode(), b"Iter 1: ", b"\x1b[9999999999C", b"train ", b"1 val ",
    ],
)  # fmt: skip
def test_time_is_linear(unit: bytes) -> None:
    """2 MB of the worst units; something quadratic would take minutes."""
    data = unit * (2 * 2**20 // len(unit))
    began = time.process_time()
    read(data + b"\n", 65536)
    assert time.process_time() - began < 40
