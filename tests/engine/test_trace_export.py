"""What was exported from a run's gold rows never gets into training data by itself."""

from __future__ import annotations

from pathlib import Path

from engine.answers.scored_rows import index_rows
from engine.answers.trace_export import Chosen, default_path, gold_prompts, in_gold, write_export
from engine.judge.leaks import LeakIndex, prompts_of
from engine.samples import copy_samples
from engine.work.chats import read_jsonl
from engine.work.sieve import Sieve


def test_the_data_stage_leaves_out_every_exported_row(tmp_path: Path) -> None:
    copy_samples(tmp_path / "ws")
    run = sorted((tmp_path / "ws" / "runs").iterdir())[0]
    index = index_rows(run)
    rows = [one.candidate for one in index.examples if one.candidate is not None]
    chosen = [Chosen(index.file(one), one.slice, one.correct, index.fetch(one)) for one in rows]
    gold = gold_prompts(run)
    assert gold is not None and in_gold(chosen, gold) == len(chosen) == 360
    path = default_path(run)
    assert path.parent == tmp_path / "ws" / "targets" / "drone-router" / "dataset"
    assert write_export(path, run, chosen, {}).suites == {"router-gold": 180, "breadth": 180}
    sieve = Sieve(
        [
            LeakIndex(prompts_of(name, enumerate(read_jsonl(path.with_name(name), name), 1)))
            for name in ("gold.jsonl", "breadth.jsonl")
        ]
    )
    exported = read_jsonl(path, path.name)
    assert len(exported) == 360 and all(one.get("category") for one in exported)
    assert sieve.take(exported) == [] and sieve.in_gold == 360
