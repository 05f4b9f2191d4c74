"""Metrics of a training program that nobody knows: progress lines, and patterns somebody gave."""

from __future__ import annotations

import time

from engine.supervise.metric_text import PatternText, ProgressText, read_progress
from engine.supervise.reader import Reader

LINE = (
    "step 00012 (3.1%) | loss: 5.1 | lrm: 1.00 | dt: 512ms | tok/sec: 12,345 | mfu: 0.0% | "
    "epoch: 1 | remaining: 290s"
)


def test_a_progress_line_gives_step_values_in_seconds_and_house_names() -> None:
    metric, progress = read_progress(LINE)
    assert metric["step"] == 12
    assert metric["values"] == {
        "loss": 5.1,
        "lrm": 1.0,
        "dt_s": 0.512,
        "tok_s": 12345.0,
        "mfu": 0.0,
        "epoch": 1.0,
        "remaining_s": 290.0,
    }
    assert (progress["done"], progress["total"]) == (3.1, 100)


def test_a_loss_that_is_no_number_stays_so_and_words_are_no_progress() -> None:
    bar = read_progress(" 12%|#   | 12/100 [00:01<00:09, 9.1it/s, train_loss=nan]")
    assert bar[0]["values"] == {"loss": "nan"}
    assert bar[1]["total"] == 100
    assert read_progress("Next step 3 is to look at loss") == []
    assert read_progress("val_bpb: 1.2") == []


def test_a_bar_drawn_a_thousand_times_a_second_is_said_four_times_and_its_end_always() -> None:
    now = [0.0]
    text = ProgressText(lambda: now[0])
    events = []
    for step in range(1000):
        events += text.feed(f"\rstep {step} | loss: {step}.5".encode())
        now[0] += 0.001
    assert 3 <= len(events) <= 5
    last = text.close()
    assert last[0]["step"] == 999
    assert last[0]["values"] == {"loss": 999.5}


def test_half_a_number_is_never_said() -> None:
    text = ProgressText(lambda: 0.0)
    assert text.feed(b"step 1 | loss: 5.") == []
    assert text.feed(b"25\r")[0]["values"] == {"loss": 5.25}


def test_patterns_give_metrics_at_the_last_step_on_any_line() -> None:
    reader = Reader(wanted=[("val_bpb", r"^val_bpb:\s+([0-9.]+)")])
    events = reader.feed(b"step 7 | loss: 1.0\r\nval_bpb: 1.25\n").events
    events += reader.close().events
    found = [one for one in events if "val_bpb" in one.get("values", {})]
    assert found == [{"kind": "metric", "step": 7, "values": {"val_bpb": 1.25}}]


def test_a_pattern_over_two_lines_matches_once() -> None:
    text = PatternText([("acc", r"accuracy\n=\s*([0-9,]+)")])
    found = [event for line in ("accuracy", "= 1,024", "x", "y") for event in text.read(line, 0)]
    assert [event["values"] for event in found] == [{"acc": 1024.0}]


def test_a_pattern_that_searches_for_ever_is_given_up_with_one_message() -> None:
    text = PatternText([("slow", r"^(a|aa)+$"), ("ok", r"(b)")])
    began = time.monotonic()
    found = [event for _ in range(20) for event in text.read("a" * 60 + "!", 0)]
    assert [event["code"] for event in found] == ["slow-pattern"]
    assert time.monotonic() - began < 20
