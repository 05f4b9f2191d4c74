"""Many lines folded at once give what each event gives by itself, whatever the lines hold."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.live import series as series_module
from engine.live.folding import fold_block, fold_lines
from engine.live.measurement import epoch, measurements
from engine.live.pace import Pace
from engine.live.projected import StageView
from engine.live.projection import RunProjection
from engine.live.series import Series

NUMBERS = st.one_of(
    st.integers(-5, 2000),
    st.floats(0, 1e6),
    st.sampled_from(
        [10**400, -(10**30), 2**63, 2**64, 1e308, True, None, "nan", "inf", "x", [], {}]
    ),
)
USUAL = st.integers(0, 5000) | st.floats(0, 1e4)
TIMES = st.one_of(
    st.floats(0, 3599).map(lambda s: f"2026-11-20T09:{int(s) // 60:02}:{s % 60:06.3f}Z"),
    st.sampled_from(
        [
            "2026-11-20T09:30:00.1234567Z",
            "2026-11-20t09:30:00z",
            "2026-11-20T09:30:00",
            "2026-11-20T09:30:00+05:30",
            "20261120T093000Z",
            "2026-13-20T09:30:00Z",
            "0001-01-01T00:00:00+10:00",
            "",
            None,
            5,
        ]
    ),
)
NAMES = st.sampled_from(["loss", "tok_s", "tokens", "val_loss", "mlx_peak_bytes", "tree_rss_bytes"])
VALUES = st.dictionaries(NAMES, USUAL, max_size=5) | st.dictionaries(NAMES, NUMBERS, max_size=5)


def events(numbers: st.SearchStrategy[Any], times: st.SearchStrategy[Any]) -> Any:
    """Events of the kinds that come in numbers, and some others between them."""
    stage = st.sampled_from(["train", "train", "train", "eval", "déjà", None])
    base = {"t": times, "stage": stage}
    return st.one_of(
        st.fixed_dictionaries(
            {"kind": st.just("metric"), "step": numbers, "values": VALUES, **base}
        ),
        st.fixed_dictionaries(
            {
                "kind": st.just("progress"),
                "done": numbers,
                "total": st.sampled_from([100, 100, None, "x"]),
                "unit": st.sampled_from(["steps", "steps", "rows", None]),
                **base,
            }
        ),
        st.fixed_dictionaries(
            {
                "kind": st.just("memory"),
                "tree_rss_bytes": numbers,
                "available_bytes": numbers,
                "swap_used_bytes": numbers,
                **base,
            }
        ),
        st.fixed_dictionaries({"kind": st.sampled_from(["stage-start", "stage-end"]), **base}),
        st.fixed_dictionaries(
            {"kind": st.just("message"), "text": st.text(max_size=3), "seq": numbers, **base}
        ),
    )


RUN_OF_METRICS = st.tuples(
    st.integers(8, 60),
    st.integers(0, 300),
    st.sampled_from(["train", "eval"]),
    VALUES,
    st.booleans(),
).map(
    lambda given: [
        event
        for n in range(given[0])
        for event in (
            {
                "kind": "metric",
                "seq": n,
                "t": f"2026-11-20T10:{n:02}:00.250Z",
                "stage": given[2],
                "step": given[1] + n,
                "values": given[3] if n % 7 else {"val_loss": n},
            },
            {
                "kind": "progress",
                "t": f"2026-11-20T10:{n:02}:00.500Z",
                "stage": given[2],
                "done": n,
                "total": 100,
                "unit": "steps",
            },
            {
                "kind": "memory",
                "t": f"2026-11-20T10:{n:02}:00.750Z",
                "stage": given[2],
                "tree_rss_bytes": 1000 + n,
                "available_bytes": n,
                "swap_used_bytes": None,
            },
        )
        if given[4] or event["kind"] == "metric"
    ]
)
LINES = st.one_of(
    events(USUAL, TIMES).map(lambda event: [event]),
    events(NUMBERS, TIMES).map(lambda event: [event]),
    RUN_OF_METRICS,
    RUN_OF_METRICS,
    st.sampled_from(
        [
            b"",
            b"  ",
            b"not json",
            b"[1]",
            b'{"kind": 5}',
            b'{"kind":"metric","stage":"train","step":1,"values":{"loss":NaN}}',
            b'{"kind":"metric","stage":"train","step":1,"values":{"loss":1},"x":"\xff"}',
            b'{"kind":"metric","stage":"train","step":1,"values":{"loss":1,"loss":2}}',
            b'{"kind":"metric","stage":"train","step":9,"values":{"loss":1e400}}',
            b'{"kind":"metric","stage":"train","step":9,"values":null,"seq":1.0}',
            b'{"kind":"metric","stage":"train","step":9,"values":{},"x":"\\ud800"}',
            b'\xef\xbb\xbf{"kind":"message","text":"mark"}',
            b'{"kind":"message","x":' + b"[" * 5000 + b"]" * 5000 + b"}",
            b'{"kind":"metric","kind":"message","stage":"train","text":"two"}',
        ]
    ).map(lambda line: [line]),
)


def one_by_one(lines: list[bytes]) -> tuple[RunProjection, int]:
    view, broken = RunProjection(["train"]), 0
    for line in lines:
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            broken += 1
            continue
        if isinstance(event, dict) and isinstance(event.get("kind"), str):
            view.apply(event)
        else:
            broken += 1
    return view, broken


def told(value: Any) -> Any:
    """Everything that a value holds, to be compared; NaN is equal to NaN here."""
    if isinstance(value, RunProjection | Pace):
        return {name: told(one) for name, one in vars(value).items()}
    if isinstance(value, StageView):
        return {one.name: told(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Series):
        return {name: repr(getattr(value, name)) for name in Series.__slots__}
    if isinstance(value, dict):
        return [(key, told(one)) for key, one in value.items()]
    return repr(value)


def counted(view: RunProjection) -> dict[str, Any]:
    return {**told(view), "counts": dict(view.counts)}


@settings(deadline=None, max_examples=150)
@given(st.lists(LINES, max_size=12), st.lists(st.integers(1, 200), min_size=1, max_size=5))
@example([[{"kind": "memory", "stage": "train", "tree_rss_bytes": 5}] * 20], [200])
def test_lines_folded_together_are_events_applied_one_by_one(
    parts: list[list[Any]], sizes: list[int]
) -> None:
    lines = [
        one if isinstance(one, bytes) else json.dumps(one).encode()
        for part in parts
        for one in part
    ]
    expected, expected_broken = one_by_one(lines)
    view, broken, at = RunProjection(["train"]), 0, 0
    while at < len(lines):
        size = sizes[at % len(sizes)]
        part = lines[at : at + size]
        broken += fold_block(view, b"".join(line + b"\n" for line in part))
        at += size
    assert broken == expected_broken
    assert counted(view) == counted(expected)


def test_a_long_run_with_a_resumed_stage_is_the_same_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_module, "MAX_POINTS", 1 << 13)
    lines = [b'{"kind":"stage-start","stage":"train","t":"2026-11-20T00:00:00Z"}']
    step = 0
    for number in range(30_000):
        step = step - 2_500 if number == 14_000 else step + 1
        moment = f"2026-11-20T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
        values = {"loss": "nan" if number == 9_000 else 1 / (1 + step), "tokens": step * 10}
        event = {"kind": "metric", "stage": "train", "step": step, "t": moment, "values": values}
        lines.append(json.dumps(event).encode())
        if number % 50 == 0:
            lines.append(json.dumps({**event, "values": {"val_loss": number}}).encode())
    view = RunProjection(["train"])
    for at in range(0, len(lines), 1_000):
        assert fold_lines(view, lines[at : at + 1_000]) == 0
    expected, _ = one_by_one(lines)
    assert counted(view) == counted(expected)
    assert view.stages["train"].series["loss"].has_gap(0, 1 << 13)


def test_usual_lines_are_measurements_and_odd_ones_are_left_to_json() -> None:
    usual = b'{"seq":3,"stage":"s","kind":"metric","step":1,"values":{"a":1}}'
    odd = [b'{"kind":"metric","step":true}', b'{"kind":"metric","x":"\xc3\xa9"}', b"", b"{"]
    found = measurements([usual, *odd])
    assert found[0] is not None and found[0].values == {"a": 1.0}
    assert found[1:] == [None] * 4


@given(TIMES)
def test_a_time_is_the_same_in_a_measurement_and_in_an_event(moment: Any) -> None:
    (found,) = measurements([json.dumps({"kind": "metric", "t": moment}).encode()])
    if found is not None and found.t is not None and found.t.tzinfo is not None:
        assert epoch(moment) == found.t.timestamp()
