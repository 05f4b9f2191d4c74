"""Several passes at a temperature, and the time of answers asked alone, on a random model."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest

from engine.folder import read_record
from engine.records.evaluation import EvalResult, RowResult
from tests.engine.work.children import make_run, messages, run_child
from tests.engine.work.tiny import WORDS, write_rows

RECORD, ROWS = "eval-baseline.json", "rows-baseline.jsonl"


def prepare(root: Path, model_dir: Path, count: int = 24, **spec: Any) -> Path:
    only = {
        "role": "primary",
        "name": "gold",
        "file": "gold.jsonl",
        "scorer": "contains",
        "record": RECORD,
        "rows": ROWS,
    }
    given = {"model": str(model_dir), "max_new_tokens": 12, "suites": [only], **spec}
    rows = [{"prompt": f" {WORDS[n % 10]}" * (1 + n % 7), "completion": "a"} for n in range(count)]
    write_rows(root / "targets" / "tiny" / "gold.jsonl", rows)
    return make_run(root, "eval", given)


def evaluate(run: Path) -> tuple[EvalResult, list[RowResult]]:
    code, _ = run_child(run)
    assert code == 0, (run / "train.log").read_text()
    rows = [RowResult.model_validate_json(line) for line in (run / ROWS).read_text().splitlines()]
    return read_record(run / RECORD, EvalResult), rows


@pytest.mark.parametrize("exact", [False, True])
def test_each_pass_draws_other_answers_and_its_score_is_kept(
    tmp_path: Path, model_dir: Path, exact: bool
) -> None:
    settings: dict[str, Any] = {"passes": 3, "temperature": 1.0, "latency_rows": 0, "exact": exact}
    record, rows = evaluate(prepare(tmp_path, model_dir, **settings, seed=5))
    assert all(len(row.passes) == 3 and row.score == fmean(row.passes) for row in rows)
    assert any(len(set(row.passes)) > 1 for row in rows)
    assert record.passes == [fmean(row.passes[n] for row in rows) for n in range(3)]
    assert record.score == pytest.approx(fmean(record.passes))
    assert (record.temperature, record.n, record.seed) == (1.0, 24, None)
    assert record.interval is not None and record.interval.method.startswith("bootstrap")
    again, same = evaluate(prepare(tmp_path, model_dir, **settings, seed=5))
    assert [row.got for row in same] == [row.got for row in rows]
    assert again.passes == record.passes
    _, other = evaluate(prepare(tmp_path, model_dir, **settings, seed=9))
    assert [row.got for row in other] != [row.got for row in rows]


def test_one_greedy_pass_has_no_list_of_passes(tmp_path: Path, model_dir: Path) -> None:
    record, rows = evaluate(prepare(tmp_path, model_dir))
    assert record.passes == [] and all(row.passes == [] for row in rows)
    assert (record.temperature, record.through) == (0.0, "batches")


def test_greedy_passes_would_all_be_the_same(tmp_path: Path, model_dir: Path) -> None:
    code, events = run_child(prepare(tmp_path, model_dir, passes=2))
    assert code == 3
    assert "2 passes at temperature 0 would all give" in messages(events, "bad-input")[0]


def test_latency_is_that_of_a_sample_asked_alone(tmp_path: Path, model_dir: Path) -> None:
    record, _ = evaluate(prepare(tmp_path, model_dir, count=64, max_new_tokens=40))
    sample = record.latency
    assert sample is not None
    assert (sample.sample, sample.n) == ("20 of 64 prompts, evenly spread", 20)
    assert sample.max_new_tokens == 40 and sample.p95_ms is not None
    assert 0 < sample.median_ms <= sample.p95_ms
    assert sample.tokens_per_second is not None and sample.tokens_per_second > 0
    # In batches 64 answers take no 64 times as long, and their time has no answer asked alone.
    assert record.duration_s is not None
    assert record.duration_s < 64 * sample.median_ms / 1000
    again, _ = evaluate(prepare(tmp_path, model_dir, count=64, max_new_tokens=40))
    assert again.latency is not None
    assert again.latency.sample_sha256 == sample.sample_sha256


def test_few_answers_have_no_95th_percentile(tmp_path: Path, model_dir: Path) -> None:
    record, _ = evaluate(prepare(tmp_path, model_dir, count=5))
    assert record.latency is not None
    assert (record.latency.sample, record.latency.n) == ("5 of 5 prompts, all of them", 5)
    assert record.latency.p95_ms is None


def test_latency_that_is_not_wanted_is_skipped_and_says_so(tmp_path: Path, model_dir: Path) -> None:
    record, _ = evaluate(prepare(tmp_path, model_dir, latency_rows=0))
    assert record.latency is None
    assert record.skipped == {"latency": "latency_rows is 0: no prompt was asked alone"}


def test_answers_joined_later_are_those_of_one_batch(tmp_path: Path, model_dir: Path) -> None:
    """Rows that end early make room; who joins a running batch is answered as if it were alone."""
    found = []
    for changes in ({"exact": True}, {"batch_size": 3}, {"batch_size": 5}, {"batch_size": 24}):
        record, rows = evaluate(
            prepare(tmp_path, model_dir, max_new_tokens=30, latency_rows=0, **changes)
        )
        found.append([row.got for row in rows])
        assert record.through == ("one by one" if "exact" in changes else "batches")
    lengths = {len(text) for text in found[0]}
    assert len(lengths) > 3
    assert found[1:] == [found[0]] * 3


def test_the_median_is_of_the_sample(tmp_path: Path, model_dir: Path) -> None:
    """One at a time, the times of the rows are of the same size as those of the sample."""
    record, rows = evaluate(prepare(tmp_path, model_dir, exact=True, max_new_tokens=60))
    assert record.latency is not None
    middle = median(row.latency_ms or 0 for row in rows)
    assert middle / 5 < record.latency.median_ms < 5 * middle
