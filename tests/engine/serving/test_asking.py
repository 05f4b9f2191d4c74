"""One prompt to several at once; many prompts to one, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable

import pytest

from engine.judge.latency import median, p95
from engine.serving.chat import Answer, Ask, Piece
from engine.serving.chunks import Usage
from engine.serving.endpoint import Endpoint, EndpointError
from engine.serving.exchange import Timeouts
from engine.serving.latency import Sample, measure_latency, summarised
from engine.serving.models_at import models_at
from engine.serving.ports import free_port
from engine.serving.side_by_side import Failed, Update, side_by_side
from tests.engine.serving.fake import Answer as Served
from tests.engine.serving.fake import Fake, Request

Make = Callable[[Served], Fake]
HELLO = [{"role": "user", "content": "Hello"}]


async def gather(sides: dict[str, Endpoint]) -> list[Update]:
    return [update async for update in side_by_side(sides, HELLO)]


async def test_both_are_asked_at_once_and_updates_come_as_they_come(fake: Make) -> None:
    both = threading.Barrier(2, timeout=60)
    turns = {"base": threading.Event(), "candidate": threading.Event()}

    def served(side: str) -> Served:
        def answer(request: Request) -> None:
            both.wait()  # one after the other would never get past here
            request.head()
            for number in range(3):
                assert turns[side].wait(60)
                turns[side].clear()
                request.piece(f"{side[0]}{number} ")
            request.finish(tokens=4)

        return answer

    sides = {side: Endpoint(fake(served(side)).url) for side in turns}
    turns["base"].set()
    updates = []
    async for update in side_by_side(sides, HELLO):
        updates.append(update)
        if not update.last:  # each piece is seen before the other side sends its next one
            turns["candidate" if update.side == "base" else "base"].set()
    texts = [one.what.text for one in updates if isinstance(one.what, Piece)]
    assert texts == ["b0 ", "c0 ", "b1 ", "c1 ", "b2 ", "c2 "]
    ends = {one.side: one.what for one in updates if one.last}
    assert {side: one.text for side, one in ends.items()} == {
        "base": "b0 b1 b2 ",
        "candidate": "c0 c1 c2 ",
    }


async def test_a_side_that_fails_does_not_stop_the_other(fake: Make) -> None:
    def answer(request: Request) -> None:
        request.head()
        request.piece("fine")
        request.finish()

    def breaks(request: Request) -> None:
        request.head()
        request.piece("half")

    sides = {
        "good": Endpoint(fake(answer).url),
        "cut": Endpoint(fake(breaks).url),
        "gone": Endpoint(f"http://127.0.0.1:{free_port()}"),
        "wrong": Endpoint("no address"),
    }
    ends = {one.side: one.what for one in await gather(sides) if one.last}
    assert isinstance(ends["good"], Answer)
    failed = {side: one for side, one in ends.items() if isinstance(one, Failed)}
    codes = {side: (one.code, one.partial) for side, one in failed.items()}
    assert codes == {"cut": ("cut-off", "half"), "gone": ("connect", ""), "wrong": ("url", "")}


async def test_nobody_to_ask() -> None:
    assert await gather({}) == []


async def test_closing_it_cancels_what_still_runs(fake: Make) -> None:
    closed = threading.Event()

    def answer(request: Request) -> None:
        request.head()
        request.piece("a")
        request.connection.settimeout(5)
        with contextlib.suppress(OSError):
            if request.connection.recv(1) == b"":
                closed.set()

    async with contextlib.aclosing(side_by_side({"x": Endpoint(fake(answer).url)}, HELLO)) as all_:
        async for update in all_:
            assert isinstance(update.what, Piece)
            break
    assert await asyncio.to_thread(closed.wait, 2)


# --- latency ------------------------------------------------------------------------


def sample(count: int) -> Sample:
    return Sample("gold", tuple(({"role": "user", "content": f"q{n}"},) for n in range(count)))


def test_the_percentile_is_the_nearest_rank() -> None:
    """By hand: of 1 to 100 it is 95, of 1 to 20 it is 19, of 1 to 21 it is 20 (rank 19.95)."""
    assert p95(range(100, 0, -1)) == 95
    assert p95(range(1, 21)) == 19
    assert p95(range(1, 22)) == 20
    assert p95(range(19)) is None
    assert p95([]) is None
    assert (median([]), median([3]), median([4, 1])) == (None, 3, 2.5)


def test_one_request_at_a_time_and_the_first_does_not_count(fake: Make) -> None:
    at_once: list[int] = []
    lock = threading.Lock()

    def answer(request: Request) -> None:
        assert lock.acquire(blocking=False), "two requests at once"
        at_once.append(1)
        request.head()
        request.piece("a")
        time.sleep(0.01)
        request.piece("b")
        lock.release()
        request.finish(tokens=3)

    server = fake(answer)
    heard: list[tuple[int, int]] = []
    found = measure_latency(
        Endpoint(server.url), sample(20), Ask(9), told=lambda *now: heard.append(now)
    )
    asked = [one.body["messages"][0]["content"] for one in server.requests]
    assert asked == ["Hello", *(f"q{n}" for n in range(20))]
    assert [one.body["max_tokens"] for one in server.requests[:2]] == [1, 9]
    assert (found.asked, found.answered, found.troubles) == (20, 20, ())
    assert found.median_s is not None
    assert found.p95_s is not None
    assert found.first_median_s is not None
    assert found.tokens_per_s_median is not None
    assert 0.01 <= found.median_s <= found.p95_s == sorted(found.seconds)[18]
    assert found.first_median_s < found.median_s
    assert heard[-1] == (20, 20)
    assert found.sha256 == sample(20).sha256 != sample(19).sha256


def test_failures_are_counted_and_not_timed(fake: Make) -> None:
    number = iter(range(100))

    def answer(request: Request) -> None:
        request.head()
        if next(number) % 2 == 0:
            request.piece("a")
            request.finish()

    def only_once(request: Request) -> None:
        answer(request) if len(broken.requests) == 1 else request.head()

    found = measure_latency(Endpoint(fake(answer).url), sample(4))
    assert (found.asked, found.answered, len(found.troubles)) == (4, 2, 2)
    number = iter(range(100))
    broken = fake(only_once)
    found = measure_latency(Endpoint(broken.url), sample(50))
    assert (found.asked, found.answered, found.median_s) == (3, 0, None)
    with pytest.raises(EndpointError):
        measure_latency(Endpoint(f"http://127.0.0.1:{free_port()}"), sample(3))

    def slow_to_answer(request: Request) -> None:
        request.gone.wait(5)

    slow = fake(slow_to_answer)
    with pytest.raises(EndpointError, match="no text"):
        measure_latency(Endpoint(slow.url), sample(3), timeouts=Timeouts(first_s=0.3))


def test_it_stops_when_nobody_wants_it(fake: Make) -> None:
    def answer(request: Request) -> None:
        request.head()
        request.finish()

    server = fake(answer)
    found = measure_latency(
        Endpoint(server.url), sample(9), stopped=lambda: len(server.requests) > 3
    )
    assert (found.asked, found.answered) == (3, 3)


def test_what_the_server_still_knew_is_counted() -> None:
    answers = [
        Answer("a", 1.0, usage=Usage(10, 2, 4)),
        Answer("a", 3.0, usage=Usage(30, 2, 0)),
        Answer("a", 2.0),
    ]
    found = summarised(sample(3), 3, answers, [], 8)
    assert (found.cached_share, found.median_s, found.p95_s) == (0.1, 2.0, None)
    assert summarised(sample(0), 0, [], [], 8).cached_share is None


# --- models -------------------------------------------------------------------------


def test_the_models_of_an_endpoint(fake: Make) -> None:
    said = [b'{"data": [{"id": "a"}, {"id": "b/c"}]}', b"", b"{}", b'{"data": [1]}', b"[" * 99999]

    def answer(request: Request) -> None:
        request.head("200 OK", "application/json")
        request.send(said[len(server.requests) - 1])

    server = fake(answer)
    endpoint = Endpoint(server.url)
    assert models_at(endpoint) == ("a", "b/c")
    assert server.requests[0].line == "GET /v1/models HTTP/1.1"
    for _ in said[1:]:
        with pytest.raises(EndpointError, match="sent no list of models"):
            models_at(endpoint)
