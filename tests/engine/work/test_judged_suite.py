"""An eval stage whose suite is judged by a teacher over an endpoint, started as the supervisor
does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.checks.streams import read_rows
from engine.folder import read_record
from engine.records.evaluation import EvalResult
from tests.engine.serving.conftest import fake
from tests.engine.serving.fake import Answer as Served
from tests.engine.serving.fake import Fake, Request
from tests.engine.work.children import make_run, messages, run_child

__all__ = ["fake"]

Make = Callable[[Served], Fake]


def prepare(root: Path, model: Path, judge: dict[str, Any], n: int) -> Path:
    suite = {
        "role": "primary",
        "name": "probes",
        "file": "probes.jsonl",
        "scorer": "judge",
        "record": "eval-baseline.json",
        "rows": "rows-baseline.jsonl",
    }
    spec = {"model": str(model), "max_new_tokens": 4, "latency_rows": 0, "suites": [suite]}
    run = make_run(root, "eval", spec)
    rows: list[Any] = [{"suite": {"scorer": "judge", "judge": judge}}]
    rows += [{"question": f" alpha {i}", "ideal": f"bravo {i}"} for i in range(n)]
    file = root / "targets" / "tiny" / "probes.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run


def replies(text: Callable[[str], str]) -> Served:
    def answer(request: Request) -> None:
        request.head()
        request.piece(text(request.body["messages"][0]["content"]))
        request.finish(tokens=5)

    return answer


def test_its_verdicts_are_scores_and_the_record_says_whose(
    tmp_path: Path, model_dir: Path, fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", "sk-judge-secret")
    judge = fake(replies(lambda asked: "hm" if "alpha 7" in asked else '{"score": 1}'))
    who = {"model": "teacher-1", "url": judge.url, "key_variable": "JUDGE_KEY"}
    run = prepare(tmp_path, model_dir, who, 20)
    code, events = run_child(run)
    assert code == 0, (run / "train.log").read_text()
    record = read_record(run / "eval-baseline.json", EvalResult)
    rows, wrong = read_rows((run / "rows-baseline.jsonl").read_bytes())
    assert wrong == [] and (record.n, len(rows)) == (19, 19)
    judged = [row for row in rows if row.got.strip()]
    assert judged and {round(row.score, 6) for row in judged} == {0.333333}
    assert list(record.unscored) == ["9"], "line 9 of the file, which begins with its header"
    assert record.judge is not None
    assert (record.judge.model, record.judge.address) == ("teacher-1", judge.url)
    (said,) = messages(events, "judge")
    assert said.startswith("probes: Each answer is judged on this machine")
    assert messages(events, "unscored")[0].startswith("probes, example 9: not judged")
    assert [e for e in events if e["kind"] == "progress"][-1]["done"] == 20
    assert judge.requests[0].headers["authorization"] == "Bearer sk-judge-secret"
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in written if b"sk-judge-secret" in path.read_bytes()] == []


def test_without_verdicts_there_is_no_score(tmp_path: Path, model_dir: Path, fake: Make) -> None:
    judge = fake(replies(lambda asked: "I had rather not."))
    run = prepare(tmp_path, model_dir, {"model": "m", "url": judge.url}, 5)
    code, events = run_child(run)
    assert code == 5
    (text,) = messages(events, "no-score")
    assert "probes has no score" in text and "not judged" in text
    assert not (run / "eval-baseline.json").exists()


def test_without_its_key_nothing_is_answered(
    tmp_path: Path, model_dir: Path, fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_KEY_HERE", raising=False)
    judge = fake(replies(lambda asked: '{"score": 3}'))
    who = {"model": "m", "url": judge.url, "key_variable": "NO_KEY_HERE"}
    code, events = run_child(prepare(tmp_path, model_dir, who, 5))
    assert code == 3
    assert "NO_KEY_HERE is not set" in messages(events, "bad-input")[0]
    assert judge.requests == []
