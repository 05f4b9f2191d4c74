"""What a drafted run would cost, from benchmarks and earlier runs; the samples are the runs."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from engine.costs import forecast
from engine.costs.bench_store import this_machine
from engine.costs.estimate import Cost, Range
from engine.costs.forecast import Estimate, Lengths, Outlook, look_ahead
from engine.costs.past_runs import past_runs
from engine.models import describe
from engine.plans.planning import Draft, draft
from engine.samples import copy_samples
from engine.workspace import Workspace
from tests.engine.test_models import put_model
from tui.views.estimate_view import bytes_in_words, estimate_lines, seconds_in_words, short

GB = 2**30


@pytest.fixture
def samples(tmp_path: Path) -> Workspace:
    """The samples, as if their runs had been made on this machine."""
    place = copy_samples(tmp_path / "ws")
    for run in place.run_paths():
        file = run / "provenance.json"
        record = json.loads(file.read_text())
        record["machine"] = this_machine().model_dump()
        file.write_text(json.dumps(record))
    return place


def drafted(place: Workspace, *overrides: str) -> Draft:
    return draft(place, place.target_path("drone-router"), overrides)


def words(outlook: Outlook, measuring: str = "") -> str:
    lines = estimate_lines(outlook, measuring)
    return "\n".join("".join(cell.text for cell in line) for line in lines)


def test_earlier_runs_are_read_with_shape_time_and_memory(samples: Workspace) -> None:
    runs = past_runs(samples, "drone-router", "none")
    assert len(runs) == 3 and all(run.here for run in runs)
    full = max(runs, key=lambda run: run.steps)
    status = json.loads((samples.runs_dir / full.run_id / "run-status.json").read_text())
    train = status["stages"]["train"]
    assert (full.steps, full.batch_size, full.layers) == (1100, 16, 2)
    assert full.mean_tokens and 15 < full.mean_tokens < 25 < (full.longest_tokens or 0) < 50
    assert full.train_seconds == full.stage_seconds["train"] > 20
    assert full.peak_bytes == train["peak_tree_rss_bytes"]
    assert full.mlx_bytes == train["peak_mlx_bytes"]
    assert set(full.stage_seconds) >= {"pretrain", "data", "train", "report"}
    assert past_runs(samples, "nobody", "none") == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: (run / "config.json").write_text("["),
        lambda run: (run / "run-status.json").unlink(),
        lambda run: (run / "run-status.json").write_text('{"stages": {"train": 3}}'),
        lambda run: (run / "config.json").write_text(
            '{"target": "drone-router", "hyperparameters": {"batch_size": "x"}}'
        ),
    ],
)
def test_broken_runs_are_passed_over(samples: Workspace, damage) -> None:  # type: ignore[no-untyped-def]
    damage(next(iter(samples.run_paths())))
    assert len(past_runs(samples, "drone-router", "none")) == 2


def test_a_run_without_events_still_tells_time_but_no_tokens(samples: Workspace) -> None:
    for run in samples.run_paths():
        (run / "events.jsonl").unlink()
    runs = past_runs(samples, "drone-router", "none")
    assert runs and all(run.mean_tokens is None and run.steps for run in runs)
    outlook = look_ahead(samples, drafted(samples))
    assert outlook.runs is not None and outlook.lengths.source == "limit"


def test_the_same_training_takes_what_it_took(samples: Workspace) -> None:
    usual = ("factory.train.iters=1100", "training.batch_size=16")
    outlook = look_ahead(samples, drafted(samples, *usual))
    assert outlook.benchmark is None and outlook.runs is not None and outlook.model is None
    cost = outlook.runs.cost
    assert cost.seconds is not None and cost.peak is not None and outlook.others is not None
    full = [run for run in past_runs(samples, "drone-router", "none") if run.steps == 1100]
    took = [run.train_seconds for run in full]
    assert 0.75 * min(took) < cost.seconds.likely < 1.25 * max(took), took
    peaks = [run.peak_bytes for run in full if run.peak_bytes]
    assert 0.9 * min(peaks) < cost.peak.likely < 1.1 * max(peaks)
    assert outlook.others.likely > 25, "the base is not there: the run would make it"
    doubled = look_ahead(samples, drafted(samples, usual[0], "training.batch_size=32")).runs
    assert doubled is not None and doubled.cost.seconds is not None
    assert doubled.cost.seconds.likely == pytest.approx(2 * cost.seconds.likely, rel=0.1)
    assert doubled.cost.beyond
    text = words(outlook)
    assert "from 2 earlier runs of this model" in text and "may stop early" in text
    assert "not on this disk before a run" in text and "as in an earlier run" in text
    assert re.match(r"about (1 min|\d\d s) ", short(outlook)), short(outlook)


def test_runs_of_another_machine_are_named_so(tmp_path: Path) -> None:
    place = copy_samples(tmp_path / "ws")
    for run in place.run_paths():
        record = json.loads((run / "provenance.json").read_text())
        record["machine"]["chip"] = "Apple M3 Max"
        (run / "provenance.json").write_text(json.dumps(record))
    outlook = look_ahead(place, drafted(place))
    assert outlook.runs is not None and not outlook.runs.here and outlook.others is None
    assert "on another machine" in words(outlook) and "never done here" in words(outlook)


def test_without_runs_or_benchmark_nothing_is_claimed(
    samples: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(samples.runs_dir)
    outlook = look_ahead(samples, drafted(samples), Lengths(20, 40, "counted"))
    assert outlook.best is None and short(outlook) == "" and not outlook.too_large
    model = replace(describe(put_model(samples.path / "m")), size=900 * GB)
    monkeypatch.setattr(forecast, "model_on_disk", lambda *_: model)
    outlook = look_ahead(samples, drafted(samples), Lengths(20, 40, "counted"))
    assert outlook.too_large and "The weights alone are 900 GB" in words(outlook)
    assert "F3 measures it in about 40 s" in words(outlook)
    assert outlook.wish is not None and outlook.wish.seq_len == 40


def test_the_pace_is_judged_by_the_limits_of_the_workspace(samples: Workspace) -> None:
    outlook = look_ahead(samples, drafted(samples))
    cost = outlook.best.cost if outlook.best else None
    assert cost is not None and cost.step is not None and cost.step.likely < 1
    assert "✔ proceed: 0.0" in words(outlook) and "an iteration" in words(outlook)
    assert "proceed" not in short(outlook), "what is well needs no word at the top"
    limits = "[bench]\nproceed_s = 1e-5\nusable_s = 1e-4\ntoo_slow_s = 1e-3\n"
    (samples.path / "factory.toml").write_text(limits)
    slow = look_ahead(samples, drafted(samples))
    assert "✘ choose a smaller model: 0.0" in words(slow)
    assert "✘ choose a smaller model" in short(slow)
    (samples.path / "factory.toml").write_text("[bench]\nproceed_s = 50\n")
    wrong = look_ahead(samples, drafted(samples))
    assert "must rise, and are 50, 30 and 60. The usual limits are used." in words(wrong)
    assert "✔ proceed" in words(wrong)


def test_that_there_is_no_benchmark_is_said_first(samples: Workspace) -> None:
    first = words(look_ahead(samples, drafted(samples))).splitlines()[0]
    assert first.startswith("No benchmark yet: the base model is not on this disk")


def test_a_plan_that_trains_with_a_command_has_no_estimate(tmp_path: Path) -> None:
    from tests.tui.test_new_run import FORGE, make_target

    stage = "  stages: [data, {name: train, argv: [sh, -c, 'echo hi']}]\n"
    make_target(tmp_path, forge=FORGE + stage)
    place = Workspace(tmp_path)
    outlook = look_ahead(place, draft(place, tmp_path / "targets" / "echo"))
    assert "command of its own" in words(outlook) and outlook.best is None


def some(peak: float, *, limit: float = 64, free: float = 60) -> Outlook:
    cost = Cost(Range(150, 200, 250), Range(peak * 0.9 * GB, peak * GB, peak * 1.1 * GB))
    lengths = Lengths(100, 400, "counted")
    sizes = [int(one * GB) for one in (64, free, limit)]
    return Outlook(Estimate(cost, None), None, None, lengths, None, forecast.BenchWish(), *sizes)


def test_memory_is_a_warning_in_words_before_it_runs_out() -> None:
    assert "peak 1.9 GB of 64 GB" in words(some(1.9)) and "⚠" not in words(some(1.9))
    assert "about 3 min 20 s of training" in words(some(1.9))
    large, maybe, busy = some(80), some(60), some(8, free=4)
    assert large.too_large and "✘ Too large for this machine: about 80 GB" in words(large)
    assert not maybe.too_large and "⚠ May run out of memory: up to 66 GB of 64 GB" in words(maybe)
    assert "⚠ Only 4.0 GB are free now, and it takes about 8.0 GB" in words(busy)
    assert short(large) == "about 3 min 20 s · ✘ peak 80 GB"
    metal = some(50, limit=48)
    assert metal.too_large and "48 GB are there" in words(metal)


def test_a_benchmark_that_earlier_runs_contradict_is_said() -> None:
    outlook = some(1.9)
    assert outlook.benchmark is not None and outlook.benchmark.cost.seconds is not None
    slow = replace(outlook.benchmark.cost, seconds=Range(400, 500, 600))
    apart = replace(outlook, runs=Estimate(slow, None, runs=3))
    assert "They disagree" in words(apart)
    near = replace(outlook.benchmark.cost, seconds=Range(220, 280, 350))
    assert "They disagree" not in words(replace(outlook, runs=Estimate(near, None, runs=3)))
    elsewhere = replace(outlook, runs=Estimate(slow, None, runs=3, here=False))
    assert "They disagree" not in words(elsewhere)


def test_a_second_more_or_less_is_no_disagreement_and_no_range() -> None:
    outlook = some(1.9)
    assert outlook.benchmark is not None
    short_ = replace(outlook.benchmark.cost, seconds=Range(1.9, 2.0, 2.1))
    shorter = replace(outlook.benchmark.cost, seconds=Range(0.9, 1.0, 1.1))
    one, other = Estimate(short_, None), Estimate(shorter, None, runs=2)
    text = words(replace(outlook, benchmark=one, runs=other))
    assert "They disagree" not in text
    assert "training 2 s" in text and "2 s to 2 s" not in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"), (45, "45 s"), (60, "1 min"), (200, "3 min 20 s"), (599, "9 min 59 s"),
        (754, "12 min"), (3599, "59 min"), (7800, "2 h 10 min"), (86_399, "23 h 59 min"),
        (100_000, "1 d 3 h"), (10_000_000, "115 d 17 h"),
    ],
)  # fmt: skip
def test_times_are_said_as_people_do(seconds: float, text: str) -> None:
    assert seconds_in_words(seconds) == text


def test_memory_is_said_in_the_unit_it_is_sold_in() -> None:
    sizes = [0.16, 1.94, 9.5, 63.9, 512]
    assert [bytes_in_words(one * GB) for one in sizes] == [
        "0.16 GB", "1.9 GB", "9.5 GB", "64 GB", "512 GB",
    ]  # fmt: skip
