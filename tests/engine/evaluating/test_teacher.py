"""A teacher as judge over an endpoint: good, fenced, silent, confused and hostile ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.evaluating.asking import Asker, Patience, Refused
from engine.evaluating.endpoint_suite import put_to
from engine.evaluating.marking import GIVES, Marker
from engine.evaluating.outcome import NoScore, Outcome
from engine.evaluating.results import Told, result_of
from engine.evaluating.teacher import Teacher
from engine.judge.suites import load_suite
from engine.judge.teacher import NotJudged, TeacherSettings
from engine.serving.chat import Ask
from engine.serving.endpoint import Endpoint
from tests.engine.serving.fake import Answer as Served
from tests.engine.serving.fake import Fake, Request

Make = Callable[[Served], Fake]
QUICK = Patience(waits_s=(0.01,))


def say(request: Request, text: str) -> None:
    request.head()
    request.piece(text)
    request.finish(tokens=3)


def teacher(server: Fake, **more: Any) -> Teacher:
    return Teacher(TeacherSettings("big", server.url, **more), patience=QUICK)


def test_a_reply_that_is_no_verdict_is_asked_about_once_more(fake: Make) -> None:
    def answer(request: Request) -> None:
        if len(request.body["messages"]) == 1:
            say(request, "I would say that it is quite right.")
        else:
            say(request, '```json\n{"score": 2, "reason": "a gap"}\n```')

    server = fake(answer)
    with teacher(server) as one:
        found = one.verdict("Capital of France?", "Paris", "Paris, I think")
    assert found.score == pytest.approx(2 / 3)
    assert found.error == "the judge gives 2 of 3: a gap"
    first, second = (request.body["messages"] for request in server.requests)
    assert 'answer: "Paris, I think"' in first[0]["content"]
    assert [turn["role"] for turn in second] == ["user", "assistant", "user"]
    assert "gave no" in second[-1]["content"]
    assert server.requests[0].body["temperature"] == 0.0


def test_a_field_that_an_endpoint_does_not_take_is_left_out(fake: Make) -> None:
    server = fake(lambda request: say(request, '{"score": 3}'))
    extra = {"max_tokens": None, "temperature": None, "max_completion_tokens": 2000}
    with teacher(server, extra=extra) as one:
        assert one.verdict("q", "i", "a").correct
        assert one.record.extra == extra
    body = server.requests[0].body
    assert "max_tokens" not in body and "temperature" not in body
    assert body["max_completion_tokens"] == 2000


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("no JSON at all", "gave no"),
        ("", "said nothing"),
        ('{"score": 9}', "does not lie from 0 to 3"),
        ('{"score": 0} {"score": 3}', "two scores"),
    ],
)
def test_two_replies_without_a_verdict_are_not_judged(fake: Make, reply: str, why: str) -> None:
    server = fake(lambda request: say(request, reply))
    with teacher(server) as one, pytest.raises(NotJudged, match=why):
        one.verdict("q", "i", "a")
    assert len(server.requests) == 2


def test_a_judge_that_does_not_answer_has_not_judged(fake: Make) -> None:
    def answer(request: Request) -> None:
        request.head("500 Internal Server Error", "application/json")
        request.send("{}")

    with teacher(fake(answer)) as one, pytest.raises(NotJudged, match="The judge big answers 500"):
        one.verdict("q", "i", "a")


def test_a_judge_that_cannot_be_used_says_so_before_anything_is_sent(
    fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = fake(lambda request: say(request, ""))
    monkeypatch.delenv("NO_KEY_HERE", raising=False)
    with pytest.raises(Refused, match="NO_KEY_HERE is not set"):
        teacher(server, key_variable="NO_KEY_HERE")
    with pytest.raises(Refused, match="is no address"):
        Teacher(TeacherSettings("big", "teacher.example"))
    assert server.requests == []


def test_where_things_go_is_said() -> None:
    far = Teacher(TeacherSettings("big", "https://teacher.example/v1"))
    assert far.where == (
        "Each question, its ideal answer and the model's answer are sent to the judge big at "
        "https://teacher.example/v1."
    )
    near = Teacher(TeacherSettings("big", "http://127.0.0.1:8080/v1"))
    assert near.where.startswith("Each answer is judged on this machine")


# --- a whole suite ------------------------------------------------------------------------


def probes(folder: Path, url: str, n: int, **judge: Any) -> Marker:
    header = {"suite": {"scorer": "judge", "judge": {"model": "big", "url": url, **judge}}}
    rows = [{"question": f"ask {i}", "ideal": f"right {i}"} for i in range(1, n + 1)]
    path = folder / "probes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [header, *rows]))
    return Marker(load_suite(path, gives=GIVES), named=())


def judged(student: Fake, marker: Marker) -> Outcome:
    with marker:
        return put_to(Asker(Endpoint(student.url), patience=QUICK), marker, Ask(16))


@pytest.mark.alone
def test_a_suite_is_judged_several_at_a_time_and_its_record_says_by_whom(
    tmp_path: Path, fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", "sk-judge-secret")

    def answer(request: Request) -> None:
        time.sleep(0.15)
        asked = request.body["messages"][0]["content"]
        score = 3 if 'answer: "right' in asked else 1
        say(request, json.dumps({"score": score, "reason": "seen"}))

    def student(request: Request) -> None:
        number = request.body["messages"][-1]["content"].split()[-1]
        say(request, "other" if number == "2" else f"right {number}")

    judge = fake(answer)
    marker = probes(tmp_path, judge.url, 24, key_variable="JUDGE_KEY")
    began = time.monotonic()
    outcome = judged(fake(student), marker)
    assert time.monotonic() - began < 24 * 0.15, "one after the other it would take as long"
    assert [row.score for row in outcome.rows].count(1.0) == 23
    assert outcome.rows[1].score == pytest.approx(1 / 3)
    assert outcome.rows[1].error == "the judge gives 1 of 3: seen"
    record = result_of(marker, outcome, Told("small", "c", "endpoint"), tmp_path / "r.jsonl")
    assert record.judge is not None
    assert (record.judge.model, record.judge.address) == ("big", judge.url)
    assert "{answer}" in record.judge.prompt
    assert record.judge.prompt_sha256 == TeacherSettings("big", judge.url).prompt_sha256
    assert record.metric == "judged score"
    assert record.interval is not None and record.interval.low < record.score
    assert judge.requests[0].headers["authorization"] == "Bearer sk-judge-secret"
    assert "sk-judge-secret" not in record.model_dump_json()


def test_what_is_not_judged_is_counted_and_is_no_zero(tmp_path: Path, fake: Make) -> None:
    def answer(request: Request) -> None:
        asked = request.body["messages"][0]["content"]
        say(request, "hm" if '"right 5"' in asked else '{"score": 3}')

    def student(request: Request) -> None:
        say(request, f"right {request.body['messages'][-1]['content'].split()[-1]}")

    outcome = judged(fake(student), probes(tmp_path, fake(answer).url, 20))
    assert len(outcome.rows) == 19 and {row.score for row in outcome.rows} == {1.0}
    (why,) = outcome.unscored.values()
    assert why.startswith("not judged: the judge gave no")


def test_a_judge_that_never_judges_leaves_no_score(tmp_path: Path, fake: Make) -> None:
    judge = fake(lambda request: say(request, "I had rather not."))
    with pytest.raises(NoScore, match="not judged"):
        judged(fake(lambda request: say(request, "right")), probes(tmp_path, judge.url, 200))
    assert len(judge.requests) < 100


def test_a_judge_with_a_wrong_key_ends_it(tmp_path: Path, fake: Make) -> None:
    def answer(request: Request) -> None:
        request.head("401 Unauthorized", "application/json")
        request.send("{}")

    with pytest.raises(Refused, match="401"):
        judged(
            fake(lambda request: say(request, "right")),
            probes(tmp_path, fake(answer).url, 20),
        )
