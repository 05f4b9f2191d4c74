"""Loose files become a folder, whole and valid, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import checks, render
from engine.render import LooseFiles, RenderRefused
from tests.engine import folders
from tests.engine.folders import put


def loose(tmp_path: Path, **changes: Path | None) -> LooseFiles:
    """The example of the public run schema as files under other names."""
    place = tmp_path / "loose"
    for name, value in folders.foreign_files().items():
        folders.write_json(place / f"my-{name}", value)
    (place / "my.log").write_bytes(b"step 1\n\xff\x00")

    def at(name: str) -> Path:
        return place / f"my-{name}.json"

    files = {
        "config": at("config"),
        "dataset": at("dataset"),
        "baseline": at("eval-baseline"),
        "candidate": at("eval-candidate"),
        "decision": at("decision"),
        "artifact": at("artifact"),
        "train_log": place / "my.log",
        "regression_baseline": at("eval-regression-baseline"),
        "regression_candidate": at("eval-regression-candidate"),
    }
    return LooseFiles(**(files | changes))  # type: ignore[arg-type]


def out(tmp_path: Path) -> Path:
    return tmp_path / "workspace" / "runs" / folders.FOREIGN_ID


def untouched(tmp_path: Path) -> bool:
    runs = tmp_path / "workspace" / "runs"
    return not runs.exists() or not list(runs.iterdir())


def test_a_folder_is_made_and_validates(tmp_path: Path) -> None:
    files = loose(tmp_path)
    # Scores of nobody knows how many answers do not show that a ship is no luck.
    assert [one.rule for one in render.render(files, out(tmp_path))] == ["ship-gate"]
    assert {path.name for path in out(tmp_path).iterdir()} == {
        *folders.foreign_files(),
        "train.log",
        "report.md",
        "report-card.json",
        "report-card.html",
    }
    assert (out(tmp_path) / "train.log").read_bytes() == b"step 1\n\xff\x00"
    assert (out(tmp_path) / "config.json").read_bytes() == files.config.read_bytes()
    assert [one.rule for one in checks.check_folder(out(tmp_path))] == ["ship-gate"]
    assert [path.name for path in out(tmp_path).parent.iterdir()] == [folders.FOREIGN_ID]


def test_an_empty_directory_may_be_there(tmp_path: Path) -> None:
    out(tmp_path).mkdir(parents=True)
    render.render(loose(tmp_path), out(tmp_path))
    assert (out(tmp_path) / "report.md").is_file()


def test_all_reasons_come_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    files = loose(tmp_path)
    put(files.config, "/owner_goal", " ")
    put(files.dataset, "/sources", [])
    put(files.decision, "/decision", "maybe")
    files.baseline.write_text("{", "utf-8")
    with pytest.raises(RenderRefused) as caught:
        render.render(files, out(tmp_path))
    text = str(caught.value)
    for words in ("empty owner_goal", "names no source", "no decision", "is cut off"):
        assert words in text
    assert {one.rule for one in caught.value.findings} >= {"empty-text", "data-source"}
    assert untouched(tmp_path)


@pytest.mark.parametrize(
    ("name", "pointer", "value", "words"),
    [
        ("candidate", "/score", 0.5, "primary_min fails"),
        ("candidate", "/score", 0.6, "beats_baseline fails"),
        ("candidate", "/suite", "easier", "cannot be compared"),
        ("artifact", "/shipped", False, "not shipped"),
        ("artifact", "/base_model", "other", "another model"),
        ("decision", "/blocked_by", ["x"], "blocked by: x"),
    ],
)
def test_a_ship_that_its_numbers_do_not_carry(
    tmp_path: Path, name: str, pointer: str, value: object, words: str
) -> None:
    files = loose(tmp_path)
    put(getattr(files, name), pointer, value)
    with pytest.raises(RenderRefused, match=words):
        render.render(files, out(tmp_path))
    assert untouched(tmp_path)


def test_files_that_are_not_there_or_are_none(tmp_path: Path) -> None:
    files = loose(tmp_path, baseline=tmp_path / "none.json", train_log=tmp_path)
    with pytest.raises(RenderRefused) as caught:
        render.render(files, out(tmp_path))
    assert len(caught.value.reasons) == 2
    assert "none.json is missing" in caught.value.reasons[0]
    assert "no ordinary file" in caught.value.reasons[1]
    assert untouched(tmp_path)


def test_a_huge_record_is_not_copied(tmp_path: Path) -> None:
    files = loose(tmp_path)
    with files.candidate.open("r+b") as file:
        file.truncate(2**30)
    with pytest.raises(RenderRefused, match="1,024 MB large"):
        render.render(files, out(tmp_path))
    assert untouched(tmp_path)


def test_a_place_that_is_taken_or_no_place(tmp_path: Path) -> None:
    files = loose(tmp_path)
    render.render(files, out(tmp_path))
    before = (out(tmp_path) / "report.md").read_bytes()
    with pytest.raises(RenderRefused, match="not empty"):
        render.render(files, out(tmp_path))
    assert (out(tmp_path) / "report.md").read_bytes() == before
    with pytest.raises(RenderRefused, match="is no directory"):
        render.render(files, files.config)


def test_a_wrong_name_for_the_folder_is_a_reason(tmp_path: Path) -> None:
    with pytest.raises(RenderRefused, match="belongs to the run 2026-07-02"):
        render.render(loose(tmp_path), tmp_path / "workspace" / "runs" / "other")
    assert untouched(tmp_path)


def test_warnings_are_given_back(tmp_path: Path) -> None:
    files = loose(tmp_path, artifact=None)
    folders.write_json(files.decision, folders.REJECT | {"lesson": None})
    (finding,) = render.render(files, out(tmp_path))
    assert finding.rule == "lesson-missing"


def test_rows_come_along_under_their_own_name(tmp_path: Path) -> None:
    source = folders.make_run(tmp_path / "other")
    files = loose(tmp_path)
    more = {"rows-extra.jsonl": source / "rows-candidate.jsonl"}
    render.render(LooseFiles(**{**vars(files), "more": more}), out(tmp_path))
    assert (out(tmp_path) / "rows-extra.jsonl").is_file()
    with pytest.raises(RenderRefused, match="no file name for a run folder"):
        bad = {"../x.jsonl": source / "rows-candidate.jsonl"}
        render.render(LooseFiles(**{**vars(files), "more": bad}), out(tmp_path).with_name("y"))
