"""A question to a server that streams well, and to all kinds that do not."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable

import pytest

from engine.serving.chat import Answer, Ask, Chat, Piece
from engine.serving.chunks import ToolCall
from engine.serving.endpoint import Endpoint, EndpointError
from engine.serving.exchange import Timeouts
from engine.serving.ports import free_port
from tests.engine.serving.fake import Answer as Served
from tests.engine.serving.fake import Fake, Request

Make = Callable[[Served], Fake]
HELLO = [{"role": "user", "content": "Hello"}]


def chat(fake: Fake, timeouts: Timeouts | None = None, ask: Ask | None = None) -> Chat:
    return Chat(Endpoint(fake.url, "some-model"), HELLO, ask, timeouts)


def trouble(fake: Fake, timeouts: Timeouts | None = None) -> EndpointError:
    began = time.monotonic()
    with pytest.raises(EndpointError) as caught:
        chat(fake, timeouts).answer()
    assert time.monotonic() - began < 30, "it must not wait for a server for ever"
    assert str(caught.value).endswith(".")
    return caught.value


def test_a_stream_and_what_is_measured(fake: Make) -> None:
    def answer(request: Request) -> None:
        request.head()
        request.send(": keepalive 3/4\n\n")
        time.sleep(0.1)
        for text in ("one", " two", " three"):
            request.piece(text)
            time.sleep(0.05)
        request.finish("length", tokens=4)

    server = fake(answer)
    *pieces, last = chat(server, ask=Ask(7, 0.5, ("#",), {"seed": 3}))
    assert [piece.text for piece in pieces if isinstance(piece, Piece)] == ["one", " two", " three"]
    assert isinstance(last, Answer)
    assert (last.text, last.finish_reason, last.cut_by_limit) == ("one two three", "length", True)
    assert last.first_s is not None
    assert last.tokens_per_s is not None
    assert 0.1 <= last.first_s < last.seconds
    assert last.tokens_per_s == pytest.approx(3 / (last.seconds - last.first_s))
    assert last.usage.completion_tokens == 4
    (request,) = server.requests
    assert request.line == "POST /v1/chat/completions HTTP/1.1"
    assert "authorization" not in request.headers
    assert request.body == {
        "model": "some-model",
        "messages": HELLO,
        "max_tokens": 7,
        "temperature": 0.5,
        "stop": ["#"],
        "seed": 3,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_field_that_an_endpoint_does_not_take_is_left_out(fake: Make) -> None:
    def answer(request: Request) -> None:
        request.head()
        request.finish()

    server = fake(answer)
    extra = {"max_tokens": None, "temperature": None, "max_completion_tokens": 64}
    chat(server, ask=Ask(extra=extra)).answer()
    assert set(server.requests[0].body) == {
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_completion_tokens",
    }


def test_what_was_not_measured_is_none(fake: Make) -> None:
    def uncounted(request: Request) -> None:
        request.head()
        request.piece("a")
        request.piece("b")
        request.finish()

    def empty(request: Request) -> None:
        request.head()
        request.finish(tokens=1)

    assert chat(fake(uncounted)).answer().tokens_per_s is None
    nothing = chat(fake(empty)).answer()
    assert (nothing.text, nothing.first_s, nothing.tokens_per_s) == ("", None, None)


def test_a_server_that_does_not_stream(fake: Make) -> None:
    def answer(request: Request) -> None:
        request.head("200 OK", "application/json; charset=utf-8")
        message = {"content": "all", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
        request.send(
            json.dumps(
                {
                    "choices": [{"message": message, "finish_reason": "tool_calls"}],
                    "usage": {"completion_tokens": 9},
                }
            )
        )

    found = chat(fake(answer)).answer()
    assert (found.text, found.tool_calls) == ("all", (ToolCall("f", "{}"),))
    assert (found.first_s, found.tokens_per_s) == (None, None)
    assert found.usage.completion_tokens == 9


def test_an_end_without_done_is_fine_when_the_answer_had_ended(fake: Make) -> None:
    def answer(request: Request) -> None:
        request.head()
        request.event({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]})

    assert chat(fake(answer)).answer().text == "a"


def test_a_stream_that_is_cut_off(fake: Make) -> None:
    def ends(request: Request) -> None:
        request.head()
        request.piece("half an")

    def resets(request: Request) -> None:
        request.head()
        request.piece("half an")
        time.sleep(0.1)
        request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def chunked(request: Request) -> None:
        request.head("200 OK", "text/event-stream", "Transfer-Encoding: chunked")
        request.send("400\r\ndata: {}")

    def hangs_up(request: Request) -> None:
        request.connection.close()

    for answer in (ends, resets, chunked, hangs_up):
        assert trouble(fake(answer)).code in ("cut-off", "garbage"), answer.__name__
    one = chat(fake(ends))
    with pytest.raises(EndpointError, match="broke off in the middle"):
        one.answer()
    assert one.partial == "half an"


def test_slow_servers_reach_a_limit_each(fake: Make) -> None:
    def silent(request: Request) -> None:
        request.gone.wait(60)

    def stalls(request: Request) -> None:
        request.head()
        request.piece("a")
        request.gone.wait(60)

    def drips(request: Request) -> None:
        """Comments keep the connection alive; the first text never comes."""
        request.head()
        while not request.gone.wait(0.05):
            request.send(": keepalive\n\n")

    def never_ends(request: Request) -> None:
        request.head()
        while not request.gone.wait(0.05):
            request.piece("a")

    def half_a_head(request: Request) -> None:
        request.send("HTTP/1.1 200 OK\r\nContent-")
        request.gone.wait(60)

    first, silence, total = Timeouts(first_s=0.4), Timeouts(silence_s=0.4), Timeouts(total_s=0.6)
    assert "no text within 0.4 s" in str(trouble(fake(silent), first))
    assert "no text within 0.4 s" in str(trouble(fake(half_a_head), first))
    assert "no text within 0.4 s" in str(trouble(fake(drips), first))
    assert "said nothing for 0.4 s" in str(trouble(fake(stalls), silence))
    found = trouble(fake(never_ends), total)
    assert ("not done within 0.6 s" in str(found), found.code) == (True, "timeout")


def test_hostile_streams_are_given_up(fake: Make) -> None:
    def no_line_end(request: Request) -> None:
        request.head()
        while not request.gone.is_set():
            request.send(b"x" * 65536)

    def no_end(request: Request) -> None:
        request.head()
        piece = json.dumps({"choices": [{"delta": {"content": "y" * 60_000}}]})
        while not request.gone.is_set():
            request.event(piece)

    def no_end_of_json(request: Request) -> None:
        request.head("200 OK", "application/json")
        while not request.gone.is_set():
            request.send(b"[" * 65536)

    def many_headers(request: Request) -> None:
        request.send("HTTP/1.1 200 OK\r\n")
        while not request.gone.is_set():
            request.send("X: y\r\n" * 1000)

    for answer in (no_line_end, no_end, no_end_of_json):
        assert trouble(fake(answer)).code == "too-much", answer.__name__
    assert trouble(fake(many_headers)).code == "cut-off"


def test_what_is_no_answer(fake: Make) -> None:
    def page(request: Request) -> None:
        request.head("200 OK", "text/html")
        request.send("<html>Welcome to the hotel's network</html>")

    def not_json(request: Request) -> None:
        request.head()
        request.event("hello\x1b[2J")

    def wrong_shape(request: Request) -> None:
        request.head()
        request.event({"choices": [{"delta": {"content": {"a": 1}}}]})

    def not_http(request: Request) -> None:
        request.send("SSH-2.0-OpenSSH_9.6\r\n")

    def not_utf8(request: Request) -> None:
        request.head()
        request.send(b'data: {"choices": [{"delta": {"content": "a\xff\xfe"}}]}\n\n')
        request.finish()

    assert "sent text/html, not an answer" in str(trouble(fake(page)))
    assert "not JSON" in str(trouble(fake(not_json)))
    assert trouble(fake(wrong_shape)).code == "garbage"
    assert trouble(fake(not_http)).code == "cut-off"
    assert chat(fake(not_utf8)).answer().text.startswith("a\N{REPLACEMENT CHARACTER}")


def test_an_error_inside_the_stream_is_passed_on(fake: Make) -> None:
    def answer(request: Request) -> None:
        request.head()
        request.piece("a")
        request.event({"error": {"message": "out of memory\x1b[31m"}})

    assert "gave up: out of memory [31m." in str(trouble(fake(answer)))


def test_a_no_is_a_sentence_without_the_key(fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TEST_KEY", "sk-very-secret")

    def answer(request: Request) -> None:
        request.head("401 Unauthorized", "application/json")
        said = f"bad key {request.headers['authorization']}"
        request.send(json.dumps({"error": {"message": said}}))

    server = fake(answer)
    with pytest.raises(EndpointError) as caught:
        Chat(Endpoint(server.url, key_variable="A_TEST_KEY"), HELLO).answer()
    assert server.requests[0].headers["authorization"] == "Bearer sk-very-secret"
    text = str(caught.value)
    assert (caught.value.status, "sk-very-secret" in text) == (401, False)
    assert "***" in text
    assert "Look at the key in A_TEST_KEY." in text


def test_a_redirect_is_not_followed(fake: Make) -> None:
    elsewhere = fake(lambda request: request.head())

    def answer(request: Request) -> None:
        request.head("307 Temporary Redirect", "text/plain", f"Location: {elsewhere.url}")

    assert "which is not followed" in str(trouble(fake(answer)))
    assert elsewhere.requests == []


def test_nobody_there() -> None:
    with pytest.raises(EndpointError, match=r"cannot be reached: Connection refused\.") as caught:
        Chat(Endpoint(f"http://127.0.0.1:{free_port()}"), HELLO).answer()
    assert caught.value.code == "connect"


@pytest.mark.parametrize("when", ["before", "silent", "streaming"])
def test_cancel(fake: Make, when: str) -> None:
    closed = threading.Event()

    def answer(request: Request) -> None:
        if when == "streaming":
            request.head()
            request.piece("a")
        request.connection.settimeout(60)
        with contextlib.suppress(OSError):
            if request.connection.recv(1) == b"":
                closed.set()

    one = chat(fake(answer))
    if when == "before":
        one.cancel()
    else:
        threading.Timer(0.2, one.cancel).start()
    began = time.monotonic()
    with pytest.raises(EndpointError) as caught:
        one.answer()
    assert caught.value.code == "cancelled"
    assert time.monotonic() - began < 30
    if when != "before":
        assert closed.wait(30), "the server is told by the end of the connection"
    one.cancel()  # once more is fine


def test_no_thread_stays_behind(fake: Make) -> None:
    def answer(request: Request) -> None:
        request.head()
        request.piece("a")
        request.finish()

    server = fake(answer)
    for _ in range(5):
        chat(server).answer()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        guards = [one for one in threading.enumerate() if one.name == "endpoint-guard"]
        if not guards:
            return
        time.sleep(0.02)
    raise AssertionError(f"{len(guards)} guards still wait")
