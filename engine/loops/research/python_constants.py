"""The constants of a Python file: names that are set once, at the top level, to a plain value.

Left out: products and other expressions than ``2**16``, tuples and lists, hexadecimal numbers,
f-strings, strings in parts, and everything that is set again later. Nothing is executed.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator

from engine.loops.research.spans import Span, Value, power

_LINE = re.compile(r"\r\n|\r|\n")
_PLAIN = re.compile(r"[-+]?\s*(?:\d[\d_]*)?(?:\.[\d_]*)?(?:[eE][-+]?\d+)?")
_QUOTED = re.compile(r"\"[^\"\\\r\n]*\"|'[^'\\\r\n]*'")


def python_spans(text: str) -> list[Span]:
    """The constants, in their order; ValueError for a text that is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"it is no Python: {error}") from error
    lines = _Lines(text)
    comments = _comments(text)
    times = Counter(_set_names(tree))
    found = []
    for name, node in _assigned(tree):
        value = _value(node)
        if value is None or times[name] != 1:
            continue
        start = lines.offset(node.lineno, node.col_offset)
        end = lines.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
        if _is_plain(text[start:end], value):
            comment = comments.get(node.end_lineno or node.lineno, "")
            found.append(Span(name, value, start, end, comment))
    return found


def imported_from(text: str, module: str) -> set[str]:
    """The names that a Python file imports from ``module`` (its last part), ``*`` for all of it;
    empty where the text is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[-1] == module:
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.Import):
            for one in node.names:
                if one.name.split(".")[-1] == module:
                    names |= _attributes(tree, one.asname or one.name.split(".")[0])
    return names


def _attributes(tree: ast.Module, module: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == module
    }


class _Lines:
    """From the parser's line and byte of UTF-8 to a place in the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(found.end() for found in _LINE.finditer(text))]

    def offset(self, line: int, byte: int) -> int:
        start = self._starts[line - 1]
        after = self._starts[line] if line < len(self._starts) else len(self._text)
        head = self._text[start:after].encode("utf-8", "surrogatepass")[:byte]
        return start + len(head.decode("utf-8", "ignore"))


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target, value = node.target, node.value
        else:
            continue
        if isinstance(target, ast.Name):
            yield target.id, value


def _set_names(tree: ast.Module) -> Iterator[str]:
    """Every name that is set, as often as it is: anywhere at the top level, by ``global`` too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Lambda):
            continue
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        else:
            waiting += ast.iter_child_nodes(node)


def _value(node: ast.expr) -> Value | None:
    if isinstance(node, ast.Constant):
        value = node.value
        return value if isinstance(value, bool | int | float | str) else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _value(node.operand)
        if isinstance(node.operand, ast.Constant) and type(inner) in (int, float):
            return -inner if isinstance(node.op, ast.USub) else inner  # type: ignore[operator]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base, exponent = _value(node.left), _value(node.right)
        if type(base) is int and type(exponent) is int and 1 < base <= 10 and 0 <= exponent <= 64:
            return int(base**exponent)
    return None


def _is_plain(written: str, value: Value) -> bool:
    if isinstance(value, bool):
        return written in ("True", "False")
    if isinstance(value, str):
        return _QUOTED.fullmatch(written) is not None
    return power(written) is not None or _PLAIN.fullmatch(written) is not None


def _comments(text: str) -> dict[int, str]:
    """The comment at the end of each line that has one."""
    found: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline=None).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string.lstrip("#").strip()
    except (tokenize.TokenError, SyntaxError):
        return found
    return found
