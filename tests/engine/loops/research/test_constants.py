"""Constants are found where they stand, and written so that nothing else changes."""

from __future__ import annotations

import ast
import keyword
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.loops.research.constants import (
    ConstantError,
    all_constants,
    apply_changes,
    find_constants,
    halve_batch,
    rewritten,
)
from engine.loops.research.spans import Value

RECIPE = b'''"""A recipe."""
import os
SEED = 7
DEPTH: int = 8  # 1..16
TOTAL_BATCH_SIZE = 2 ** 14
DEVICE_BATCH_SIZE = (8)
FINAL_EVAL_BATCH_SIZE = 256
MATRIX_LR = 3e-4\t# range: 1e-4 to 1e-1 (log)
SHIFT = -0.5
ROWS = 10_000
WINDOW = "SSSL"  # one of: "SSSL", "L", "SL"
USE_BIAS = True
BETAS = (0.8, 0.95)
MASK = 0xFF
WORDS = "in " "parts"
lower = 3
__version__ = 2
CACHE_DIR = "x"
TIME_BUDGET = 300
TWICE = 1
CHANGED = 4
MADE = DEPTH * 2
if USE_BIAS:
    TWICE = 2


def f():
    global CHANGED
    CHANGED = 5
    INSIDE = 6
'''


def names(data: bytes, path: str = "train.py", **harness: bytes) -> list[str]:
    files = {f"{name}.py": text for name, text in harness.items()}
    return [one.name for one in find_constants({path: data}, files)]


def test_what_is_a_constant_and_what_is_not() -> None:
    assert names(RECIPE) == [
        "DEPTH",
        "TOTAL_BATCH_SIZE",
        "DEVICE_BATCH_SIZE",
        "MATRIX_LR",
        "SHIFT",
        "ROWS",
        "WINDOW",
        "USE_BIAS",
    ]
    found = {one.name: one for one in find_constants({"a/train.py": RECIPE})}
    assert found["TOTAL_BATCH_SIZE"].value == 16384 and found["SHIFT"].value == -0.5
    assert found["DEPTH"].key == "a/train.py:DEPTH" and found["DEPTH"].comment == "1..16"


def test_what_the_harness_imports_is_left_alone() -> None:
    assert "DEPTH" not in names(RECIPE, prepare=b"from train import DEPTH\n")
    assert "ROWS" not in names(RECIPE, prepare=b"import train as t\nprint(t.ROWS)\n")
    assert names(RECIPE, prepare=b"from train import *\n") == []
    assert "DEPTH" in names(RECIPE, prepare=b"from other import DEPTH\n")


def test_only_the_tokens_of_the_values_change() -> None:
    new = rewritten(
        "train.py",
        RECIPE,
        {
            "DEPTH": 12,
            "TOTAL_BATCH_SIZE": 2**15,
            "DEVICE_BATCH_SIZE": 4,
            "MATRIX_LR": 0.0123,
            "SHIFT": 0.25,
            "ROWS": 50_000,
            "WINDOW": "L",
            "USE_BIAS": False,
        },
    )
    expected = RECIPE
    for old, now in (
        (b"int = 8", b"int = 12"),
        (b"2 ** 14", b"2 ** 15"),
        (b"(8)", b"(4)"),
        (b"3e-4\t", b"1.23e-2\t"),
        (b"-0.5", b"0.25"),
        (b"10_000", b"50_000"),
        (b'"SSSL"  #', b'"L"  #'),
        (b"BIAS = True", b"BIAS = False"),
    ):
        assert expected.count(old) == 1
        expected = expected.replace(old, now)
    assert new == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"NOWHERE": 1}, "no constant NOWHERE"),
        ({"DEPTH": 8.5}, "of another kind"),
        ({"DEPTH": True}, "of another kind"),
        ({"TOTAL_BATCH_SIZE": 1000}, "no power of 2"),
        ({"WINDOW": 'L"; import os'}, "quoting"),
        ({"MATRIX_LR": float("nan")}, "no number"),
    ],
)
def test_what_cannot_be_written_is_refused(changes: dict[str, Value], words: str) -> None:
    with pytest.raises(ConstantError, match=words):
        rewritten("train.py", RECIPE, changes)


def test_a_file_that_cannot_be_read_has_none_and_stays() -> None:
    for path, data in (("a.py", b"A = (\n"), ("a.py", b"\xff\xfe"), ("a.txt", b"A = 1\n")):
        assert all_constants(path, data) == []
        with pytest.raises(ConstantError, match="cannot be read"):
            rewritten(path, data, {"A": 1})


@pytest.mark.parametrize(
    "data",
    [
        b"# -*- coding: latin-1 -*-\nA = 1 # caf\xe9\nB = '\xe9'; C = 2\n",
        "\ufeffA = 1\r\nB = 'ü'; C = 2\r\n".encode(),
        "x = 'ü'; A = 1\n\x0cC = 2  # ü\n".encode(),
        b"A = 1\rC = 2\r",
        b"A = 1\nC = 2",
    ],
)
def test_encodings_and_ends_of_lines_stay(data: bytes) -> None:
    new = rewritten("a.py", data, {"A": 77, "C": 99})
    assert new == data.replace(b"A = 1", b"A = 77").replace(b"C = 2", b"C = 99")


NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,6}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)
NUMBERS = st.one_of(
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(-1e12, 1e12, allow_nan=False).map(lambda x: float(f"{x:.3g}")),
)


@given(
    st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=5),
    st.data(),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "  # ü note", "\t#tab"]),
    st.sampled_from([".py", ".toml", ".yaml", ".json"]),
)
@settings(max_examples=120, deadline=None)
def test_written_and_read_again_is_the_value_and_the_rest_is_the_same(
    values: dict[str, Value], data: st.DataObject, end: str, comment: str, kind: str
) -> None:
    def written(value: Value) -> str:
        return repr(value) if kind == ".py" else str(value).lower()

    sign = {".py": " = ", ".toml": " = ", ".yaml": ": ", ".json": " : "}[kind]
    if kind == ".json":
        lines = [f'"{name}"{sign}{written(value)}' for name, value in values.items()]
        text = "{" + f",{end}".join(lines) + "}" + end
    else:
        text = "".join(f"{n}{sign}{written(v)}{comment}{end}" for n, v in values.items())
    before = text.encode()
    path = f"a{kind}"
    known = {one.name: one for one in all_constants(path, before)}
    chosen = data.draw(st.sampled_from(sorted(values)))
    if chosen not in known:
        assert kind in (".yaml", ".json")
        return  # YAML reads some names and numbers otherwise
    kinds = {bool: st.booleans(), int: st.integers(-99999, 99999), float: st.floats(-1e6, 1e6)}
    now = data.draw(kinds[type(known[chosen].value)])  # type: ignore[index]
    after = rewritten(path, before, {chosen: now})
    found = {one.name: one for one in all_constants(path, after)}
    assert found[chosen].value == now
    old, new = known[chosen].written.encode(), found[chosen].written.encode()
    assert any(
        before[:at] + new + before[at + len(old) :] == after
        for at in range(len(before))
        if before.startswith(old, at)
    )
    if kind == ".py":
        ast.parse(after)


def test_configuration_at_the_top_level() -> None:
    yaml = b'# c\nlr: 3.0e-4  # 1e-5..1e-2\nact: gelu # gelu, relu\nb: true\nx: {n: 1}\nq: "a b"\n'
    assert rewritten("c.yaml", yaml, {"lr": 0.001, "act": "relu", "b": False}) == (
        b'# c\nlr: 1.0e-3  # 1e-5..1e-2\nact: relu # gelu, relu\nb: false\nx: {n: 1}\nq: "a b"\n'
    )
    assert names(yaml, "c.yaml") == ["lr", "act", "b", "q"]
    toml = b'lr = 3e-4 # x\nt = """\nn = 5\n"""\nn=1_000\n[part]\nm=1\n'
    assert names(toml, "c.toml") == ["lr", "n"]
    assert rewritten("c.toml", toml, {"n": 2000}) == toml.replace(b"1_000", b"2_000")
    assert all_constants("c.json", b'{"a": 1, "a": 2, "b": [1]}') == []


def test_several_files_and_only_those_that_change() -> None:
    files = {"a.py": b"A = 1\n", "b.py": b"B = 2\n", "c.py": b"C = 3\n"}
    assert apply_changes(files, {"a.py:A": 5, "b.py:B": 2}) == {"a.py": b"A = 5\n"}
    with pytest.raises(ConstantError, match="no file d"):
        apply_changes(files, {"d.py:A": 5})


def test_the_batch_that_is_halved_after_memory_ran_out() -> None:
    assert halve_batch({"train.py": RECIPE}) == {
        "train.py:DEVICE_BATCH_SIZE": (8, 4),
        "train.py:FINAL_EVAL_BATCH_SIZE": (256, 128),
    }
    assert halve_batch({"a.py": b"TOTAL_BATCH_SIZE = 2**14\n"}) == {
        "a.py:TOTAL_BATCH_SIZE": (16384, 8192)
    }
    for none in (b"BATCH_SIZE = 1\n", b"BATCH_SIZE = 7\n", b"DEPTH = 8\n", b"BATCH_SIZE = 0.5\n"):
        assert halve_batch({"a.py": none}) == {}


def test_the_recipe_of_the_samples_can_be_varied() -> None:
    home = Path(__file__).parents[4] / "sample_runs/recipes/tiny-lm"
    data = (home / "train.py").read_bytes()
    found = names(data, prepare=(home / "prepare.py").read_bytes())
    assert {"DEPTH", "LEARNING_RATE", "BATCH_SIZE", "ACTIVATION"} <= set(found)
    ((key, (before, after)),) = halve_batch({"train.py": data}).items()
    assert key == "train.py:BATCH_SIZE" and after * 2 == before
