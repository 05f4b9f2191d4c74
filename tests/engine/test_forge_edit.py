"""Single values of a forge.yaml change; everything around them stays as it was."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from engine.forge_edit import EditError, with_values

DRONE_ROUTER = Path(__file__).parents[2] / "sample_runs/targets/drone-router"

TEXT = """\
# what this is for
name: my-task   # informational

model:
  base: unsloth/functiongemma-270m-it
lora:
  r: 32          # rank
  alpha: 32
  target_modules:      # what is trained
    - q_proj
    - v_proj

training:
  learning_rate: 5e-5  # AdamW
  epochs_max: 4

  # a comment between

eval: {scorer: json_cmd, max_new_tokens: 256}
empty:
last: "quoted: text"  # end
"""


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(io.StringIO(text))


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("training.learning_rate", 3e-5, "  learning_rate: 3.0e-5  # AdamW"),
        ("training.epochs_max", 6, "  epochs_max: 6"),
        ("lora.r", 64, "  r: 64          # rank"),
        ("lora.target_modules", ["q_proj"], "  target_modules: [q_proj] # what is trained"),
        ("eval.max_new_tokens", 64, "eval: {scorer: json_cmd, max_new_tokens: 64}"),
        ("eval.target_accuracy", 0.9, None),
        ("name", "a: b", "name: 'a: b'   # informational"),
        ("last", None, "last: null  # end"),
        ("empty", 3, "empty: 3"),
        ("empty.key", True, "  key: true"),
        ("training.seed", 7, "  seed: 7"),
        ("flywheel.max_iterations", 3, "  max_iterations: 3"),
    ],
)
def test_one_value_changes_and_no_other_line(name: str, value: Any, line: str | None) -> None:
    changed = with_values(TEXT, {name: value})
    if line is not None:
        assert line in changed.split("\n")
    before = [one for one in TEXT.split("\n") if one in changed.split("\n")]
    # At most one line went (a list that stood over several lines: three).
    assert len(TEXT.split("\n")) - len(before) <= (3 if name == "lora.target_modules" else 1)
    wanted = load(TEXT)
    node = wanted
    for key in name.split(".")[:-1]:
        node[key] = node.get(key) or {}
        node = node[key]
    node[name.split(".")[-1]] = value
    assert load(changed) == wanted


def test_a_new_key_stands_at_the_end_of_its_section() -> None:
    lines = with_values(TEXT, {"training.seed": 7}).split("\n")
    assert lines[lines.index("  seed: 7") - 1] == "  epochs_max: 4"


def test_the_same_value_leaves_the_bytes_of_the_demo_target_alone() -> None:
    text = (DRONE_ROUTER / "forge.yaml").read_text("utf-8")
    assert with_values(text, {"training.batch_size": 16, "lora.r": 16}) == text


@pytest.mark.parametrize("text", ["", "# only a comment\n", "name: a", "name: a\n"])
def test_short_files(text: str) -> None:
    changed = with_values(text, {"lora.r": 8})
    assert load(changed)["lora"] == {"r": 8}
    assert changed.startswith(text)


@pytest.mark.parametrize(
    ("text", "name", "value", "why"),
    [
        ("a: 1", "a.b", 2, "a is a value, not a section"),
        ("- a", "a", 2, "not a mapping"),
        ("a: [", "a", 2, "Line"),
        ("a: 1\na: 2", "a", 3, "twice"),
        ("a: 1", "a", float("nan"), "no finite number"),
        ("a: 1", "a..b", 1, "no name"),
        ("a: 1", "a", "x\x1b[31m", "control characters"),
        ("a: 1", "a", object(), "no form"),
    ],
)
def test_what_cannot_be_is_said(text: str, name: str, value: Any, why: str) -> None:
    with pytest.raises(EditError, match=why):
        with_values(text, {name: value})


@given(
    st.dictionaries(
        st.sampled_from(["name", "lora.r", "training.learning_rate", "eval.scorer", "x.y.z"]),
        st.one_of(
            st.integers(-(10**9), 10**9),
            st.floats(allow_nan=False, allow_infinity=False),
            st.booleans(),
            st.none(),
            st.text(st.characters(min_codepoint=32, exclude_categories=("Cc", "Cs")), max_size=30),
            st.lists(st.integers(0, 9), max_size=3),
        ),
    )
)
def test_what_is_set_is_read_again(values: dict[str, Any]) -> None:
    try:
        found = load(with_values(TEXT, values))
    except EditError:
        return  # said, and nothing written
    for name, value in values.items():
        node = found
        for key in name.split("."):
            node = node[key]
        assert node == value
    assert "# a comment between" in with_values(TEXT, values)
