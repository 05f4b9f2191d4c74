"""One row of a suite file, in any of the forms that are read → an example.

A row is one of

- ``{"messages": [{"role", "content"}, …], "category"?}``: the last message is the
  assistant's and is the expected answer, all before it (several turns, too) is the prompt;
- ``{"prompt", "completion", "category"?}``;
- ``{"question", "ideal", "category"?}``, a probe;
- ``{"id", "category", "prompt_text", "expected_tool_calls"?, "expected_keywords"?}``, for the
  scorers tool_calls, keywords and custom; ``messages`` may stand in place of ``prompt_text``, and
  an assistant's last message with ``tool_calls`` expects those;
- ``{"question", "schema" or "database" or "db_id", "query"}``, text-to-SQL: the schema's script, or
  a SQLite file beside the suite. The gold query may be called ``query``, ``gold_query``, ``sql`` or
  ``SQL``, for the SQL scorers also ``answer``, and the schema ``context``;
- ``{"prompt" or …, "forbidden": […]}`` for the scorer forbidden.

``id`` (else the line number), ``category`` or ``slice``, ``tags`` (a list), ``source`` (what rows
of one origin share), ``system`` or ``system_prompt`` (where the row is no chat) and ``tools`` (what
the model may call) are read in all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.judge import sql_database, sql_scorers
from engine.judge.scorers import check_expected, needs
from engine.judge.sql_database import Database, QueryError
from engine.judge.tool_scorers import Wanted, wanted_from

SQL_PROMPT = "{schema}\n\n{question}"
"""The prompt of a text-to-SQL row, unless the suite's header has its own ``prompt``."""

_TOOL_SCORERS = ("tool_calls", "keywords", "custom")
_SQL_SCORERS = ("sql_exact", "sql_exec")
_SQL_KEYS = ("query", "gold_query", "gold_sql", "sql", "SQL")
_PROMPTS = ("prompt", "prompt_text", "question")
_TURN_KEYS = {"assistant": ("tool_calls",), "tool": ("tool_call_id", "name")}
"""What a turn of a role may hold besides its text."""


class BadRow(ValueError):
    """A row that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Example:
    """``messages`` is the whole prompt as chat turns, ``expected`` the right answer.

    ``slice`` is the row's category; ``tags`` are all groups it is counted in, that one first.
    ``tools`` are the definitions that the model is shown; ``database`` is what its query runs on.
    ``source`` names the document, conversation or template that a row came from: rows of one source
    go right and wrong together, and an interval has to know.
    """

    id: str
    messages: tuple[dict[str, Any], ...]
    expected: str
    slice: str | None = None
    tags: tuple[str, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    database: Database | None = None
    source: str | None = None

    @property
    def prompt(self) -> str:
        """The last thing the user said: what a person wants to see of the prompt."""
        return next((str(m["content"]) for m in reversed(self.messages) if m["role"] == "user"), "")

    def options(self) -> dict[str, Any]:
        """What a scorer is told of this row besides the texts."""
        return {} if self.database is None else {"database": self.database}


@dataclass(frozen=True, slots=True)
class Reading:
    """What all rows of a suite share while they are read.

    ``database_of`` gives the database in a file that a row names; it raises BadRow.
    """

    scorer: str
    system_prompt: str | None
    database_of: Callable[[str], Database]
    sql_prompt: str = SQL_PROMPT


def read_example(line: bytes, number: int, reading: Reading) -> Example:
    """The example in one line. BadRow where it cannot be used, ScorerError for the scorer."""
    row = read_object(line)
    database = _database(row, reading)
    messages, expected = _turns(row, reading, database)
    if problem := check_expected(reading.scorer, expected):
        raise BadRow(problem)
    if "database" in needs(reading.scorer) and (
        problem := sql_scorers.gold_problem(expected, database)
    ):
        raise BadRow(problem)
    if "messages" not in row:
        own = row.get("system", row.get("system_prompt"))
        if own is not None:
            messages.insert(0, {"role": "system", "content": _text(own, "system")})
    if reading.system_prompt and all(message["role"] != "system" for message in messages):
        messages.insert(0, {"role": "system", "content": reading.system_prompt})
    category = _label(row, "category") or _label(row, "slice")
    return Example(
        id=_label(row, "id") or str(number),
        messages=tuple(messages),
        expected=expected,
        slice=category,
        tags=_tags(row, category),
        tools=_tools(row),
        database=database,
        source=_source(row),
    )


def read_object(line: bytes) -> dict[str, Any]:
    """The JSON object that a line is; BadRow where it is none."""
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadRow(f"is not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise BadRow(f"is not JSON ({error.msg} at column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise BadRow("is JSON that cannot be read (nested too deeply, or a huge number)") from error
    if not isinstance(row, dict):
        raise BadRow("is no JSON object")
    return row


# --- the forms ---------------------------------------------------------------------------


def _turns(
    row: dict[str, Any], reading: Reading, database: Database | None
) -> tuple[list[dict[str, Any]], str]:
    if reading.scorer == "forbidden" and "forbidden" in row:
        return _asked(row), _text(row["forbidden"], "forbidden")
    wanted = _wanted(row, reading)
    if wanted is not None:
        if "messages" in row:
            turns = _chat(row["messages"])
            if turns and turns[-1]["role"] == "assistant":
                turns.pop()
            return _with_a_user(turns), wanted.text()
        return _asked(row), wanted.text()
    if "messages" in row:
        return _answered(row["messages"])
    if (gold := _gold_key(row, reading)) is not None:
        return _sql(row, gold, reading, database)
    for ask, answer in (("prompt", "completion"), ("question", "ideal")):
        if ask in row or answer in row:
            for key in (ask, answer):
                if key not in row:
                    raise BadRow(f'has no "{key}"')
            user = {"role": "user", "content": _text(row[ask], ask)}
            expected = row[answer]
            if reading.scorer == "numeric" and _is_number(expected):
                expected = json.dumps(expected)
            return [user], _text(expected, answer)
    if "prompt_text" in row:
        raise BadRow('has neither "expected_tool_calls" nor "expected_keywords"')
    raise BadRow('has neither "messages" nor "prompt" and "completion" nor "question" and "ideal"')


def _asked(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The prompt of a row whose answer stands apart from it."""
    if "messages" in row:
        return _with_a_user(_chat(row["messages"]))
    for key in _PROMPTS:
        if key in row:
            return [{"role": "user", "content": _text(row[key], key)}]
    raise BadRow('has neither "messages" nor "prompt_text"')


def _with_a_user(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if all(turn["role"] != "user" for turn in turns):
        raise BadRow("no user message stands before the answer")
    return turns


def _answered(given: Any) -> tuple[list[dict[str, Any]], str]:
    messages = _chat(given)
    if not messages or messages[-1]["role"] != "assistant":
        raise BadRow("the last message must be the assistant's: it is the expected answer")
    *prompt, expected = messages
    if expected.get("tool_calls") and not expected["content"]:
        raise BadRow("the expected answer calls tools: such a suite is scored by tool_calls")
    return _with_a_user(prompt), expected["content"]


def _chat(turns: Any) -> list[dict[str, Any]]:
    if not isinstance(turns, list):
        raise BadRow('"messages" is no list')
    messages: list[dict[str, Any]] = []
    for index, turn in enumerate(turns):
        if not isinstance(turn, dict) or not isinstance(turn.get("role"), str):
            raise BadRow(f'messages/{index} is no object with a "role" and a "content"')
        kept = {key: turn[key] for key in _TURN_KEYS.get(turn["role"], ()) if turn.get(key)}
        content = turn.get("content")
        # A turn that calls tools need say nothing besides.
        silent = isinstance(kept.get("tool_calls"), list) and content in (None, "")
        text = "" if silent else _text(content, f"messages/{index}")
        messages.append({"role": turn["role"], "content": text, **kept})
    return messages


def _wanted(row: dict[str, Any], reading: Reading) -> Wanted | None:
    """What a row expects of tools and keywords; None where it expects a text."""
    if reading.scorer not in _TOOL_SCORERS:
        if "prompt_text" in row and {"expected_tool_calls", "expected_keywords"} & row.keys():
            raise BadRow("expects tool calls or keywords: score it with tool_calls or keywords")
        return None
    calls, words = row.get("expected_tool_calls"), row.get("expected_keywords")
    if calls is None and isinstance(turns := row.get("messages"), list) and turns:
        last = turns[-1]
        if isinstance(last, dict) and last.get("role") == "assistant":
            calls = last.get("tool_calls")
    if calls is None and words is None:
        return None
    wanted = wanted_from(calls, words)
    if isinstance(wanted, str):
        raise BadRow(wanted)
    return wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- text-to-SQL -------------------------------------------------------------------------


def _gold_key(row: dict[str, Any], reading: Reading) -> str | None:
    """Under which key the gold query stands; None where the row is no text-to-SQL row."""
    if "question" not in row:
        return None
    keys = (*_SQL_KEYS, "answer") if reading.scorer in _SQL_SCORERS else _SQL_KEYS
    return next((key for key in keys if key in row), None)


def _sql(
    row: dict[str, Any], gold: str, reading: Reading, database: Database | None
) -> tuple[list[dict[str, Any]], str]:
    question = _text(row["question"], "question")
    script = _script(row)
    if script is None:
        if database is None:
            raise BadRow('has neither a "schema" nor a "database"')
        try:
            script = sql_database.schema(database)
        except QueryError as error:
            raise BadRow(str(error)) from error
    values = {"{schema}": script.strip(), "{question}": question}
    # In one pass: a schema may hold the word {question}.
    content = re.sub(r"\{schema\}|\{question\}", lambda m: values[m[0]], reading.sql_prompt)
    return [{"role": "user", "content": content}], _text(row[gold], gold)


def _script(row: dict[str, Any]) -> str | None:
    for key in ("schema", "context"):
        if isinstance(row.get(key), str) and row[key].strip():
            return str(row[key])
    return None


def _database(row: dict[str, Any], reading: Reading) -> Database | None:
    """The database of a row, where the scorer runs queries or the prompt shows its schema."""
    if reading.scorer not in _SQL_SCORERS and _gold_key(row, reading) is None:
        return None
    for key in ("database", "db_id"):
        if row.get(key) is not None:
            name = row[key]
            if not isinstance(name, str) or not name.strip():
                raise BadRow(f'"{key}" is no name of a file')
            return reading.database_of(name if key == "database" else f"db_id:{name}")
    script = _script(row)
    return None if script is None else sql_database.from_script(script)


# --- values ------------------------------------------------------------------------------


def _text(value: Any, where: str) -> str:
    """Text of a message; an object or a list that is no string is taken as its JSON text."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        raise BadRow(f"{where}: the content is no text")
    if not value.strip():
        raise BadRow(f"{where}: the content is empty")
    return value


def _label(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadRow(f'"{key}" is neither text nor a whole number')
    return str(value)


def _source(row: dict[str, Any]) -> str | None:
    """The row's origin; one that is no text is known by its JSON text."""
    value = row.get("source")
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _tags(row: dict[str, Any], category: str | None) -> tuple[str, ...]:
    given = row.get("tags") or []
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, list) or not all(isinstance(tag, str) and tag for tag in given):
        raise BadRow('"tags" is no list of texts')
    return tuple(dict.fromkeys([*([category] if category else []), *given]))


def _tools(row: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    given = row.get("tools") or []
    if not isinstance(given, list) or not all(isinstance(tool, dict) for tool in given):
        raise BadRow('"tools" is no list of objects')
    return tuple(given)
