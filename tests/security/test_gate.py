"""Nothing of others is executed that nobody agreed to, however the run came to be started."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.agreed import agree
from engine.answers import target_suites
from engine.cli.app import main
from engine.evaluating import marking
from engine.folder import RunFolder, write_json_atomic
from engine.judge import scorers
from engine.loops.agreeing import loop_not_agreed
from engine.loops.folder import LoopFolder
from engine.loops.launch import launch_loop
from engine.loops.research.run_records import setup_mark
from engine.plans import stage_programs
from engine.plans.programs import agree_to
from engine.plans.stage_programs import programs_of_stage
from engine.protocols.reading import read_protocol
from engine.records.loop import LoopPhase
from engine.records.plan import Plan, Stage, StageKind
from engine.records.status import Phase, StageState
from engine.supervise.gate import NOT_AGREED, refusal, to_agree
from engine.supervise.launch import LaunchError
from engine.supervise.resume import AgreeFirst, resume
from engine.work import harness_suites
from engine.workspace import Workspace
from tests.engine.loops.research.campaign_kit import document
from tests.engine.loops.wheel import agree_now, make_loop, make_wheel, turn
from tests.engine.supervise.kit import Lab, messages, status, until
from tests.tui.make_research import make_campaign_of

OURS = ["{python}", "-P", "-m"]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    one = Lab(tmp_path / "workspace")
    yield one
    one.close()


def forget(lab: Lab) -> None:
    """The run comes from elsewhere: nobody agreed to anything here."""
    shutil.rmtree(lab.path / ".factory/agreed", ignore_errors=True)


def cli(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(words))
    return int(end.value.code or 0)


def test_a_foreign_run_is_refused_and_resume_asks(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = lab.path / "pwned"
    run = lab.run(lab.stage("train", f"open({str(marker)!r}, 'w').close()"))
    forget(lab)
    found = lab.finish(run)
    assert not marker.exists()
    assert (found.phase, found.stages["train"].state) == (Phase.FAILED, StageState.FAILED)
    assert found.stages["train"].attempts == 0, "it was never begun"
    error = found.last_error
    assert error is not None and error.code == NOT_AGREED and "train-1.py" in error.message
    assert error.fix is not None and f"factory-tui resume {run.name}" in error.fix
    assert len(messages(run, NOT_AGREED)) == 1

    words = ("resume", run.name, "-w", str(lab.path), "--detach")
    assert cli(*words) == 1
    said = capsys.readouterr().err
    assert "train-1.py" in said and "--yes agrees" in said
    assert len(list((lab.path / "runs").iterdir())) == 1, "and nothing was written"
    with pytest.raises(AgreeFirst):
        resume(run)

    assert cli(*words, "--yes") == 0
    new = run.with_name(capsys.readouterr().out.split()[-1])
    until(lambda: status(new).supervisor is None and status(new).ended)
    assert marker.exists() and status(new).stages["train"].state is StageState.DONE


def test_a_link_to_a_run_with_agreements_of_its_own_is_not_followed(
    lab: Lab, tmp_path: Path
) -> None:
    run = lab.run(lab.stage("train", "pass"))  # agreed to, over there
    here = tmp_path / "here/runs" / run.name
    here.parent.mkdir(parents=True)
    here.symlink_to(run)
    with pytest.raises(LaunchError, match="is a link out of"):
        resume(here)
    assert cli("resume", run.name[:-2], "-w", str(tmp_path / "here"), "--yes") == 1


def test_what_is_looked_at_is_what_workers_take() -> None:
    assert stage_programs.CUSTOM == scorers.CUSTOM
    assert stage_programs.SCORER == marking.SCORER_FILE == target_suites.SCORER
    assert stage_programs.TASKS == harness_suites.TASKS_DIR


def test_a_generator_that_changes_while_the_run_waits_is_refused(lab: Lab) -> None:
    marker, generator = lab.path / "pwned", lab.target / "gen.py"
    generator.write_text("def generate(n, focus, seed):\n    return []\n")
    code = f"open({str(generator)!r}, 'w').write(\"open({str(marker)!r}, 'w')\")"
    spec = {"generator": "gen.py", "rows": 4, "valid_rows": 1, "seed": 0, "replay_share": 0}
    data = Stage(name="data", kind=StageKind.DATA, argv=[*OURS, "engine.work.data"], spec=spec)
    run = lab.run(lab.stage("wait", code), data)
    found = lab.finish(run)
    assert found.stages["wait"].state is StageState.DONE and not marker.exists()
    error = found.last_error
    assert error is not None and error.code == NOT_AGREED and "gen.py" in error.message
    (program,) = to_agree(run)
    assert program.shown == "the Python of gen.py"


WORKER = [*OURS, "engine.work.train"]
SPEC: dict[str, Any] = {"model": "m", "adapter_dir": "adapters"}
FREE: dict[str, dict[str, Any]] = {
    "train": {"kind": "train", "argv": WORKER, "spec": SPEC},
    "fuse": {"kind": "fuse", "argv": [*OURS, "engine.work.fuse"], "spec": {"out": "{run}/fused"}},
    "base": {
        "kind": "convert",
        "argv": [*OURS, "engine.work.convert"],
        "spec": {"out": "{workspace}/.factory/cache/bases/0"},
    },
    "read": {
        "kind": "fuse",
        "argv": [*OURS, "engine.work.fuse"],
        "spec": {"out": "{target}/output/pretrain_merged"},
    },
    "results": {
        "kind": "command",
        "argv": [*OURS, "engine.project.pretrain_results", "{run}", "{target}", "--set-base"],
        "cwd": "{run}",
    },
    "report": {"kind": "report", "argv": [*OURS, "engine.cli", "report", "{run}"], "cwd": "{run}"},
    "data": {"kind": "data", "argv": [*OURS, "engine.work.data"], "spec": {"generator": None}},
    "eval": {
        "kind": "eval",
        "argv": [*OURS, "engine.work.evaluate"],
        "spec": {"suites": [{"scorer": "exact"}]},
    },
}
ASKED: dict[str, dict[str, Any]] = {
    "another kind": {"kind": "train", "argv": [*OURS, "engine.work.data"], "spec": SPEC},
    "the target's own engine": {"kind": "train", "argv": ["{python}", "-m", "engine.work.train"]},
    "another python": {"kind": "train", "argv": ["python", "-P", "-m", "engine.work.train"]},
    "another environment": {"kind": "train", "argv": WORKER, "env": {"PYTHONPATH": "{target}"}},
    "another directory": {"kind": "train", "argv": WORKER, "cwd": "{run}/x"},
    "more words": {"kind": "train", "argv": [*WORKER, "x"]},
    "it writes elsewhere": {
        "kind": "fuse",
        "argv": [*OURS, "engine.work.fuse"],
        "spec": {"out": "{run}/../../targets"},
    },
    "it writes beside the run": {"kind": "train", "argv": WORKER, "spec": {"adapter_dir": "../x"}},
    "rows that go elsewhere": {
        "kind": "eval",
        "argv": [*OURS, "engine.work.evaluate"],
        "spec": {"suites": [{"scorer": "exact", "record": "a.json", "rows": "/home/x/.profile"}]},
    },
    "our command line": {"kind": "report", "argv": [*OURS, "engine.cli", "run", "x", "--yes"]},
    "a scorer": {
        "kind": "eval",
        "argv": [*OURS, "engine.work.evaluate"],
        "spec": {"suites": [{"scorer": "exact"}, {"scorer": "custom"}]},
    },
    "tasks": {
        "kind": "eval",
        "argv": [*OURS, "engine.work.evaluate"],
        "spec": {"suites": [], "harness": [{"name": "x", "tasks": ["x"]}]},
    },
    "the generator of a base": {
        "kind": "pretrain",
        "argv": [*OURS, "engine.work.pretrain"],
        "spec": {"generator": "{run}/../../targets/little/gen.py"},
    },
    "other machines": {
        "kind": "train",
        "argv": [*OURS, "engine.work.ranks"],
        "spec": {"compute": {"hosts": [{"ssh": "127.0.0.1"}, {"ssh": "far.example"}]}},
    },
}


@pytest.mark.parametrize("name", [*FREE, *ASKED])
def test_what_is_ours_needs_no_word_and_what_looks_like_it_does(lab: Lab, name: str) -> None:
    (lab.target / "scorer.py").write_text("def score(expected, got): return True")
    (lab.target / "gen.py").write_text("")
    (lab.target / "lm-eval").mkdir()
    (lab.target / "lm-eval/x.yaml").write_text("task: x")
    stage = Stage.model_validate({"name": "x", **(FREE | ASKED)[name]})
    plan = Plan.model_validate(
        {"run_id": "r", "target_dir": "targets/little", "created": "2026-01-01", "stages": [stage]}
    )
    run = lab.path / "runs/r"
    run.mkdir()
    refused = refusal(run, plan, stage)
    assert (refused is None) == (name in FREE), name
    if refused is None:
        return
    assert refused.code == NOT_AGREED and len(refused.message) > 20
    place = Workspace(lab.path)
    agree_to(place, programs_of_stage(place, lab.target, stage, run))
    assert refusal(run, plan, stage) is None
    (lab.path / "factory.toml").write_text('[compute]\nhosts = ["localhost", "far.example"]\n')
    forget(lab)
    assert (refusal(run, plan, stage) is None) == (name == "other machines")


@pytest.mark.parametrize("ssh", ["-oProxyCommand=touch pwned", "127.0.0.1.example", None, 3])
def test_a_host_that_is_none_is_refused(lab: Lab, ssh: object) -> None:
    spec = {"compute": {"hosts": [{"ssh": "127.0.0.1"}, {"ssh": ssh}]}}
    stage = Stage(name="x", kind=StageKind.TRAIN, argv=[*OURS, "engine.work.ranks"], spec=spec)
    run = lab.run()
    refused = refusal(run, RunFolder(run).read("plan.json", Plan), stage)
    assert refused is not None and "compute.hosts: " in refused.message


CHANGES: dict[str, Callable[[Stage], dict[str, Any]]] = {
    "other words": lambda stage: {"argv": [*stage.argv, "x"]},
    "another directory": lambda stage: {"cwd": "{workspace}"},
    "another environment": lambda stage: {"env": {**stage.env, "LD_PRELOAD": "x"}},
    "with the keys": lambda stage: {"withholds_secrets": False},
}


@pytest.mark.parametrize("seed", [None, 3])
def test_a_run_of_a_campaign_goes_by_its_protocol(lab: Lab, seed: int | None) -> None:
    place, loop = Workspace(lab.path), lab.path / "loops/one"
    (loop / "worktree").mkdir(parents=True)
    (loop / "protocol.json").write_text(json.dumps(document()))
    env = {"TMPDIR": "{run}/tmp"}
    env |= {} if seed is None else {"SEED": str(seed), "FACTORY_SEED": str(seed)}
    stage = Stage(
        name="x",
        kind=StageKind.COMMAND,
        argv=["{python}", "prepare.py" if seed is None else "train.py"],
        cwd="{workspace}/loops/one/worktree",
        env=env,
        withholds_secrets=True,
    )
    run = lab.run(stage)
    forget(lab)
    folder = RunFolder(run)
    plan = folder.read("plan.json", Plan).model_copy(update={"target_dir": "loops/one/worktree"})
    config = json.loads((run / "config.json").read_bytes())
    write_json_atomic(run / "config.json", config | {"loop": setup_mark("one")})
    assert refusal(run, plan, stage) is not None
    agree(place, read_protocol(loop / "protocol.json").agreed_as, ["all of it"])
    assert refusal(run, plan, stage) is None
    for name, change in CHANGES.items():
        changed = stage.model_copy(update=change(stage))
        assert refusal(run, plan, changed) is not None, name
    elsewhere = plan.model_copy(update={"target_dir": "targets/little"})
    assert refusal(run, elsewhere, stage) is not None
    for mark in ({"id": "../one"}, {"id": "two"}, "one", None):
        write_json_atomic(run / "config.json", config | {"loop": mark})
        assert refusal(run, plan, stage) is not None, mark


def test_an_open_flywheel_runs_nothing_that_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[object] = []
    monkeypatch.setattr("engine.loops.launch.launch_loop", started.append)
    monkeypatch.setattr("engine.cli.loop_follow.start_loop", lambda *_, **__: started.append(1))
    place = make_wheel(tmp_path)
    folder = make_loop(place, iterations=1)
    (place.target_path("counter") / "generator.py").write_text("open('pwned', 'w')")
    assert turn(folder) == 1 and not list(place.run_paths())
    assert "counter executes what nobody agreed to" in (folder.status().reason or "")
    for words in (["loop", "resume", folder.loop_id, "--detach"], ["flywheel", "counter"]):
        capsys.readouterr()
        assert cli(*words, "-w", str(tmp_path)) == 1 and not started
        assert "the Python of generator.py" in capsys.readouterr().err
    assert cli("loop", "resume", folder.loop_id, "--detach", "--yes", "-w", str(tmp_path)) == 0
    assert cli("flywheel", "counter", "-w", str(tmp_path)) == 0 and len(started) == 2


def test_a_loop_whose_run_was_refused_goes_on_once_that_is_agreed_to(tmp_path: Path) -> None:
    place = make_wheel(tmp_path)
    script = place.target_path("counter") / "stage.py"
    before = script.read_text()
    script.write_text(f"{before}\nif what == 'baseline' and not (target / 'x').exists():\n"
                      "    (target / 'x').touch()\n"
                      "    (target / 'stage.py').open('a').write('# another\\n')\n")  # fmt: skip
    folder = make_loop(place, iterations=1)
    assert turn(folder) == 1
    assert "Stage train: it was not executed" in (folder.status().reason or "")
    assert turn(folder) == 1, "nobody looked at it yet"
    agree_now(place)
    assert turn(folder) == 0 and folder.status().best_run is not None


def test_a_campaign_from_elsewhere_is_asked_about_with_its_agent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_campaign_of(tmp_path, [], phase=LoopPhase.PAUSED, proposer="command")
    loop = json.loads((folder.path / "loop.json").read_bytes())
    loop["spec"]["proposer"]["argv"] = ["sh", "-c", "touch pwned"]
    read = read_protocol(folder.path / "protocol.json")
    loop["spec"]["protocol_sha256"] = read.sha256
    write_json_atomic(folder.path / "loop.json", loop)
    agree(Workspace(tmp_path), read.agreed_as, ["all"])
    words = ("loop", "resume", folder.loop_id, "--detach", "-w", str(tmp_path))
    assert cli(*words) == 1
    said = capsys.readouterr().err
    assert "proposes: sh -c 'touch pwned'" in said and "train.py" not in said
    assert turn(folder) == 1 and "not agreed to" in (folder.status().reason or "")
    agree_to(Workspace(tmp_path), loop_not_agreed(folder))
    assert loop_not_agreed(folder) == []
    (tmp_path / "here/loops").mkdir(parents=True)
    link = LoopFolder(tmp_path / "here/loops" / folder.loop_id)
    link.path.symlink_to(folder.path)
    with pytest.raises(LaunchError, match="is a link"):
        launch_loop(link)
