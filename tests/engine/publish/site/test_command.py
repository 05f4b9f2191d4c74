"""The command ``artifacts publish``: writes, refuses, says what is stale, and serves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from engine.cli.app import main
from engine.samples import samples_dir
from tests.engine import folders
from tests.engine.artifacts.world import make_world

ROOT = Path(__file__).resolve().parents[4]
SQL = "qwen06-sql-routed-v1"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    make_world(folder)
    shutil.copy(samples_dir() / "artifacts" / f"{SQL}.yaml", folder / "artifacts")
    return folder


def ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as raised:
        main(["artifacts", "publish", *arguments])
    return int(raised.value.code or 0)


def test_it_writes_once_and_says_when_it_is_stale(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "site"
    where = ("-w", str(place), "--out", str(out))
    assert ended(*where, "--check") == 3
    assert "No site of this command" in capsys.readouterr().err
    assert ended(*where, "--base-url", "https://example.org/lab") == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert "https://example.org/lab/artifacts/router.html" in (out / "feed.xml").read_text()
    assert ended(*where, "--check") == 0
    assert capsys.readouterr().out == ""
    folders.put(place / "runs" / folders.RUN_ID / "eval-candidate.json", "/score", 0.9)
    assert ended(*where, "--check", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert {"page": "artifacts/router.html", "state": "stale"}.items() <= found[0].items()
    assert not any(SQL in one["page"] for one in found)
    assert ended(*where, "--check") == 1
    shown = capsys.readouterr()
    assert "eval-candidate.json changed" in shown.out
    assert "artifacts/router.yaml is not published" in shown.err
    assert "says 0.95, and" in shown.err and "holds 0.9." in shown.err


def test_a_broken_artifact_is_left_out_and_the_others_are_published(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "artifacts" / "broken.yaml").write_text("id: broken\nstate: best\n", "utf-8")
    out = tmp_path / "site"
    assert ended("-w", str(place), "--out", str(out)) == 1
    said = capsys.readouterr().err
    assert "artifacts/broken.yaml is not published" in said and "line 2: state is 'best'" in said
    assert (out / "artifacts" / "router.html").is_file()
    assert not (out / "artifacts" / "broken.html").exists()


def test_it_writes_over_nothing_of_others(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "index.html").write_text("mine")
    assert ended("-w", str(place), "--out", str(tmp_path / "thesis")) == 1
    assert "was not made by this command" in capsys.readouterr().err
    assert [one.name for one in (tmp_path / "thesis").iterdir()] == ["index.html"]
    for words in (("--base-url", "javascript:alert(1)"), ("--check", "--preview")):
        assert ended("-w", str(place), *words) == 2
    assert not (place / "site").exists()


def test_the_preview_is_there_until_ctrl_c_and_writes_nothing(place: Path) -> None:
    words = [sys.executable, "-m", "engine.cli", "artifacts", "publish", "-w", str(place)]
    child = subprocess.Popen(
        [*words, "--preview"],
        cwd=ROOT,
        env=os.environ | {"BROWSER": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        address = child.stdout.readline().strip()
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert b"<h1>Public artifacts</h1>" in answer.read()
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=20)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0 and "Ended." in said and "Traceback" not in said
    assert not (place / "site").exists()
