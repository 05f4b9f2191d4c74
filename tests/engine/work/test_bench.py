"""A real benchmark and a real count of tokens, each in its child, on a tiny random model."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.costs import benching
from engine.costs.bench_store import load_benchmark, merged, save_benchmark, this_machine
from engine.costs.bench_words import memory_in_words, points_of
from engine.costs.benching import BenchError, BenchWish, measure
from engine.costs.estimate import peak_bytes, step_seconds
from engine.helper import HelperError, HelperStopped, ask
from engine.models import describe
from engine.plans.data_lengths import count_tokens
from engine.records.bench import Benchmark, BenchPoint
from engine.supervise.queue import Place, state
from engine.target import load_target
from engine.workspace import Workspace
from tests.tui.test_new_run import chat, make_target

ROOT = Path(__file__).parents[3]
# Each shape has its most steps long before so many seconds, so all are measured on any machine.
WISH = BenchWish(batch_size=2, seq_len=16, lora_rank=4, seconds=120)


@pytest.fixture(scope="module")
def measured(
    model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Benchmark, list[str]]:
    workspace = Workspace(tmp_path_factory.mktemp("ws"))
    told: list[str] = []
    record = measure(
        workspace, describe(model_dir), WISH, lambda what, done, total: told.append(what)
    )
    return workspace, record, told


def test_a_benchmark_measures_every_shape_and_keeps_it(
    measured: tuple[Workspace, Benchmark, list[str]], model_dir: Path
) -> None:
    workspace, record, told = measured
    shapes = {(p.batch_size, p.seq_len, p.layers, p.grad_checkpoint) for p in record.points}
    assert shapes == {
        (1, 8, 2, False),
        (2, 8, 2, False),
        (2, 16, 2, False),
        (2, 16, 1, False),
        (1, 64, 1, False),
        (2, 16, 2, True),
    }
    assert all(point.mlx_peak_bytes and point.iterations >= 2 for point in record.points)
    assert record.prompt_tokens_per_second and record.generation_tokens_per_second
    assert record.forward_tokens_per_second and record.load_seconds and record.overhead_bytes
    assert record.overhead_bytes > 20 * 2**20 and record.trainable_parameters
    assert "batch 2 × 16 tokens, gradient checkpointing" in told
    assert load_benchmark(workspace, describe(model_dir)) == record
    assert len(list(workspace.bench_dir.glob("*.json"))) == 1
    assert not state(workspace.path).owner, "the accelerator was given back"


def test_the_peak_that_is_estimated_from_it_meets_its_own_points(
    measured: tuple[Workspace, Benchmark, list[str]],
) -> None:
    points = points_of(measured[1])
    for point in points:
        found = peak_bytes(points, point.shape)
        assert found is not None and point.peak_bytes is not None
        assert found.value.low / 2 < point.peak_bytes < 2 * found.value.high


@pytest.mark.alone
def test_the_time_that_is_estimated_from_it_meets_its_own_points(
    measured: tuple[Workspace, Benchmark, list[str]],
) -> None:
    points = points_of(measured[1])
    for point in points:
        found = step_seconds(points, point.shape)
        assert found is not None
        assert found.value.low / 2 < point.seconds < 2 * found.value.high


def test_benchmarks_of_one_model_become_one(
    measured: tuple[Workspace, Benchmark, list[str]], tmp_path: Path, model_dir: Path
) -> None:
    workspace, record = Workspace(tmp_path), measured[1]
    path = save_benchmark(workspace, record)
    assert [p.batch_size for p in record.points] == [1, 2, 2, 2, 1, 2]
    late = record.points[0].model_copy(update={"seconds_per_iteration": 9.0, "batch_size": 64})
    other = record.model_copy(update={"points": [late], "model_id": "another name"})
    assert save_benchmark(workspace, other) == path
    assert [p.batch_size for p in _load(path).points] == [1, 2, 2, 2, 1, 2, 64]
    save_benchmark(workspace, other.model_copy(update={"lora_rank": 99}))
    assert [p.batch_size for p in _load(path).points] == [64], "other adapters: nothing is kept"
    path.write_text("{")
    assert load_benchmark(workspace, describe(model_dir)) is None
    save_benchmark(workspace, record)
    assert load_benchmark(workspace, describe(model_dir)) is not None


def _load(path: Path) -> Benchmark:
    return Benchmark.model_validate(json.loads(path.read_text()))


def test_the_later_measurement_of_a_shape_counts(
    measured: tuple[Workspace, Benchmark, list[str]],
) -> None:
    first = measured[1].points[0]
    second = first.model_copy(update={"seconds_per_iteration": 5.0})
    kept: list[BenchPoint] = merged([first], [second])
    assert [point.seconds_per_iteration for point in kept] == [5.0]


def test_a_benchmark_of_another_machine_is_none_of_this_one(
    measured: tuple[Workspace, Benchmark, list[str]], tmp_path: Path, model_dir: Path
) -> None:
    elsewhere = this_machine().model_copy(update={"chip": "Apple M3 Max"})
    save_benchmark(Workspace(tmp_path), measured[1].model_copy(update={"machine": elsewhere}))
    assert load_benchmark(Workspace(tmp_path), describe(model_dir)) is None


def test_it_waits_for_the_accelerator_and_can_be_stopped(model_dir: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    from engine.processes import myself

    held = Place(tmp_path, tmp_path / "runs" / "a-run", myself())
    held.ask()
    assert held.try_take()
    told: list[str] = []
    with pytest.raises(HelperStopped):
        measure(
            workspace, describe(model_dir), WISH, lambda what, *_: told.append(what), lambda: True
        )
    assert told == ["waits for the accelerator, which a-run has"]
    assert not state(tmp_path).waiting
    held.leave()


def test_what_cannot_be_loaded_is_a_sentence(model_dir: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text('{"model_type": "no-such-kind"}')
    (broken / "model.safetensors").write_bytes((model_dir / "model.safetensors").read_bytes())
    with pytest.raises(BenchError, match=r"mlx-lm cannot load broken .*no-such-kind"):
        measure(Workspace(tmp_path), describe(broken), WISH)
    (broken / "model.safetensors").write_bytes(b"")
    with pytest.raises(BenchError, match="cannot be read"):
        measure(Workspace(tmp_path), replace(describe(model_dir), path=broken), WISH)


def test_a_model_that_memory_cannot_hold_is_not_loaded(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benching, "ask", lambda *_: pytest.fail("it must not be tried"))
    huge = replace(describe(model_dir), size=2**50)
    with pytest.raises(BenchError, match=r"its weights alone are 1024T, and .* are free"):
        measure(Workspace(tmp_path), huge, WISH)
    assert not state(tmp_path).owner


def test_a_child_that_was_killed_is_told_with_what_to_do(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kills(
        module: str, request: dict[str, object], heard: object, stopped: object, **more: Any
    ) -> object:
        def shoot(message: dict[str, object]) -> None:
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.ZombieProcess):  # killed, not yet waited for
                    if "engine.work.bench" in child.cmdline():
                        child.kill()

        return ask(module, request, shoot, **more)

    monkeypatch.setattr(benching, "ask", kills)
    with pytest.raises(BenchError, match=r"signal 9.*Memory may have run out"):
        measure(Workspace(tmp_path), describe(model_dir), WISH)
    assert not state(tmp_path).owner and not list(tmp_path.glob(".factory/bench/*.json"))


def test_a_shape_that_memory_would_not_do_is_left_out(model_dir: Path) -> None:
    small = {"batch_size": 1, "seq_len": 8, "layers": 0, "grad_checkpoint": False}
    request = {
        "model": str(model_dir),
        "name": "tiny",
        "points": [small, small | {"batch_size": 4000, "seq_len": 1000}],
        "lora": {"rank": 4},
        "seconds": 2,
        "limit_bytes": 200 * 2**20,
    }
    answer = ask("engine.work.bench", request, named=())
    assert [point["batch_size"] for point in answer["points"]] == [1]
    assert "left out: it would take up to" in answer["notes"][0], "longer rows: the worst counts"


def test_tokens_are_those_of_the_model(model_dir: Path, tmp_path: Path) -> None:
    path = make_target(tmp_path)
    file = path / "dataset" / "canonical.jsonl"
    file.write_text(chat("alpha") + "broken\n" + chat("alpha bravo " * 50) + chat("x"))
    target = load_target(path, ["model.max_seq_len=64"])
    count = count_tokens(target, file, describe(model_dir), named=())
    assert count.rows == 3 and count.line == 3 and count.over == 1 and count.whole
    assert 100 <= count.longest <= 130 and count.lengths is not None
    (path / "system_prompt.md").write_text("alpha " * 20)
    with_system = count_tokens(target, file, describe(model_dir), named=())
    assert with_system.tokens > count.tokens + 3 * 20
    with pytest.raises(HelperError, match="tokenizer cannot be loaded"):
        count_tokens(target, file, replace(describe(model_dir), path=path), named=())


def test_a_helper_ends_with_the_one_who_asked(model_dir: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    pids: list[int] = []

    def heard(message: dict[str, object]) -> None:
        # Other tests of the session may have left children that are still ending.
        children = psutil.Process(os.getpid()).children(recursive=True)
        alive = (one for one in children if one.status() != psutil.STATUS_ZOMBIE)
        pids.extend(one.pid for one in alive if "engine.work.bench" in one.cmdline())
        stop.set()

    request = {
        "model": str(model_dir),
        "name": "tiny",
        "points": [{"batch_size": 1, "seq_len": 8, "layers": 0, "grad_checkpoint": False}],
        "lora": {"rank": 4},
        "seconds": 60,
        "limit_bytes": None,
    }
    begin = time.monotonic()
    with pytest.raises(HelperStopped):
        ask("engine.work.bench", request, heard, stop.is_set, named=())
    assert time.monotonic() - begin < 30 and pids
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_helper_that_dies_says_how() -> None:
    with pytest.raises(HelperError, match=r"ended without an answer \(exit code 1\).*no_such"):
        ask("engine.work.no_such", {}, named=())


USUAL = ("--batch-size", "1", "--seq-len", "8", "--seconds", "3")


def bench(capfd: pytest.CaptureFixture[str], place: Path, *words: str) -> tuple[int, str, str]:
    """The command in a workspace: its exit code, and what it printed."""
    from engine.cli.app import main

    (place / "runs").mkdir(exist_ok=True)
    with pytest.raises(SystemExit) as ended:
        main(["bench", *words, "--workspace", str(place), *USUAL])
    told = capfd.readouterr()
    assert "Traceback" not in told.err
    return int(str(ended.value.code)), told.out, told.err


def test_the_command_measures_a_model_and_judges_it(
    model_dir: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = bench(capfd, tmp_path, str(model_dir), "--json")
    told = json.loads(out)
    record = Benchmark.model_validate(told)
    assert code == 0 and record.points and "Measuring" in err
    assert told["limits"] == {"proceed_s": 5.0, "usable_s": 30.0, "too_slow_s": 60.0}
    for point in told["points"]:
        assert point["verdict"] == "proceed"
        rate = point["batch_size"] * point["seq_len"] / point["seconds_per_iteration"]
        assert point["tokens_per_second"] == pytest.approx(rate)
    own = told["own_setting"]
    assert own["verdict"] == "proceed" and own["what"] == "batch 1 × 8 tokens, 2 layers"
    seconds = own["seconds_per_iteration"]
    assert 0 < seconds["low"] < seconds["likely"] < seconds["high"]
    # What this machine calls fast is too slow for these limits.
    limits = "[bench]\nproceed_s = 1e-7\nusable_s = 1e-6\ntoo_slow_s = 1e-5\n"
    (tmp_path / "factory.toml").write_text(limits)
    code, out, _ = bench(capfd, tmp_path, str(model_dir))
    head, *rows = out.splitlines()
    assert code == 0 and head.split() == [
        *("BATCH", "TOKENS", "LAYERS", "CHECKPOINT", "S/ITER", "TRAIN", "TOK/S", "PEAK", "VERDICT")
    ]
    assert rows[0].endswith("choose a smaller model") and max(map(len, (head, *rows))) <= 160
    assert "of memory: it fits" in out and "batch 1 × 8 tokens, 2 layers: about" in out
    assert "up to 1e-05 s slow, above choose a smaller model" in out


def test_the_command_says_what_it_cannot_measure(
    model_dir: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = bench(capfd, tmp_path, "nobody/nothing")
    assert (code, out) == (3, "") and "hf download nobody/nothing" in err
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text('{"model_type": "no-such-kind"}')
    (broken / "model.safetensors").write_bytes((model_dir / "model.safetensors").read_bytes())
    code, out, err = bench(capfd, tmp_path, str(broken), "--json")
    assert (code, out) == (1, "") and "mlx-lm cannot load" in err
    (tmp_path / "factory.toml").write_text("[bench]\nproceed_s = 99\n")
    code, out, err = bench(capfd, tmp_path, str(model_dir))
    assert (code, out) == (1, "") and "must rise, and are 99, 30 and 60" in err
    assert "Measuring" not in err, "it is said before the time is spent"


def test_ctrl_c_ends_the_command_and_its_child(model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    command = [sys.executable, "-m", "engine.cli", "bench", str(model_dir), "-w", str(tmp_path)]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert child.stderr is not None
    said = []
    for line in child.stderr:
        said.append(line)
        if "1 of " in line:
            break
    helpers = psutil.Process(child.pid).children(recursive=True)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (1, ""), "".join(said) + err
    assert "Stopped; nothing was kept." in err and "Traceback" not in err
    assert helpers and not psutil.wait_procs(helpers, timeout=60)[1]
    assert not list(tmp_path.glob(".factory/bench/*.json")) and not state(tmp_path).owner


def test_the_doctor_tells_what_was_measured(
    measured: tuple[Workspace, Benchmark, list[str]], tmp_path: Path
) -> None:
    from engine.doctor import _benchmarks

    assert list(_benchmarks(tmp_path)) == []
    save_benchmark(Workspace(tmp_path), measured[1])
    (one,) = _benchmarks(tmp_path)
    assert one.state == "ok" and "proceed (" in one.text
    assert "an iteration at batch 2 × 16 tokens, 2 layers), measured 20" in one.text
    (tmp_path / "factory.toml").write_text("[bench]\nusable_s = 'much'\n")
    wrong, still = _benchmarks(tmp_path)
    assert wrong.state == "wrong" and "bench.usable_s" in wrong.text and still.text == one.text


def test_memory_that_was_not_measured_is_not_said_to_fit(
    measured: tuple[Workspace, Benchmark, list[str]],
) -> None:
    record = measured[1]
    blind = [point.model_copy(update={"mlx_peak_bytes": None}) for point in record.points]
    assert "not recorded" in memory_in_words(record.model_copy(update={"points": blind}))
    small = record.machine.model_copy(update={"memory_bytes": 2**20})
    assert "does not fit" in memory_in_words(record.model_copy(update={"machine": small}))
    unknown = record.machine.model_copy(update={"memory_bytes": None})
    text = memory_in_words(record.model_copy(update={"machine": unknown}))
    assert text.endswith("the machine's memory is not recorded")
    metal = memory_in_words(record.model_copy(update={"limit_bytes": 2**40}))
    assert "that Metal recommends: it fits easily" in metal
