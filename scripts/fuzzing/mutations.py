"""Spoils files: what a crash, an editor, another tool or somebody hostile would make of them.

A mutation knows the form of the file, so that most of what it makes gets past the parser and meets
the code behind it; every form is also spoilt as plain bytes. All of it comes from one
``random.Random``: the same seed makes the same inputs.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

LARGEST = 4 * 2**20
"""Bytes of an input at most: a few of them are long, and none is so long that others starve."""

RAW = (
    "NaN", "-Infinity", "1e999", "-1e999", "1e-400", "9" * 400, "9" * 5000, "-0", "-0.0",
    "18446744073709551616", "9223372036854775808", "0.1e1", '"\\ud800"', '"\\udfff\\ud800"',
    '"\\u0000"', '{"a": 1, "a": 2}', "[" * 40 + "]" * 40, "[" * 3000 + "]" * 3000,
    '{"a":' * 3000 + "1" + "}" * 3000, "[[[[[[[[", "tru", "'x'", "01", "+1", "1.", "0x10", "",
)  # fmt: skip
"""Values of JSON, or nearly, as they are written."""

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**53, 2**63, -(2**63), 10**30, 10**308, 1e308, 5e-324, 1.5,
    0.1, "", " ", "0", "1", "true", "null", "nan", "é", "\u202e", "\x00", "\x1b]52;c;AAAA\x07",
    "\x1b[2J", "\ufeff", "a\nb", "x" * 5000, "../../etc/passwd", "/etc/passwd", "a/../../b",
    "C:\\x", "~", "-", "--help", "[bold]x[/bold]", "<script>", "{{ 1 }}", "%s%n", "${HOME}",
    "2026-11-28T00:00:00Z", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00+23:59", "9999-12-31",
    "9999-12-31T23:59:59-23:59", "\ud800", "http://[", "file:///etc/passwd", "(a+)+$", "(", "[",
    [], {}, [[]], [None], {"": None}, [1, "a", None], {"a": {"b": {}}}, ["x"] * 300,
)  # fmt: skip

YAML = (
    "&a [*a]", "*nowhere", "&a {b: *a}", "!!python/object/apply:os.system ['true']", "!!binary x",
    "!!int x", "!!float x", "!!timestamp x", "!!set {a, b}", "!!omap [a]", "!!null x", "!!bool x",
    "!<x> y", "!x y", "2026-99-99", "2026-11-28T25:61:61Z", "0001-01-01T00:00:00+25:00", ".nan",
    "-.inf", "1e999", "9" * 400, "9" * 5000, "0x" + "f" * 200, "0o9", "0b2", "1:99:99", "1_000_",
    "[", "{", "{a: b: c}", "- - - -", "|", "|9", ">-", "? x", "? [a, b]\n: c", "<<: 1", "<<: *a",
    "'", '"', '"\\ud800"', '"\\x', "%YAML 9.9", "---", "...", "--- a\n--- b", "\t", "@x", "`x`",
    "~", "null", "yes", "[" * 60 + "]" * 60, "[" * 1500 + "]" * 1500,
    "{a: " * 800 + "1" + "}" * 800,
)  # fmt: skip

TOKENS: tuple[bytes, ...] = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\r",
    b"\r\n", b"\n\n", b"\t", b"\x1b", b"\x1b[", b"\x1b]0;x\x07", b"\x1b]52;c;QQ==\x07", b"\x1bP",
    b"\x1b[999999999A", b"\x1b[38;2;1;2;3m", b"\x9b31m", b"\x07", b"\x08" * 40, b"\x85",
    b"\xe2\x80\xa8", b"\xe2\x80\xae", b"{", b"}", b"[", b"]", b'"', b"'", b"\\", b",", b":", b"#",
    b"---", b"--- a/../../x\n+++ b/../../x\n@@ -1 +1 @@\n", b"```", b"<!-- ", b" -->", b"|", b"%",
    b"100%", b"1e99", b"nan", b"inf", b"-", b"0", b"9" * 400, b"9" * 5000, b"Iter 1: ", b"</think>",
    b"data: ", b"\xff" * 8, b"\x00" * 8, b"\xff\xff\xff\x7f",
)  # fmt: skip

Mutation = Callable[[bytes, random.Random], bytes]


def mutated(seed: bytes, form: str, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One input made from ``seed``, whose ``form`` is json, named-json, jsonl, yaml, tsv, text or
    binary."""
    if rng.random() < 0.03:
        return noise(rng)
    data = seed
    knowing = _KNOWING.get(form)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        if knowing is not None and rng.random() < 0.7:
            data = knowing(data, rng)
        elif others and rng.random() < 0.05:
            data = spliced(data, rng.choice(others), rng)
        else:
            data = rng.choice(_BLIND)(data, rng)
    return data[:LARGEST]


def noise(rng: random.Random) -> bytes:
    """Bytes, or characters, without any sense."""
    size = rng.choice((0, 1, 3, 10, 100, 1000, 20_000))
    if rng.random() < 0.5:
        return rng.randbytes(size)
    letters = ' \n\t\r{}[]":,.-+eE0123456789abnultrfse#&*!|>%@`\x00\x1b\x7fé\u2028\U0001f600'
    return "".join(rng.choices(letters, k=size)).encode()


# --- by form -------------------------------------------------------------------------


def json_value(data: bytes, rng: random.Random) -> bytes:
    """A JSON file with one of its values replaced, removed, moved, or written twice."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return rng.choice(_BLIND)(data, rng)
    holes: list[str] = []
    tree = _change(tree, rng, holes)
    try:
        text = json.dumps(tree, ensure_ascii=rng.random() < 0.7, indent=rng.choice((None, 2)))
    except (ValueError, RecursionError):
        return data
    for number, raw in enumerate(holes):
        text = text.replace(f'"@@{number}@@"', raw)
    return text.encode("utf-8", "surrogatepass" if rng.random() < 0.5 else "replace")


def json_line(data: bytes, rng: random.Random) -> bytes:
    """Lines of JSON with one of them changed, cut, doubled, moved or joined to the next."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    match rng.randrange(8):
        case 0:
            lines.insert(rng.randrange(len(lines) + 1), lines[at])
        case 1:
            del lines[at]
        case 2:
            lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
        case 3:
            rng.shuffle(lines)
        case 4:
            lines[at : at + 2] = [b"".join(lines[at : at + 2])]
        case _:
            lines[at] = json_value(lines[at], rng).replace(b"\n", b" ")
    return b"\n".join(lines)


def yaml_line(data: bytes, rng: random.Random) -> bytes:
    """A YAML file with a value, an indent, a key or a line changed."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    line = lines[at]
    key, colon, _ = line.partition(b":")
    bare = line.lstrip()
    match rng.randrange(9):
        case 0 | 1 | 2 if colon:
            lines[at] = key + b": " + rng.choice(YAML).encode()
        case 3 if colon:
            value = json.dumps(rng.choice(VALUES))
            lines[at] = key + b": " + value.encode()
        case 4:
            lines[at] = b" " * rng.randrange(12) + bare
        case 5:
            lines.insert(at, line)
        case 6:
            del lines[at : at + rng.randrange(1, 4)]
        case 7 if colon:
            odd = rng.choice(YAML).encode().replace(b"\n", b" ")
            lines[at] = line[: len(line) - len(bare)] + odd + b":" + line[len(key) + 1 :]
        case _:
            lines.insert(at, line[: len(line) - len(bare)] + rng.choice(YAML).encode())
    return b"\n".join(lines)


def cells(data: bytes, rng: random.Random) -> bytes:
    """A table with tabs with a cell or a row changed."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    row = lines[at].split(b"\t")
    where = rng.randrange(len(row))
    match rng.randrange(6):
        case 0:
            row[where] = rng.choice(TOKENS)
        case 1:
            row[where] = str(rng.choice(VALUES)).encode("utf-8", "surrogatepass")
        case 2:
            row.insert(where, row[where])
        case 3:
            del row[where]
        case 4:
            row[where] = b'"' + row[where] + rng.choice((b"", b'"', b'""'))
        case _:
            lines.insert(rng.randrange(len(lines)), lines[at])
    lines[at] = b"\t".join(row)
    return b"\n".join(lines)


def _change(tree: Any, rng: random.Random, holes: list[str]) -> Any:
    """``tree`` with one place in it changed. Raw text is put in later, where a hole is left."""
    tree = copy.deepcopy(tree)
    path = _somewhere(tree, rng)
    if path is None:
        return _strange(rng, holes, tree)
    parent, key = path
    old = parent[key]
    match rng.randrange(8):
        case 0:
            del parent[key]
        case 1 if isinstance(parent, dict):
            parent[rng.choice([*map(str, VALUES[16:40]), key + "s", key.upper()])] = parent.pop(key)
        case 2 if isinstance(parent, list):
            parent.insert(key, copy.deepcopy(old))
        case 3:
            parent[key] = rng.choice(([old], {"x": old}, str(old), [old] * 200))
        case 4 if (other := _somewhere(tree, rng)) is not None:
            parent[key] = copy.deepcopy(other[0][other[1]])
        case _:
            parent[key] = _strange(rng, holes, old)
    return tree


def _strange(rng: random.Random, holes: list[str], old: Any) -> Any:
    """Another value: of the same kind, of another, or one that is none."""
    usual = isinstance(old, int | float) and not isinstance(old, bool) and abs(old) < 1e300
    if usual and rng.random() < 0.3:
        return rng.choice((-old, old + 1, old * 1000, old / 3, float(old), str(old)))
    if isinstance(old, str) and rng.random() < 0.2:
        return rng.choice((old + "x", old[:-1], old.upper(), old * 3, old + "\n", "\ud800" + old))
    if rng.random() < 0.3:
        holes.append(rng.choice(RAW))
        return f"@@{len(holes) - 1}@@"
    return copy.deepcopy(rng.choice(VALUES))


def _somewhere(tree: Any, rng: random.Random) -> tuple[Any, Any] | None:
    """A list or object within ``tree`` and a key of it; deep places as often as shallow ones."""
    found = None
    while isinstance(tree, dict | list) and tree:
        key = rng.choice(list(tree)) if isinstance(tree, dict) else rng.randrange(len(tree))
        found = tree, key
        tree = tree[key]
        if rng.random() < 0.25:
            break
    return found


# --- as bytes ------------------------------------------------------------------------


def flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def without(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice((1, 2, 10, 100, 1000)) :]


def again(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    piece = data[at : at + rng.choice((1, 5, 40, 400))]
    most = max(1, LARGEST // 8 // max(1, len(piece)))
    return data[:at] + piece * min(most, rng.choice((2, 3, 30, 1000))) + data[at:]


def with_token(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(TOKENS) * rng.choice((1, 1, 1, 3, 100)) + data[at:]


def spliced(data: bytes, other: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def other_number(data: bytes, rng: random.Random) -> bytes:
    """A digit's whole number replaced."""
    places = [at for at in range(min(len(data), 50_000)) if data[at : at + 1].isdigit()]
    if not places:
        return with_token(data, rng)
    start = end = rng.choice(places)
    while data[end : end + 1].isdigit():
        end += 1
    odd = (b"-1", b"0", b"99999999999999999999", b"9" * 400, b"9" * 5000, b"1e999", b"nan", b"")
    return data[:start] + rng.choice(odd) + data[end:]


def other_line_ends(data: bytes, rng: random.Random) -> bytes:
    return data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"", b"\x0b", b"\xc2\x85")))


def with_mark(data: bytes, rng: random.Random) -> bytes:
    """Begun with a byte order mark, or written in another encoding."""
    if rng.random() < 0.5:
        return b"\xef\xbb\xbf" + data
    return data[:100_000].decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-32")))


def long_line(data: bytes, rng: random.Random) -> bytes:
    """A very long line somewhere in it; seldom one of megabytes."""
    at = rng.randrange(len(data) + 1)
    size = rng.choice((5_000, 5_000, 70_000, 70_000, 70_000, 1_100_000))
    piece = rng.choice(
        (b"x", b" ", b"[", b'{"a":', b"\x1b[1m", b"\r", b"0", b"\xc3\xa9", b"- ", b'"')
    )
    return data[:at] + piece * (size // len(piece)) + data[at:]


_BLIND: tuple[Mutation, ...] = (
    flipped, flipped, cut, cut, without, without, again, with_token, with_token, with_token,
    other_number, other_number, other_line_ends, with_mark, long_line,
)  # fmt: skip


def named_json(data: bytes, rng: random.Random) -> bytes:
    """As ``json_value``, behind a first line that says which record it is."""
    name, _, rest = data.partition(b"\n")
    return name + b"\n" + json_value(rest, rng)


_KNOWING: dict[str, Mutation] = {
    "json": json_value,
    "named-json": named_json,
    "jsonl": json_line,
    "yaml": yaml_line,
    "tsv": cells,
}
