"""A suite put to an endpoint that behaves well, badly, or not at all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.evaluating.asking import Asker, Patience, Refused
from engine.evaluating.endpoint_suite import put_to
from engine.evaluating.marking import GIVES, Marker
from engine.evaluating.outcome import NoScore, Outcome
from engine.evaluating.results import Told, result_of
from engine.judge.suites import load_suite
from engine.serving.chat import Ask
from engine.serving.endpoint import Endpoint
from engine.serving.exchange import Timeouts
from tests.engine.serving.fake import Answer as Served
from tests.engine.serving.fake import Fake, Request

Make = Callable[[Served], Fake]
QUICK = Patience(waits_s=(0.01, 0.02, 0.03))


def marker(folder: Path, n: int = 20, scorer: str = "exact", **header: Any) -> Marker:
    """A suite whose right answers are "right 1", "right 2", …"""
    rows: list[Any] = [{"suite": {"scorer": scorer, **header}}]
    for i in range(1, n + 1):
        slice_ = "even" if i % 2 == 0 else "odd"
        row = {"id": f"e{i}", "prompt": f"ask {i}", "completion": f"right {i}", "category": slice_}
        rows.append(row)
    path = folder / "gold.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Marker(load_suite(path, gives=GIVES), named=())


def put(
    server: Fake | str,
    found: Marker,
    *,
    seconds: float = 20.0,
    key_variable: str | None = None,
    patience: Patience = QUICK,
    **more: Any,
) -> Outcome:
    url = server if isinstance(server, str) else server.url
    limits = Timeouts(1.0, seconds, seconds, seconds)
    asker = Asker(Endpoint(url, "big", key_variable), limits, patience)
    return put_to(asker, found, Ask(16), **more)


def question(request: Request) -> str:
    return str(request.body["messages"][-1]["content"])


def number(request: Request) -> int:
    return int(question(request).split()[-1])


def say(request: Request, text: str, reason: str = "stop", tokens: int | None = 3) -> None:
    request.head()
    request.piece(text)
    request.finish(reason, tokens)


def refuse(request: Request, status: str, *more: str, text: str = "no") -> None:
    request.head(status, "application/json", *more)
    request.send(json.dumps({"error": {"message": text}}))


def test_every_example_is_asked_once_and_scored(tmp_path: Path, fake: Make) -> None:
    def answer(request: Request) -> None:
        wrong = number(request) in (3, 4)
        say(request, "other" if wrong else f"right {number(request)}")

    server, found = fake(answer), marker(tmp_path)
    heard: list[str] = []
    outcome = put(server, found, concurrency=4, told=lambda row: heard.append(row.id))
    assert [row.id for row in outcome.rows] == [f"e{i}" for i in range(1, 21)]
    assert sorted(heard) == sorted(row.id for row in outcome.rows)
    assert [row.id for row in outcome.rows if not row.correct] == ["e3", "e4"]
    assert outcome.unscored == {}
    assert {row.tokens for row in outcome.rows} == {3}
    assert all(row.latency_ms is not None and row.cut_off is False for row in outcome.rows)
    (body,) = {json.dumps(one.body | {"messages": 0}, sort_keys=True) for one in server.requests}
    assert json.loads(body)["temperature"] == 0.0
    assert json.loads(body)["max_tokens"] == 16
    assert sorted(map(number, server.requests)) == list(range(1, 21))

    record = result_of(found, outcome, Told("big", "a command", "endpoint"), tmp_path / "r.jsonl")
    assert (record.score, record.n, record.through) == (0.9, 20, "endpoint")
    assert record.interval is not None and record.interval.low < 0.9 < record.interval.high
    assert {name: part["score"] for name, part in record.slices.items()} == {
        "even": 0.9,
        "odd": 0.9,
    }
    assert record.format == {"parsed": 1.0, "prose": 0.0, "empty": 0.0, "cut_off": 0.0}


def test_what_passes_is_asked_again(tmp_path: Path, fake: Make) -> None:
    """A 429, a 500, a page of HTML and an answer that breaks off, each once."""
    seen: dict[int, int] = {}
    troubles = (
        lambda request: refuse(request, "429 Too Many Requests", "Retry-After: 0"),
        lambda request: refuse(request, "500 Internal Server Error"),
        lambda request: (request.head(kind="text/html"), request.send("<html>busy</html>")),
        lambda request: (request.head(), request.piece("rig")),
    )

    def answer(request: Request) -> None:
        n = number(request)
        seen[n] = seen.get(n, 0) + 1
        if seen[n] == 1:
            troubles[n % 4](request)
        else:
            say(request, f"right {n}")

    outcome = put(fake(answer), marker(tmp_path), concurrency=3)
    assert [row.correct for row in outcome.rows] == [True] * 20
    assert set(seen.values()) == {2}


def test_a_server_says_how_long_to_wait(tmp_path: Path, fake: Make) -> None:
    times: list[float] = []

    def answer(request: Request) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            refuse(request, "429 Too Many Requests", "Retry-After: 1")
        else:
            say(request, "right 1")

    outcome = put(fake(answer), marker(tmp_path, 1))
    assert outcome.rows[0].correct
    assert times[1] - times[0] >= 1.0


def test_one_that_fails_for_good_is_missing_and_not_wrong(tmp_path: Path, fake: Make) -> None:
    def answer(request: Request) -> None:
        if number(request) == 7:
            refuse(request, "400 Bad Request", text="the prompt is too long")
        else:
            say(request, f"right {number(request)}")

    server, missing = fake(answer), []
    found = marker(tmp_path)
    outcome = put(server, found, missing=lambda example, why: missing.append((example.id, why)))
    assert len(outcome.rows) == 19
    assert "e7" not in [row.id for row in outcome.rows]
    (why,) = outcome.unscored.values()
    assert why.startswith("not answered: ") and "the prompt is too long" in why
    assert missing == [("e7", why)]
    assert len([one for one in server.requests if number(one) == 7]) == 1, "400 does not pass"
    record = result_of(found, outcome, Told("big", "a command", "endpoint"), tmp_path / "r.jsonl")
    assert (record.score, record.n) == (1.0, 19)
    assert record.unscored == outcome.unscored
    assert record.notes == ["1 of 20 examples have no score and are not counted: see unscored."]


def test_too_many_that_are_missing_leave_no_score(tmp_path: Path, fake: Make) -> None:
    def answer(request: Request) -> None:
        if number(request) % 3 == 0:
            refuse(request, "400 Bad Request", text="no such thing")
        else:
            say(request, f"right {number(request)}")

    with pytest.raises(NoScore, match=r"2 of 20 examples have none \(at most 1 may\)") as caught:
        put(fake(answer), marker(tmp_path))
    assert [row.id for row in caught.value.outcome.rows] == ["e1", "e2", "e4", "e5"]


def test_who_has_gone_is_not_asked_to_the_end(tmp_path: Path, fake: Make) -> None:
    def answer(request: Request) -> None:
        refuse(request, "503 Service Unavailable")

    server = fake(answer)
    with pytest.raises(NoScore, match="none"):
        put(server, marker(tmp_path, 1000), patience=Patience(waits_s=()))
    assert len(server.requests) < 200
    with pytest.raises(NoScore, match="cannot be reached"):
        put("http://127.0.0.1:9/v1", marker(tmp_path, 100))


@pytest.mark.parametrize(
    ("status", "words"), [("401 Unauthorized", "401"), ("404 Not Found", "model")]
)
def test_what_every_question_would_meet_ends_it_at_once(
    tmp_path: Path, fake: Make, status: str, words: str
) -> None:
    server = fake(lambda request: refuse(request, status, text="not with this model"))
    with pytest.raises(Refused, match=words):
        put(server, marker(tmp_path), concurrency=1)
    assert len(server.requests) <= 2


def test_a_key_is_sent_and_is_nowhere_else(
    tmp_path: Path, fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server gives the key back in its errors, as some do, and in an answer and a call."""
    monkeypatch.setenv("A_TEST_KEY", "sk-very-secret")

    def answer(request: Request) -> None:
        if number(request) == 2:
            refuse(request, "400 Bad Request", text=f"bad {request.headers['authorization']}")
        elif number(request) == 3:
            say(request, f"you sent {request.headers['authorization']}")
        elif number(request) == 4:
            request.head()
            call = {"name": "f", "arguments": json.dumps(request.headers["authorization"])}
            request.event({"choices": [{"delta": {"tool_calls": [{"function": call}]}}]})
            request.finish()
        else:
            say(request, f"right {number(request)}")

    server, found = fake(answer), marker(tmp_path)
    outcome = put(server, found, key_variable="A_TEST_KEY")
    assert server.requests[0].headers["authorization"] == "Bearer sk-very-secret"
    record = result_of(found, outcome, Told("big", "a command", "endpoint"), tmp_path / "r.jsonl")
    assert "sk-very-secret" not in record.model_dump_json() + (tmp_path / "r.jsonl").read_text()
    assert "***" in outcome.unscored["e2"]
    got = {row.id: row.got for row in outcome.rows}
    assert got["e3"] == "you sent Bearer ***"
    assert "Bearer ***" in got["e4"]
    monkeypatch.delenv("A_TEST_KEY")
    with pytest.raises(Refused, match="A_TEST_KEY is not set"):
        put(server, found, key_variable="A_TEST_KEY")


def test_a_word_that_is_given_for_a_key_changes_no_answer(
    tmp_path: Path, fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TEST_KEY", "right")
    server = fake(lambda request: say(request, f"right {number(request)}"))
    outcome = put(server, marker(tmp_path, 2), key_variable="A_TEST_KEY")
    assert [row.got for row in outcome.rows] == ["right 1", "right 2"]


def test_a_huge_answer_and_garbage_are_missing(tmp_path: Path, fake: Make) -> None:
    def answer(request: Request) -> None:
        n = number(request)
        if n == 1:
            request.head()
            for _ in range(40):
                request.piece("x" * 2**20)
        elif n == 2:
            request.head()
            request.send("data: {not json}\n\n")
        else:
            say(request, f"right {n}")

    outcome = put(fake(answer), marker(tmp_path, 40), concurrency=2)
    assert set(outcome.unscored) == {"e1", "e2"}
    assert len(outcome.rows) == 38
    assert "more than an answer can be" in outcome.unscored["e1"]
    assert "not JSON" in outcome.unscored["e2"]


def test_a_slow_answer_is_given_up_and_asked_once_more(tmp_path: Path, fake: Make) -> None:
    def answer(request: Request) -> None:
        if number(request) == 1:
            request.head()
            request.gone.wait(60)
        else:
            say(request, f"right {number(request)}")

    server = fake(answer)
    began = time.monotonic()
    outcome = put(server, marker(tmp_path), seconds=0.5, concurrency=4)
    assert time.monotonic() - began < 30
    assert "0.5 s" in outcome.unscored["e1"]
    assert len([one for one in server.requests if number(one) == 1]) == 2


def test_an_answer_that_the_limit_cut_off_is_known_as_one(tmp_path: Path, fake: Make) -> None:
    server = fake(lambda request: say(request, "", "length", None))
    outcome = put(server, marker(tmp_path, 2))
    assert {(row.cut_off, row.tokens, row.got) for row in outcome.rows} == {(True, None, "")}


class Enough(Exception):
    pass


def test_whoever_waits_can_end_it_at_any_moment(tmp_path: Path, fake: Make) -> None:
    def answer(request: Request) -> None:
        request.head()
        request.gone.wait(60)

    begun = threading.active_count()
    server, end = fake(answer), time.monotonic() + 0.6

    def check() -> None:
        if time.monotonic() > end:
            raise Enough

    with pytest.raises(Enough):
        put(server, marker(tmp_path), concurrency=3, check=check)
    assert time.monotonic() < end + 20
    until = time.monotonic() + 30
    while any(one.name.startswith("ask ") for one in threading.enumerate()):
        assert time.monotonic() < until, (begun, threading.enumerate())
        time.sleep(0.05)


def test_tools_go_along_and_calls_come_back(tmp_path: Path, fake: Make) -> None:
    tool = {"type": "function", "function": {"name": "land", "parameters": {"type": "object"}}}
    rows: Sequence[Any] = [
        {"suite": {"scorer": "tool_calls"}},
        {
            "id": "a",
            "prompt_text": "land on pad 3",
            "tools": [tool],
            "expected_tool_calls": [{"name": "land", "arguments": {"pad": 3}}],
        },
        {"id": "b", "prompt_text": "hello", "expected_tool_calls": []},
    ]
    path = tmp_path / "tools.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def answer(request: Request) -> None:
        request.head()
        if "tools" in request.body:
            call = {"index": 0, "function": {"name": "land", "arguments": '{"pad": 3}'}}
            request.event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
            request.finish("tool_calls", 9)
        else:
            request.piece("hi")
            request.finish()

    server = fake(answer)
    outcome = put(server, Marker(load_suite(path, gives=GIVES), named=()))
    assert [row.score for row in outcome.rows] == [1.0, 1.0]
    assert [one.body.get("tools") for one in server.requests] == [[tool], None]
    got = json.loads(outcome.rows[0].got)
    assert got["tool_calls"][0]["function"] == {"name": "land", "arguments": '{"pad": 3}'}
