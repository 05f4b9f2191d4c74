"""Streams and chunks as pure functions: however the bytes are cut, and whatever they hold."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.serving.chunks import BadChunk, Calls, Chunk, ServerSaid, Usage, read_chunk
from engine.serving.endpoint import Endpoint, EndpointError, address_of, key_of, without
from engine.serving.sse import MAX_EVENT_BYTES, EventReader, StreamTooLarge


@given(
    texts=st.lists(st.text(st.characters(exclude_characters="\r\n\0"), min_size=1), max_size=6),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 400), max_size=20),
)
def test_however_it_is_cut_the_events_are_the_same(
    texts: list[str], end: str, cuts: list[int]
) -> None:
    stream = "".join(f": still here{end}data: {text}{end}{end}" for text in texts)
    # A lone CR at the very end may be half of a CRLF: it ends the line all the same.
    data = stream.encode("utf-8", "replace")
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader = EventReader()
    found = [event for low, high in pairwise(places) for event in reader.feed(data[low:high])]
    assert found == [text.encode("utf-8", "replace").decode() for text in texts]
    assert not reader.pending


def test_lines_of_data_are_joined_and_other_fields_skipped() -> None:
    reader = EventReader()
    assert reader.feed(b"event: x\nid: 1\ndata: a\ndata:b\n\nretry: 5\n\n") == ["a\nb"]
    assert reader.feed(b"data: half") == []
    assert reader.pending


@pytest.mark.parametrize("line", [b"x" * 70_000, b"data: " + b"y" * 60_000 + b"\n", b":" * 65_000])
def test_what_has_no_end_is_refused(line: bytes) -> None:
    reader = EventReader()
    with pytest.raises(StreamTooLarge):
        for _ in range(2 * MAX_EVENT_BYTES // len(line)):
            reader.feed(line)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"choices": [{"delta": {"content": "a"}}]}, Chunk("a")),
        (
            {"choices": [{"delta": {"content": None}, "finish_reason": "stop"}]},
            Chunk("", "", "stop"),
        ),
        ({"choices": [{"delta": None}]}, Chunk()),
        ({"choices": [{"message": {"content": "a"}}]}, Chunk("a")),
        ({"choices": [{"text": "a"}]}, Chunk("a")),
        ({"choices": [{"delta": {"reasoning": "r"}}]}, Chunk("", "r")),
        ({"choices": [{"delta": {"reasoning_content": "r"}}]}, Chunk("", "r")),
        ({"choices": []}, Chunk()),
        (
            {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": True}},
            Chunk(usage=Usage(3)),
        ),
        (
            {"usage": {"completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}},
            Chunk(usage=Usage(None, 2, 1)),
        ),
    ],
)
def test_what_servers_send(value: Any, expected: Chunk) -> None:
    assert read_chunk(json.dumps(value)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[1]",
        "7",
        "null",
        "{}",
        "[" * 100_000,
        '{"choices": 3}',
        '{"choices": ["a"]}',
        '{"choices": [{"delta": "a"}]}',
        '{"choices": [{"delta": {"content": 5}}]}',
        '{"choices": [{"delta": {"tool_calls": {}}}]}',
        '{"choices": [{"delta": {"tool_calls": [{"id": "x"}]}}]}',
    ],
)
def test_what_is_no_chunk_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadChunk, match=r"\w"):
        read_chunk(text)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda s: (
            st.lists(s)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "delta", "content", "tool_calls", "function", "usage", "error"]
                ),
                s,
            )
        ),
        max_leaves=12,
    )
)
def test_nothing_that_is_json_crashes_it(value: Any) -> None:
    try:
        assert isinstance(read_chunk(json.dumps(value)), Chunk)
    except (BadChunk, ServerSaid) as error:
        assert isinstance(str(error), str)


@pytest.mark.parametrize(
    ("trouble", "said"), [("no", "no"), ({"message": "no"}, "no"), ({"code": 1}, '{"code": 1}')]
)
def test_a_servers_error_is_its_own_sentence(trouble: Any, said: str) -> None:
    with pytest.raises(ServerSaid) as caught:
        read_chunk(json.dumps({"error": trouble}))
    assert str(caught.value) == said


def test_tool_calls_grow_by_parts_or_come_whole() -> None:
    calls = Calls()
    for part in (
        {"index": 0, "id": "a", "function": {"name": "look", "arguments": '{"x"'}},
        {"index": 1, "id": "b", "function": {"name": "move", "arguments": {"y": 2}}},
        {"index": 0, "function": {"arguments": ": 1}"}},
    ):
        calls.add(read_chunk(json.dumps({"choices": [{"delta": {"tool_calls": [part]}}]})))
    assert [(one.name, json.loads(one.arguments)) for one in calls.all()] == [
        ("look", {"x": 1}),
        ("move", {"y": 2}),
    ]


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://127.0.0.1:8080/v1", "127.0.0.1", 8080, "/v1"),
        ("http://localhost:11434", "localhost", 11434, "/v1"),
        ("https://api.example.org/v1/", "api.example.org", 443, "/v1"),
        ("https://example.org/openai/v1/chat/completions", "example.org", 443, "/openai/v1"),
        ("http://[::1]:9/v1", "::1", 9, "/v1"),
    ],
)
def test_addresses(url: str, host: str, port: int, path: str) -> None:
    found = address_of(Endpoint(url))
    assert (found.host, found.port, found.path) == (host, port, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:80",
        "ftp://x/v1",
        "http://",
        "http://x:99999/v1",
        "http://x/v1?key=1",
        "http://x/v1#a",
        "http://x/a b",
        "http://bücher.example/v1",
        "http://x/\r\nHost: y",
        "file:///etc/passwd",
        "http://[::1",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(EndpointError) as caught:
        address_of(Endpoint(url))
    assert caught.value.code == "url"


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(EndpointError) as caught:
        address_of(Endpoint("https://me:hunter2@example.org/v1"))
    assert "hunter2" not in str(caught.value)


def test_a_key_comes_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def key(url: str) -> str | None:
        endpoint = Endpoint(url, key_variable="A_TEST_KEY")
        return key_of(endpoint, address_of(endpoint))

    monkeypatch.delenv("A_TEST_KEY", raising=False)
    with pytest.raises(EndpointError, match="A_TEST_KEY is not set"):
        key("https://example.org/v1")
    monkeypatch.setenv("A_TEST_KEY", "sk-secret\n")
    assert key("https://example.org/v1") == "sk-secret"
    assert key("http://127.0.0.1/v1") == "sk-secret"
    with pytest.raises(EndpointError, match="not sent over plain http") as caught:
        key("http://example.org/v1")
    monkeypatch.setenv("A_TEST_KEY", "sk-secret\r\nX: y")
    with pytest.raises(EndpointError, match="holds no API key") as other:
        key("https://example.org/v1")
    assert "sk-secret" not in f"{caught.value}{other.value}"
    assert key_of(Endpoint("http://example.org"), address_of(Endpoint("http://x"))) is None


def test_a_servers_text_is_made_harmless() -> None:
    assert without("k3y", "a\x1b[31m k3y\nb") == "a [31m *** b"
    assert len(without(None, "x" * 5000)) == 300
