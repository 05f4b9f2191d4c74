"""Tags and the trash from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.app import main
from tests.tui.make_runs import make_run

RUN = "2026-11-20-drone-router-2"


def factory(workspace: Path, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--workspace", str(workspace)])
    return int(ended.value.code or 0)


def test_tags_are_given_said_taken_away_and_filtered_by(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path, RUN)
    assert factory(tmp_path, "tag", RUN) == 0
    assert "has no tags" in capsys.readouterr().err
    assert factory(tmp_path, "tag", RUN, "nightly", "small", "--json") == 0
    assert json.loads(capsys.readouterr().out)["tags"] == ["nightly", "small"]
    assert factory(tmp_path, "tag", "2026-11", "--remove", "small") == 0
    assert capsys.readouterr().out == "nightly\n"
    assert factory(tmp_path, "list", "--filter", "tag:nightly", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["tags"] == ["nightly"]
    assert factory(tmp_path, "tag", RUN, "two words") == 2
    assert "has a space" in capsys.readouterr().err


def test_a_run_goes_to_the_trash_and_comes_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path, RUN)
    assert factory(tmp_path, "trash") == 0
    assert "empty" in capsys.readouterr().err
    assert factory(tmp_path, "delete", "2026-11") == 1  # only a whole name deletes
    assert factory(tmp_path, "delete", RUN) == 0
    assert not (tmp_path / "runs" / RUN).exists()
    capsys.readouterr()
    assert factory(tmp_path, "trash") == 0
    assert f"{RUN}  0 days ago" in capsys.readouterr().out
    assert factory(tmp_path, "trash", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["bytes"] > 1000
    assert factory(tmp_path, "restore", "nothing") == 3
    assert factory(tmp_path, "restore", "2026-11") == 0
    assert (tmp_path / "runs" / RUN / "config.json").is_file()
