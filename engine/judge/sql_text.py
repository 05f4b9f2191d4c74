"""SQL as text: where a statement stands in an answer, and its words without its layout.

Lexical only: knows quotes, comments and words, not the grammar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_SQL = 20_000
"""Characters of an answer that are read as SQL."""

_TOKEN = re.compile(
    r"""
    (?P<skip>\s+ | --[^\n]* | /\*.*?(?:\*/|\Z))
  | (?P<text>'(?:[^']|'')*' | "(?:[^"]|"")*")
  | (?P<name>`(?:[^`]|``)*` | \[[^\]\n]*\])
  | (?P<number>\d+(?:\.\d*)?(?:[eE][-+]?\d+)? | \.\d+(?:[eE][-+]?\d+)?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<mark><>|!=|==|<=|>=|\|\||<<|>>|->>|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SAME = {"<>": "!=", "==": "="}
_BEGIN = re.compile(r"\b(?:select|with|values)\b", re.IGNORECASE)
_VERB = re.compile(
    r"\s*(?:select|with|values|insert|update|delete|replace|create|drop|alter|attach|detach|pragma"
    r"|vacuum|begin|commit|reindex|analyze)\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"""\s*(?:[(),'"`\[*=<>|]|--|/\*|(?:select|from|where|group|having|order|limit|offset|union
    |intersect|except|join|left|right|inner|outer|full|cross|natural|on|using|and|or|not|in|case
    |when|then|else|end|as|with|values|window|asc|desc)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_FENCE = re.compile(r"```[ \t]*(?:sql|sqlite)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True, slots=True)
class Statement:
    """A query that stands in an answer.

    ``prose``: something stands around it, a fence or words. ``more``: another statement follows.
    """

    sql: str
    prose: bool = False
    more: bool = False


def find_statement(text: str) -> Statement | None:
    """The first query in an answer, or None where no SELECT, WITH or VALUES stands in it.

    The query is the content of the first fence, or begins at the first such word. It ends at a
    semicolon outside quotes and comments, or, without one, at an empty line after which no clause
    of SQL goes on.
    """
    text = text.strip()[:MAX_SQL]
    prose = False
    if (fence := _FENCE.search(text)) and _BEGIN.search(fence[1]):
        text, prose = fence[1].strip(), True
    # A comment before the query is part of it, not prose.
    if not re.match(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:\(|select\b|with\b|values\b)", text, _FLAGS):
        begin = _BEGIN.search(text)
        if begin is None:
            return None
        text, prose = text[begin.start() :], True
    end = _semicolon(text)
    if end is not None:
        rest = text[end + 1 :].strip()
        more = bool(_VERB.match(rest))
        return Statement(text[:end].strip(), prose or bool(rest), more)
    pieces = _PARAGRAPHS.split(text)
    count = 1
    while count < len(pieces) and _GOES_ON.match(pieces[count]):
        count += 1
    return Statement("\n\n".join(pieces[:count]).strip(), prose or count < len(pieces))


_FLAGS = re.IGNORECASE | re.DOTALL


def _semicolon(text: str) -> int | None:
    return next((m.start() for m in _TOKEN.finditer(text) if m["mark"] == ";"), None)


def words(sql: str) -> list[str]:
    """The words of a statement in one spelling, without layout, comments and final semicolons.

    Words outside quotes lose their case, as SQL reads them. A quoted text keeps its case, in
    whichever quotes: SQLite takes ``"x"`` for a text where there is no such column, and much gold
    is written so. Names in backticks or brackets are names. ``<>`` is ``!=`` and ``==`` is ``=``.
    """
    found: list[str] = []
    for match in _TOKEN.finditer(sql[:MAX_SQL]):
        kind, text = match.lastgroup, match[0]
        if kind == "text":
            inner = text[1:-1].replace(text[0] * 2, text[0])
            found.append("'" + inner.replace("'", "''") + "'")
        elif kind == "name":
            found.append(text[1:-1].replace("``", "`").casefold())
        elif kind in ("word", "number"):
            found.append(text.casefold())
        elif kind == "mark":
            found.append(_SAME.get(text, text))
    while found and found[-1] == ";":
        found.pop()
    return found


def orders(sql: str) -> bool:
    """Whether a query orders its result: ORDER BY outside all brackets, quotes and comments."""
    depth, last = 0, ""
    for match in _TOKEN.finditer(sql):
        text = match[0]
        if match["mark"]:
            depth += (text == "(") - (text == ")")
        elif match["word"]:
            if depth == 0 and last == "order" and text.casefold() == "by":
                return True
            last = text.casefold()
            continue
        if match.lastgroup != "skip":
            last = ""
    return False
