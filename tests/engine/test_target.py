"""forge.yaml: documented defaults, overrides, typos with their line, hostile files."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.target import TargetError, load_target, parse_value


def target(tmp_path: Path, text: str) -> Path:
    (tmp_path / "forge.yaml").write_text(text, "utf-8")
    return tmp_path


def test_documented_defaults_are_filled_in(tmp_path: Path) -> None:
    forge = load_target(target(tmp_path, "name: x\nlora:\n")).forge
    assert (forge.lora.r, forge.lora.alpha, forge.training.batch_size) == (32, 32, 4)
    assert forge.training.learning_rate == 5e-5
    assert forge.dataset.gold == "dataset/gold.jsonl"


@pytest.mark.parametrize("text", ["5e-5", "5.0e-5", "0.00005", "'5e-5'"])
def test_a_learning_rate_is_a_number_however_it_is_written(tmp_path: Path, text: str) -> None:
    loaded = load_target(target(tmp_path, f"training:\n  learning_rate: {text}\n"))
    assert loaded.forge.training.learning_rate == 5e-5


def test_overrides_go_on_top(tmp_path: Path) -> None:
    path = target(tmp_path, "training:\n  batch_size: 8\n")
    forge = load_target(path, ["training.batch_size=2", "factory.data.replay_share=0.5"]).forge
    assert (forge.training.batch_size, forge.factory.data.replay_share) == (2, 0.5)
    assert "batch_size: 8" in (path / "forge.yaml").read_text()


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    path = target(tmp_path, "training:\n  learning_rte: 1\n  batch_size: -1\nlora:\n  r: many\n")
    with pytest.raises(TargetError) as caught:
        load_target(path)
    message = str(caught.value)
    assert "line 2: no setting training.learning_rte; did you mean training.learning_rate?" in (
        message
    )
    assert "line 3: training.batch_size" in message
    assert "line 5: lora.r" in message


def test_a_misspelt_override_is_told(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"--set: no setting training\.batchsize; did you mean"):
        load_target(target(tmp_path, "name: x\n"), ["training.batchsize=3"])


def test_sections_of_other_tools_are_kept(tmp_path: Path) -> None:
    loaded = load_target(target(tmp_path, "cloud:\n  provider: x\nsweep: {a: 1}\n"))
    assert loaded.forge.model_extra == {"cloud": {"provider": "x"}, "sweep": {"a": 1}}


BOMB = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}' if n else 'x'] * 9)}]\n" for n in range(30))
"""Nine of nine of nine, thirty times: 9**30 values in a kilobyte."""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1, 2", "line"),
        ("- a\n- b\n", "is not a mapping"),
        ("a: !!python/object/apply:os.system ['true']\n", None),
        ("a: &a [*a]\nname: x\n", r"\*a stands for itself"),
        (BOMB, "its aliases stand for over 100,000 values"),
        ("a: &a {b: &b [1, 2]}\nc: [*a, *b, *b]\nname: x\n", None),
        ("a: *nobody\nname: [x]\nb: &b 1\n", "forge.yaml"),
    ],
)
def test_hostile_yaml_is_a_sentence_or_harmless(
    tmp_path: Path, text: str, words: str | None
) -> None:
    path = target(tmp_path, text)
    if words is None:
        try:
            load_target(path)
        except TargetError as error:
            assert "forge.yaml" in str(error)
    else:
        with pytest.raises(TargetError, match=words):
            load_target(path)


def test_a_missing_a_binary_and_a_giant_file_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="is missing"):
        load_target(tmp_path)
    (tmp_path / "forge.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TargetError, match="not UTF-8"):
        load_target(tmp_path)
    (tmp_path / "forge.yaml").write_bytes(b"a" * (2**20 + 1))
    with pytest.raises(TargetError, match="over 1 MB"):
        load_target(tmp_path)


def test_a_file_outside_the_target_is_refused(tmp_path: Path) -> None:
    loaded = load_target(target(tmp_path, "name: x\n"))
    for path in ("../secret", "/etc/passwd"):
        with pytest.raises(TargetError, match="outside the target"):
            loaded.file(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("5e-5", 5e-5), ("true", True), ("word", "word"), ("[a, b]", ["a", "b"]), ("", "")],
)
def test_values_of_overrides(text: str, value: object) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize("override", ["", "novalue", "=3", "a..b=1"])
def test_an_override_that_is_none_is_a_sentence(tmp_path: Path, override: str) -> None:
    with pytest.raises(TargetError, match="is not key=value"):
        load_target(target(tmp_path, "name: x\n"), [override])
