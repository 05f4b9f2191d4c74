"""What a target brings is shown and agreed to before it runs, and again when it changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.agreed import Kind, agree, agreement, hash_of, is_agreed
from engine.cli.app import main
from engine.plans import named_files
from engine.plans.programs import agree_to, not_agreed, not_agreed_of, programs_of
from engine.plans.stage_programs import command_program
from engine.records.plan import Stage, StageKind
from engine.samples import samples_dir
from engine.target import TargetError, load_target
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
        "x: A=b sh '{target}/x.sh' '; rm -rf /' (in {target}); of the target: x.sh",
        "the Python of generator.py",
        "the Python of scorer.py",
    ]
    agree_to(place, programs_of(place, load_target(target)))
    assert shown(place, target) == []
    known = agreement(place, programs_of(place, load_target(target))[0].sha256)
    assert known is not None and known.commands == every[:1]
    for file, after in (("x.sh", "echo 2"), ("generator.py", "import os"), ("scorer.py", "")):
        before = (target / file).read_text()
        (target / file).write_text(after)
        assert len(shown(place, target)) == 1
        (target / file).write_text(before)
    (target / "forge.yaml").write_text(
        FORGE.replace("goal: Route.", STAGES.replace("A: b", "A: c"))
    )
    assert shown(place, target) == [every[0].replace("A=b", "A=c")]


COMMANDS: dict[str, tuple[str, ...]] = {
    "in a shell": ("argv: [sh, -c, 'sh {target}/go.sh']", "go.sh"),
    "relative, in a shell": ("argv: [sh, -c, 'cd sub && sh ./in.sh']", "sub/in.sh"),
    "after cd": ("argv: [sh, -c, 'cd {target} && sh go.sh']", "go.sh"),
    "a name with a space": ("argv: [sh, -c, \"sh '{target}/a go.sh'\"]", "a go.sh"),
    "an option": ("argv: [python, '--script={target}/go.sh']", "go.sh"),
    "an option's own": ("argv: [awk, -fgo.sh]", "go.sh"),
    "a folder": ("argv: [python, '{target}/pkg']", "pkg/__main__.py", "pkg/deep/two.py"),
    "a module": ("argv: [python, -m, pkg.deep.two]", "pkg/deep/two.py"),
    "the target": ("argv: [make, -C, '{target}']", "go.sh"),
    "the environment": ("argv: [sh], env: {ENV: '{target}/go.sh'}", "go.sh"),
    "its directory": ("argv: [sh, in.sh], cwd: '{target}/sub'", "sub/in.sh"),
    "the workspace": ("argv: [sh, '{workspace}/targets/tiny/go.sh']", "go.sh"),
    "past the run": ("argv: [sh, '{run}/../../targets/tiny/go.sh']", "go.sh"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_is_part_of_the_command_that_names_it(tmp_path: Path, name: str) -> None:
    command, *files = COMMANDS[name]
    stages = f"goal: Route.\n  stages: [{{name: x, {command}}}]"
    target = make_target(tmp_path, FORGE.replace("goal: Route.", stages))
    for one in ("go.sh", "a go.sh", "sub/in.sh", "pkg/__main__.py", "pkg/deep/two.py"):
        (target / one).parent.mkdir(parents=True, exist_ok=True)
        (target / one).write_text("echo 1")
    place = Workspace(tmp_path)
    agree_to(place, programs_of(place, load_target(target)))
    assert shown(place, target) == []
    for one in files:
        (target / one).write_text("echo 2")
        assert [words for words in shown(place, target) if one in words], name
        (target / one).write_text("echo 1")
    (target / "dataset/gold.jsonl").open("a").write("\n")
    assert shown(place, target) == []


def test_a_command_that_names_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = "goal: Route.\n  stages: [{name: x, argv: [python, '{target}/pkg']}]"
    target = make_target(tmp_path, FORGE.replace("goal: Route.", stages))
    (target / "pkg").mkdir()
    for number in range(4):
        (target / "pkg" / f"{number}.py").touch()
    monkeypatch.setattr(named_files, "MAX_FILES", 3)
    with pytest.raises(TargetError, match="more of the target than 3 files"):
        programs_of(Workspace(tmp_path), load_target(target))


def test_all_tasks_count_and_where_they_lie(tmp_path: Path) -> None:
    harness = "suites:\n    lm_eval: [{name: mmlu, tasks: [mmlu], metric: acc}]"
    target = make_target(tmp_path, FORGE.replace("suites:", harness))
    tasks = target / "lm-eval"
    tasks.mkdir()
    for number in range(1010):
        (tasks / f"{number:04d}.yaml").touch()
    place = Workspace(tmp_path)
    agree_to(place, programs_of(place, load_target(target)))
    (tasks / "1009.yaml").write_text("!function x.y")
    assert shown(place, target) == ["the tasks of lm-eval/ (1010 files)"]
    (tasks / "1009.yaml").write_text("")
    (tasks / "deep").mkdir()
    (tasks / "0000.yaml").rename(tasks / "deep/0000.yaml")
    assert shown(place, target) == ["the tasks of lm-eval/ (1010 files)"]


def test_an_agreement_is_to_one_kind(tmp_path: Path) -> None:
    """A generator whose bytes are the words of a command is not agreed to as that command."""
    place, content = Workspace(tmp_path), b'[["sh","-c","echo pwned"],[],"",{}]'
    agree(place, hash_of(Kind.GENERATOR, content), ["the Python of gen.py"])
    for kind in Kind:
        assert is_agreed(place, hash_of(kind, content)) == (kind is Kind.GENERATOR)
    stage = Stage(name="x", kind=StageKind.COMMAND, argv=["sh", "-c", "echo pwned"])
    target = make_target(tmp_path)
    real = json.dumps([stage.argv, [], stage.cwd, True, [], []]).encode()
    assert command_program(place, target, stage).sha256 == hash_of(Kind.COMMAND, real)
    (target / "generator.py").write_bytes(real)
    agree_to(place, programs_of(place, load_target(target)))
    assert not_agreed(place, load_target(target)) == []
    assert not_agreed_of(place, target, [stage])


def test_what_comes_with_this_program_needs_no_word(tmp_path: Path) -> None:
    target = load_target(samples_dir() / "targets" / "drone-router")
    place = Workspace(tmp_path)
    assert programs_of(place, target) and not_agreed(place, target) == []


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
