"""What a target brings is shown and agreed to before it runs, and again when it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.agreed import agreement
from engine.cli.app import main
from engine.plans.programs import agree_to, not_agreed, programs_of
from engine.samples import samples_dir
from engine.target import load_target
from engine.workspace import Workspace
from tests.engine.targets import FORGE, make_target

STAGES = (
    "goal: Route.\n  stages: [{name: x, argv: [sh, '{target}/x.sh', '; rm -rf /'], env: {A: b}}]"
)


def shown(place: Workspace, target: Path) -> list[str]:
    return [one.shown for one in not_agreed(place, load_target(target))]


def test_each_program_is_agreed_to_by_its_hash(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    target = make_target(tmp_path, FORGE.replace("goal: Route.", STAGES))
    (target / "x.sh").write_text("echo 1")
    (target / "scorer.py").write_text("def score(expected, got): return True")
    every = shown(place, target)
    assert every == [
        "x: A=b sh '{target}/x.sh' '; rm -rf /'",
        "the Python of generator.py",
        "the Python of scorer.py",
    ]
    agree_to(place, programs_of(load_target(target)))
    assert shown(place, target) == []
    known = agreement(place, programs_of(load_target(target))[0].sha256)
    assert known is not None and known.commands == every[:1]
    for file, after in (("x.sh", "echo 2"), ("generator.py", "import os"), ("scorer.py", "")):
        before = (target / file).read_text()
        (target / file).write_text(after)
        assert len(shown(place, target)) == 1
        (target / file).write_text(before)
    (target / "forge.yaml").write_text(
        FORGE.replace("goal: Route.", STAGES.replace("A: b", "A: c"))
    )
    assert shown(place, target) == ["x: A=c sh '{target}/x.sh' '; rm -rf /'"]


def test_what_comes_with_this_program_needs_no_word(tmp_path: Path) -> None:
    target = load_target(samples_dir() / "targets" / "drone-router")
    assert programs_of(target) and not_agreed(Workspace(tmp_path), target) == []


def test_the_command_line_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").mkdir()
    make_target(tmp_path)
    launched: list[Path] = []
    monkeypatch.setattr("engine.plans.starting.launch", launched.append)
    command = ["run", "tiny", "-w", str(tmp_path), "--detach"]
    for words, code in (((), 1), (("--yes",), 0), ((), 0)):
        with pytest.raises(SystemExit) as end:
            main([*command, *words])
        assert end.value.code == code, capsys.readouterr()
        said = capsys.readouterr().err
        assert ("the Python of generator.py" in said) == (not launched or "--yes" in words), said
    assert len(launched) == 2 and len(list((tmp_path / "runs").iterdir())) == 2
