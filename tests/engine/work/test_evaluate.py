"""Evaluation of a tiny random model: its answers are noise, its records are not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from engine.folder import read_record
from engine.judge.stats import wilson
from engine.records.evaluation import EvalResult, RowResult
from tests.engine.work.children import Child, Event, make_run, messages, run_child
from tests.engine.work.tiny import WORDS, chat_rows, write_rows


def spec(model_dir: Path, **changes: Any) -> dict[str, Any]:
    return {
        "model": str(model_dir),
        "adapter": None,
        "batch_size": 8,
        "max_new_tokens": 6,
        "suites": [
            suite("gold", "primary", "baseline"),
            suite("words", "regression", "regression"),
        ],
        **changes,
    }


def suite(name: str, role: str, stem: str, **changes: Any) -> dict[str, Any]:
    return {
        "role": role,
        "name": name,
        "file": f"{name}.jsonl",
        "scorer": "exact",
        "record": f"eval-{stem}.json",
        "rows": f"rows-{stem}.jsonl",
        **changes,
    }


def prepare(root: Path, model_dir: Path, **changes: Any) -> Path:
    run = make_run(root, "eval", spec(model_dir, **changes))
    target = root / "targets" / "tiny"
    rows = [
        {**row, "category": "long" if i % 4 == 0 else "short"}
        for i, row in enumerate(chat_rows(21, 10, 40, seed=4))
    ]
    write_rows(target / "gold.jsonl", rows)
    write_rows(target / "words.jsonl", [{"prompt": f" {w}", "completion": w} for w in WORDS])
    return run


@pytest.fixture(scope="module")
def evaluated(
    tmp_path_factory: pytest.TempPathFactory, model_dir: Path
) -> tuple[Path, list[Event]]:
    run = prepare(tmp_path_factory.mktemp("eval"), model_dir)
    code, events = run_child(run)
    assert code == 0, (run / "train.log").read_text()
    return run, events


def read_rows(path: Path) -> list[RowResult]:
    return [RowResult.model_validate_json(line) for line in path.read_text().splitlines()]


def test_records_follow_from_the_rows(evaluated: tuple[Path, list[Event]]) -> None:
    run, _ = evaluated
    for stem, name, n in (("baseline", "gold", 21), ("regression", "words", 10)):
        record = read_record(run / f"eval-{stem}.json", EvalResult)
        rows_file = run / f"rows-{stem}.jsonl"
        rows = read_rows(rows_file)
        assert [row.id for row in rows] == [str(i) for i in range(1, n + 1)]
        assert (record.suite, record.n, record.metric) == (name, n, "accuracy")
        assert record.score == sum(row.score for row in rows) / n
        assert record.rows_file == rows_file.name
        assert record.rows_sha256 == hashlib.sha256(rows_file.read_bytes()).hexdigest()
        gold = run.parent.parent / "targets" / "tiny" / f"{name}.jsonl"
        assert record.suite_sha256 == hashlib.sha256(gold.read_bytes()).hexdigest()
        assert record.interval is not None
        low, high = wilson(sum(row.score for row in rows), n)
        assert (record.interval.low, record.interval.high) == pytest.approx((low, high))
        assert record.format.keys() == {"parsed", "prose", "empty", "cut_off"}
        cut_off = sum((row.tokens or 0) == 6 for row in rows) / n
        assert record.format["cut_off"] == cut_off
        assert record.format["empty"] == sum(not row.got.strip() for row in rows) / n
        assert record.latency_ms is not None and record.latency_ms > 0
        assert record.tokens_per_second is not None and record.tokens_per_second > 0
        assert record.peak_rss_mb is not None and record.peak_rss_mb > 20
        assert record.mlx_peak_mb is not None and record.mlx_peak_mb > 0
        assert str(run.parent.parent) not in (run / f"eval-{stem}.json").read_text().replace(
            record.model_id, ""
        )


def test_slices_have_their_own_scores(evaluated: tuple[Path, list[Event]]) -> None:
    record = read_record(evaluated[0] / "eval-baseline.json", EvalResult)
    assert {name: part["n"] for name, part in record.slices.items()} == {"long": 6, "short": 15}
    assert read_record(evaluated[0] / "eval-regression.json", EvalResult).slices == {}


def test_events_come_row_by_row_and_records_last(evaluated: tuple[Path, list[Event]]) -> None:
    run, events = evaluated
    examples = [e for e in events if e["kind"] == "example"]
    assert len(examples) == 31
    rows = {row.id: row for row in read_rows(run / "rows-baseline.jsonl")}
    for example in examples[:21]:
        assert example["suite"] == "gold"
        row = rows[example["id"]]
        assert (example["got"], example["correct"]) == (row.got, row.correct)
    assert [e for e in events if e["kind"] == "progress"][-1]["done"] == 31
    files = [e["file"] for e in events if e["kind"] == "record"]
    assert files == [
        "rows-baseline.jsonl",
        "eval-baseline.json",
        "rows-regression.jsonl",
        "eval-regression.json",
    ]


def test_one_by_one_and_other_batches_answer_the_same(
    tmp_path: Path, model_dir: Path, evaluated: tuple[Path, list[Event]]
) -> None:
    """Not promised bit for bit in general; on this model and machine it holds."""
    expected = [row.got for row in read_rows(evaluated[0] / "rows-baseline.jsonl")]
    only = [suite("gold", "primary", "baseline")]
    for changes in ({"exact": True}, {"batch_size": 3}):
        run = prepare(tmp_path, model_dir, suites=only, **changes)
        assert run_child(run)[0] == 0
        assert [row.got for row in read_rows(run / "rows-baseline.jsonl")] == expected


def test_a_shared_beginning_is_computed_once_and_changes_no_answer(
    tmp_path: Path, model_dir: Path
) -> None:
    answers = []
    for exact in (False, True):
        only = [suite("gold", "primary", "baseline", system_prompt="system_prompt.md")]
        run = prepare(tmp_path, model_dir, suites=only, exact=exact)
        (tmp_path / "targets" / "tiny" / "system_prompt.md").write_text(" alpha bravo cargo" * 20)
        assert run_child(run)[0] == 0
        answers.append([row.got for row in read_rows(run / "rows-baseline.jsonl")])
    assert answers[0] == answers[1]


def test_passed_is_the_primary_score_against_its_bound(tmp_path: Path, model_dir: Path) -> None:
    only = [suite("gold", "primary", "baseline")]
    for bound, passed in ((0.0, True), (0.99, False)):
        run = prepare(tmp_path, model_dir, suites=only)
        config = {
            "run_id": run.name,
            "target": "tiny",
            "owner_goal": "a test",
            "base_model": {"id": "tiny/random"},
            "candidate": {"method": "lora"},
            "eval": {"primary": "gold", "threshold": {"primary_min": bound}},
        }
        (run / "config.json").write_text(json.dumps(config))
        assert run_child(run)[0] == 0
        record = read_record(run / "eval-baseline.json", EvalResult)
        assert record.passed is passed
        assert record.model_id == "tiny/random"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"adapter": "adapters"}, "no adapter_config.json: a train stage writes adapters/"),
        ({"suites": []}, "suites"),
        ({"suites": [suite("none", "primary", "x")]}, "none"),
        ({"suites": [suite("gold", "primary", "x", scorer="vibes")]}, "vibes"),
        ({"suites": [suite("gold", "primary", "x", system_prompt="no.md")]}, "no.md"),
        ({"model": "{workspace}/nowhere"}, "no model directory"),
    ],
)
def test_bad_input_is_a_sentence(
    tmp_path: Path, model_dir: Path, changes: dict[str, Any], words: str
) -> None:
    run = prepare(tmp_path, model_dir, **{"suites": [suite("gold", "primary", "x")], **changes})
    code, events = run_child(run)
    assert code == 3
    (text,) = messages(events, "bad-input")
    assert words in text
    assert "Traceback" not in (run / "train.log").read_text()


def test_a_stop_ends_it_and_a_resume_begins_again(tmp_path: Path, model_dir: Path) -> None:
    run = prepare(tmp_path, model_dir, exact=True, max_new_tokens=500)
    child = Child(run)
    child.until(lambda e: e["kind"] == "example")
    child.signal(15)
    assert child.finish() == 4
    assert not (run / "eval-baseline.json").exists()
    make_run(tmp_path, "eval", spec(model_dir))
    code, events = run_child(run, resume=True)
    assert code == 0
    assert messages(events, "not-restored")
    assert (run / "eval-baseline.json").exists()


def test_forbidden_answers_are_counted_where_the_scorer_knows_commands(
    tmp_path: Path, model_dir: Path
) -> None:
    run = prepare(
        tmp_path,
        model_dir,
        forbidden_commands=["self_destruct"],
        suites=[
            suite("orders", "primary", "baseline", scorer="json_cmd"),
            suite("words", "regression", "regression"),
        ],
    )
    order = {"prompt": f" {WORDS[0]}", "completion": '{"cmd": "land"}'}
    write_rows(tmp_path / "targets" / "tiny" / "orders.jsonl", [order])
    assert run_child(run)[0] == 0
    assert read_record(run / "eval-baseline.json", EvalResult).safety_violations == 0
    assert read_record(run / "eval-regression.json", EvalResult).safety_violations is None
