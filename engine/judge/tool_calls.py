"""Tool calls in an answer: structured ones, and those that models write into their text.

What is read, in this order; the first that fits wins:

- a message as JSON, as OpenAI-compatible servers return it:
  ``{"content": …, "tool_calls": [{"function": {"name", "arguments"}}]}``, also within
  ``{"choices": [{"message": …}]}``; a list of such calls; ``arguments`` as an object or as text;
- Mistral: ``[TOOL_CALLS] [{"name", "arguments"}, …]`` and ``[TOOL_CALLS]name[ARGS]{…}``, with or
  without ``[ARGS]``;
- Hermes and Qwen: ``<tool_call>{"name", "arguments"}</tool_call>``, any number of them; Qwen
  Coder's ``<tool_call><function=name><parameter=key>value</parameter></function></tool_call>``;
- Llama: ``<function=name>{…}</function>``; ``{"name", "parameters"}``, several with ``;`` between,
  with or without ``<|python_tag|>``; ``[name(key=value), …]``;
- the same JSON in a fence.

JSON with words around it and neither tag nor fence is no call: no runtime would run it.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.judge.answers import parse_json, show

MAX_READ = 100_000
"""Characters of an answer in which calls are looked for."""

_HERMES = re.compile(r"<tool_call>(.*?)(?:</tool_call>|(?=<tool_call>)|\Z)", re.DOTALL)
_FUNCTION = re.compile(r"<function=([\w.\-]+)>(.*?)(?:</function>|(?=<function=)|\Z)", re.DOTALL)
_PARAMETER = re.compile(
    r"<parameter=([\w.\-]+)>\n?(.*?)\n?(?:</parameter>|(?=<parameter=)|\Z)", re.DOTALL
)
_MISTRAL = re.compile(r"\[TOOL_CALLS\]")
_MISTRAL_NAME = re.compile(r"\s*([\w.\-]+)\s*(?:\[CALL_ID\][\w\-]*)?(?:\[ARGS\])?\s*(?=\{)")
_FENCE = re.compile(r"```[ \t]*(?:json|tool_call|tool_code)?[ \t]*\n(.*?)```", re.DOTALL)
_SPECIAL = re.compile(r"<\|(?:python_tag|eom_id|eot_id|im_end|end_of_text)\|>|</s>")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Call:
    """One call. ``arguments`` is None where they could not be read as an object."""

    name: str
    arguments: dict[str, Any] | None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls in an answer, in their order, and the text beside them.

    ``error`` says why something that began as a call is none: such an answer may still hold
    others.
    """

    calls: tuple[Call, ...]
    text: str
    error: str | None = None


def read_calls(answer: str) -> Calls:
    """The calls in an answer. Never raises: whatever it is, it is calls and text."""
    text = answer.strip()[:MAX_READ]
    try:
        return _message(text) or _mistral(text) or _tagged(text) or _bare(text) or Calls((), text)
    except RecursionError:
        return Calls((), text, "the answer is nested too deeply")


# --- structured ------------------------------------------------------------------------


def _message(text: str) -> Calls | None:
    if not text.startswith(("{", "[")):
        return None
    value = parse_json(text).value
    if isinstance(value, dict) and isinstance(value.get("choices"), list) and value["choices"]:
        value = value["choices"][0]
    if isinstance(value, dict) and isinstance(value.get("message"), dict):
        value = value["message"]
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        content = value.get("content")
        words = content if isinstance(content, str) else ""
        return _of_list(value["tool_calls"], words.strip())
    return None


def _of_list(items: list[Any], text: str) -> Calls:
    calls = [call_of(item) for item in items]
    whole = tuple(call for call in calls if call is not None)
    error = "a tool call has no name" if len(whole) < len(calls) else None
    return Calls(whole, text, error or _unreadable(whole))


def _unreadable(calls: tuple[Call, ...]) -> str | None:
    bad = next((call.name for call in calls if call.arguments is None), None)
    return None if bad is None else f"the arguments of {show(bad)} are no JSON object"


def call_of(item: Any) -> Call | None:
    """The call that a JSON value is, or None: a name alone, or an object with a name."""
    if isinstance(item, str):
        return Call(item.strip(), {}) if item.strip() else None
    if not isinstance(item, dict):
        return None
    if isinstance(item.get("function"), dict):
        item = item["function"]
    name = item.get("name", item.get("function"))
    if not isinstance(name, str) or not name.strip():
        return None
    given = next((item[key] for key in ("arguments", "parameters", "args") if key in item), None)
    if isinstance(given, str):
        given = parse_json(given).value if given.strip() else {}
    elif given is None:
        given = {}
    return Call(name.strip(), given if isinstance(given, dict) else None)


def _is_call(value: Any) -> bool:
    """Whether a JSON value that stands in a text is meant as a call: a name alone is not enough."""
    if not isinstance(value, dict):
        return False
    inner = value["function"] if isinstance(value.get("function"), dict) else value
    named = isinstance(inner.get("name", inner.get("function")), str)
    return named and any(key in inner for key in ("arguments", "parameters"))


# --- in the text -----------------------------------------------------------------------


def _mistral(text: str) -> Calls | None:
    parts = _MISTRAL.split(text)
    if len(parts) == 1:
        return None
    calls: list[Call] = []
    words, error = [parts[0]], None
    for part in parts[1:]:
        found, rest = _mistral_part(part)
        if not found:
            error = "what follows [TOOL_CALLS] is no call"
        calls.extend(found)
        words.append(rest)
    text = "\n".join(filter(None, (_plain(word) for word in words)))
    return Calls(tuple(calls), text, error or _unreadable(tuple(calls)))


def _mistral_part(part: str) -> tuple[list[Call], str]:
    stripped = part.lstrip()
    if match := _MISTRAL_NAME.match(stripped):
        value, end = _json_at(stripped, match.end())
        given = value if isinstance(value, dict) else None
        return [Call(match[1], given)], stripped[end:]
    value, end = _json_at(stripped, 0)
    items = value if isinstance(value, list) else [value]
    calls = [call for item in items if _is_call(item) and (call := call_of(item)) is not None]
    return calls, stripped[end:]


def _json_at(text: str, start: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, start)
    except ValueError:
        return None, len(text)


def _tagged(text: str) -> Calls | None:
    pattern = _HERMES if "<tool_call>" in text else _FUNCTION
    matches = list(pattern.finditer(text))
    if not matches:
        return None
    calls: list[Call] = []
    error = None
    for match in matches:
        found = [_function(match)] if pattern is _FUNCTION else list(_hermes(match[1]))
        if not found:
            error = "what stands in <tool_call> is no call"
        calls.extend(found)
    return Calls(tuple(calls), _plain(pattern.sub("\n", text)), error or _unreadable(tuple(calls)))


def _hermes(inner: str) -> Iterator[Call]:
    if "<function=" in inner:
        yield from map(_function, _FUNCTION.finditer(inner))
        return
    value = parse_json(inner).value
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and (call := call_of(item)) is not None:
            yield call


def _function(match: re.Match[str]) -> Call:
    body = match[2].strip()
    if "<parameter=" in body:
        pairs = {one[1]: _value(one[2]) for one in _PARAMETER.finditer(body)}
        return Call(match[1], pairs)
    if not body:
        return Call(match[1], {})
    value = parse_json(body).value
    return Call(match[1], value if isinstance(value, dict) else None)


def _value(text: str) -> Any:
    """The value of a parameter: JSON where it is a number, true, a list or so, else text."""
    found = parse_json(text)
    return found.value if found.parsed else text


def _bare(text: str) -> Calls | None:
    """A call that is the whole answer, or the content of its fences."""
    plain = _plain(text)
    if found := _calls_only(plain):
        return Calls(found, "", _unreadable(found))
    calls: list[Call] = []
    for fence in _FENCE.finditer(plain):
        calls.extend(_calls_only(fence[1].strip()))
    if not calls:
        return None
    return Calls(tuple(calls), _plain(_FENCE.sub("\n", plain)), _unreadable(tuple(calls)))


def _calls_only(text: str) -> tuple[Call, ...]:
    """The calls of a text that holds nothing else; empty where it is anything else."""
    if text.startswith("["):
        value = parse_json(text).value
        if isinstance(value, list) and value and all(map(_is_call, value)):
            return tuple(call for item in value if (call := call_of(item)) is not None)
        return _pythonic(text)
    calls, place = [], 0
    while text.startswith("{", place):
        value, place = _json_at(text, place)
        call = call_of(value) if _is_call(value) else None
        if call is None:
            return ()
        calls.append(call)
        while place < len(text) and text[place] in "; \n\r\t":
            place += 1
    return tuple(calls) if place == len(text) else ()


def _pythonic(text: str) -> tuple[Call, ...]:
    """``[name(key=value), …]`` with values that are literals; anything else is no call."""
    if not re.match(r"\[\s*[A-Za-z_][\w.]*\(", text) or len(text) > 10_000:
        return ()
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError):
        return ()
    if not isinstance(tree, ast.List):
        return ()
    calls = []
    for node in tree.elts:
        if not isinstance(node, ast.Call) or node.args:
            return ()
        try:
            given = {one.arg: ast.literal_eval(one.value) for one in node.keywords if one.arg}
            # Sets, bytes and the like are literals of Python but no values of a call.
            given = json.loads(json.dumps(given))
        except (ValueError, TypeError, SyntaxError, MemoryError):
            return ()
        calls.append(Call(ast.unparse(node.func), given))
    return tuple(calls)


def _plain(text: str) -> str:
    return _SPECIAL.sub("", text).strip()
