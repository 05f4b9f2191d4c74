"""Finds, reads and writes ``artifacts/<id>.yaml``: hostile files, names and folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.artifacts.checking import check_all, check_entry
from engine.artifacts.inputs import Inputs
from engine.artifacts.reading import NotPlain, read_plain_yaml
from engine.artifacts.registry import (
    MAX_BYTES,
    RegistryError,
    artifact_path,
    find_artifact,
    find_artifacts,
    write_new,
)
from engine.artifacts.values import values_of
from engine.checks.public.seen import CellState
from engine.records.public import PublicArtifact
from engine.workspace import Workspace
from tests.engine import folders


def test_what_is_there_is_found_in_order(own: Workspace) -> None:
    (own.artifacts_dir / "a.yaml").write_text("id: a\nstate: parked\noutcome: undecided\n")
    (own.artifacts_dir / ".hidden.yaml").write_text("x")
    (own.artifacts_dir / "notes.txt").write_text("x")
    found = find_artifacts(own)
    assert [(one.id, one.problem) for one in found] == [("a", None), ("router", None)]
    assert found[0].artifact == PublicArtifact(id="a", state="parked", outcome="undecided")  # type: ignore[arg-type]
    assert dict(found[0].lines) == {"/id": 1, "/state": 2, "/outcome": 3}
    assert find_artifact(own, "rou").id == "router"
    assert find_artifacts(Workspace(own.path / "nowhere")) == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", "A", "a" * 81, "..", "a..b", "a b", "a\0b"])
def test_names_that_are_no_id_lead_nowhere(own: Workspace, name: str) -> None:
    with pytest.raises(RegistryError, match="is no id"):
        artifact_path(own, name)
    with pytest.raises(RegistryError, match="is no id"):
        write_new(own, name, "x")


def test_an_artifact_that_is_not_there_says_what_is(own: Workspace) -> None:
    with pytest.raises(RegistryError, match=r"No artifact other in .* There are: router\."):
        find_artifact(own, "other")
    write_new(own, "router-2", "id: router-2\n")
    with pytest.raises(RegistryError, match="fits router, router-2"):
        find_artifact(own, "route")
    assert find_artifact(own, "router").id == "router"


def test_nothing_is_written_over(own: Workspace) -> None:
    before = (own.artifacts_dir / "router.yaml").read_bytes()
    with pytest.raises(RegistryError, match="left as it is"):
        write_new(own, "router", "mine")
    (own.artifacts_dir / "dead.yaml").symlink_to("nowhere")
    with pytest.raises(RegistryError, match="left as it is"):
        write_new(own, "dead", "mine")
    assert (own.artifacts_dir / "router.yaml").read_bytes() == before
    fresh = Workspace(own.path / "fresh")
    assert write_new(fresh, "one", "id: one\n").read_text() == "id: one\n"


def test_files_that_are_none_are_told_and_stop_nothing(own: Workspace, tmp_path: Path) -> None:
    folder = own.artifacts_dir
    (folder / "latin.yaml").write_bytes(b"id: latin\ntitle: caf\xe9\n")
    (folder / "empty.yaml").touch()
    (folder / "list.yaml").write_text("- 1\n")
    (folder / "large.yaml").write_bytes(b"a" * (MAX_BYTES + 1))
    (folder / "folder.yaml").mkdir()
    os.mkfifo(folder / "pipe.yaml")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    secret = tmp_path.parent / "secret.yaml"
    secret.write_text("id: secret\nstate: parked\noutcome: undecided\n")
    (folder / "out.yaml").symlink_to(secret)
    checked, _ = check_all(own)
    found = {one.entry.id: one for one in checked}
    assert found["router"].ok
    told = {name: one.findings[0] for name, one in found.items() if name != "router"}
    assert {name: one.rule for name, one in told.items()} == {
        "latin": "artifact-unreadable",
        "empty": "artifact-yaml",
        "list": "artifact-yaml",
        "large": "artifact-unreadable",
        "folder": "artifact-unreadable",
        "pipe": "artifact-unreadable",
        "loop": "artifact-unreadable",
        "out": "artifact-unreadable",
    }
    assert told["latin"].line == 2 and "byte 20" in told["latin"].message
    assert "link to a place outside" in told["out"].message
    assert all(found[name].entry.problem for name in told)


def test_what_may_not_lie_beside_is_named(own: Workspace) -> None:
    folder = own.artifacts_dir
    (folder / "adapter.safetensors").write_bytes(b"x")
    (folder / "model.GGUF").write_bytes(b"x")
    (folder / "few.jsonl").write_text("{}\n")
    (folder / "rows.jsonl").write_text("x" * 70_000)
    (folder / "old.yml").write_text("id: old\n")
    (folder / "deep").mkdir()
    (folder / "deep" / "film.mp4").write_bytes(b"x" * 1_000_001)
    (folder / "away").symlink_to("/etc")
    _, stray = check_all(own)
    assert [(one.file, one.severity.value) for one in stray] == [
        ("artifacts/adapter.safetensors", "error"),
        ("artifacts/away", "error"),
        ("artifacts/deep/film.mp4", "error"),
        ("artifacts/model.GGUF", "error"),
        ("artifacts/old.yml", "warning"),
        ("artifacts/rows.jsonl", "error"),
    ]


def test_a_package_is_whole_and_small(own: Workspace) -> None:
    package = own.specialists_dir / "router"
    assert check_entry(own, find_artifact(own, "router")).findings == ()
    (package / "prompt.md").unlink()
    (package / "adapter").mkdir()
    (package / "adapter" / "adapters.safetensors").write_bytes(b"x")
    (package / "link").symlink_to("/etc/hostname")
    found = check_entry(own, find_artifact(own, "router")).findings
    assert {one.rule for one in found} == {"release-package", "package-file"}
    said = " ".join(one.message for one in found)
    assert "lacks prompt.md" in said and "adapters.safetensors holds weights" in said
    assert "link is a link out" in said
    file = own.artifacts_dir / "router.yaml"
    text = file.read_text().replace(
        "state: release-ready-metadata\n", "state: release-ready-weights\n"
    )
    file.write_text(text.replace("previous_state: candidate-current-best\n", ""))
    found = check_entry(own, find_artifact(own, "router")).findings
    weights = [one.severity.value for one in found if "holds weights" in one.message]
    assert weights == ["warning"], "where weights are released, a copy may lie in the package"


def test_links_out_of_the_workspace_are_not_followed(own: Workspace, tmp_path: Path) -> None:
    (own.path / "door").symlink_to("/etc")
    text = (own.artifacts_dir / "router.yaml").read_text()
    text = text.replace("https://example.org/code", "door/hostname")
    (own.artifacts_dir / "router.yaml").write_text(text)
    (found,) = check_entry(own, find_artifact(own, "router")).findings
    assert found.rule == "path-outside"


def test_a_value_knows_what_became_of_its_record(own: Workspace) -> None:
    entry = find_artifact(own, "router")
    assert entry.artifact is not None

    def state() -> CellState:
        assert entry.artifact is not None
        return values_of(entry.artifact, Inputs(own.path), entry.written)["/headline"].state

    record = own.runs_dir / folders.RUN_ID / "eval-candidate.json"
    assert state() is CellState.EQUAL
    folders.put(record, "/score", 0.954)
    assert state() is CellState.EQUAL, "rounded to the digits that are shown"
    folders.put(record, "/score", 0.956)
    assert state() is CellState.DIFFERS
    folders.put(record, "/score", "0.95")
    assert state() is CellState.DIFFERS
    folders.put(record, "/score", None)
    assert state() is CellState.NO_VALUE
    record.write_text("{")
    assert state() is CellState.NOT_JSON
    record.unlink()
    assert state() is CellState.NO_FILE
    values = values_of(entry.artifact, Inputs(own.path), entry.written)
    assert values["/competition/1/score"].state is CellState.HISTORICAL
    # What is true is not what the file says any more, and nothing of it is lost.
    rules = {one.rule for one in check_entry(own, entry).findings}
    assert rules == {"record-missing", "direct-p"}


def test_a_bomb_does_not_go_off() -> None:
    layers = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}, *{old}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for text in (layers, "a: " + "[" * 5_000, "a:\n" + "- x\n" * 30_000, "a: 1" + "0" * 5_000):
        with pytest.raises(NotPlain):
            read_plain_yaml(text)
