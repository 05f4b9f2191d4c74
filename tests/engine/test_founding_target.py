"""A target folder is made, or filled; what is there stays byte for byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.founding_target import InitError, found_target
from engine.target import load_target

FILES = {
    "forge.yaml",
    "BACKGROUND.md",
    "mission.md",
    "system_prompt.md",
    "llm.txt",
    ".gitignore",
    "dataset/seed.jsonl",
    "dataset/gold.jsonl",
    "dataset/canonical.jsonl",
}


def files_of(path: Path) -> set[str]:
    return {str(one.relative_to(path)) for one in path.rglob("*") if one.is_file()}


def test_a_new_target_has_every_file_and_is_read_with_its_defaults(tmp_path: Path) -> None:
    done = found_target("my-task", tmp_path / "t")
    assert files_of(tmp_path / "t") == FILES == set(done.made)
    forge = load_target(tmp_path / "t").forge
    assert forge.name == "my-task"
    assert forge.model_dump(exclude={"name", "compute"}) == type(forge)().model_dump(
        exclude={"name", "compute"}
    )
    assert forge.training.learning_rate == 5e-5


def test_an_existing_folder_is_filled_and_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    mine = {"forge.yaml": "name: mine\n", "dataset/gold.jsonl": '{"prompt": "a"}\n'}
    for name, text in mine.items():
        (tmp_path / name).write_text(text)
    done = found_target("other", tmp_path)
    assert set(done.kept) == set(mine)
    assert {name: (tmp_path / name).read_text() for name in mine} == mine
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    assert set(found_target("other", tmp_path).kept) == FILES
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before


def test_an_older_project_comes_along_without_its_secrets_and_output(tmp_path: Path) -> None:
    old = tmp_path / "old"
    for name in (
        "configs/task.yaml",
        "dataset/gold.jsonl",
        "dataset/corpus/a.txt",
        ".env",
        "output/x.json",
        "scorer.py",
        "BACKGROUND.md",
    ):
        (old / name).parent.mkdir(parents=True, exist_ok=True)
        (old / name).write_text(f"# {name}\n")
    (old / "dataset/link.jsonl").symlink_to("/etc/hostname")
    (tmp_path / "new").mkdir()
    (tmp_path / "new/BACKGROUND.md").write_text("mine\n")
    done = found_target("new", tmp_path / "new", old)
    assert set(done.copied) == {
        "forge.yaml",
        "dataset/gold.jsonl",
        "dataset/corpus/a.txt",
        "scorer.py",
    }
    assert (tmp_path / "new/forge.yaml").read_text() == "# configs/task.yaml\n"
    assert (tmp_path / "new/BACKGROUND.md").read_text() == "mine\n"
    assert not (tmp_path / "new/.env").exists() and not (tmp_path / "new/output").exists()


@pytest.mark.parametrize("name", ["../up", "", "a b", "-x", "x" * 65, "a/b"])
def test_names_that_are_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(InitError, match="no name"):
        found_target(name, tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InitError, match="cannot be filled"):
        found_target("t", tmp_path / "file/t")
    with pytest.raises(InitError, match="no directory"):
        found_target("t", tmp_path / "t", tmp_path / "nowhere")


def test_git_ignores_secrets_and_weights_and_keeps_what_the_best_one_scored(tmp_path: Path) -> None:
    found_target("t", tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    best = tmp_path / "output/best_adapter_0_9000"
    best.mkdir(parents=True)
    names = {
        ".env": False,
        "output/eval_results.json": False,
        "output/best_score.json": True,
        "output/best_adapter_0_9000/metadata.json": True,
        "output/best_adapter_0_9000/adapters.safetensors": False,
    }
    for name in names:
        (tmp_path / name).write_text("x")
    listed = subprocess.run(
        ["git", "status", "--porcelain", "-uall"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {name: f"?? {name}\n" in listed for name in names} == names
