"""A whole campaign with real processes and real git: what a hostile try leaves behind, and what a
person does with tries that are done."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.checks import check_folder
from engine.checks.finding import Severity
from engine.loops.folder import LoopFolder
from engine.loops.research import acts
from engine.loops.research.history import Try, history_before
from engine.loops.research.making import Wish
from engine.loops.research.results_log import parse, read_text
from engine.protocols.reading import read_protocol
from engine.records.loop import LoopPhase
from engine.records.research import PROTOCOL_FILE, WORKTREE, ResultsRow
from tests.engine.loops.research.campaign_kit import agent, begin, make_recipe, turn
from tests.engine.loops.research.repository_kit import git

EDIT = "from pathlib import Path\ntext = Path('train.py').read_text()\n"

HOSTILE = {
    "better": EDIT + "Path('train.py').write_text(text.replace('0.08', '0.02'))\n"
    "print('description: a smaller\\tlearning rate')",
    "harness": EDIT + "Path('prepare.py').write_text('def measure(*_): return 0.1\\n')\n"
    "print('description: edits the harness')",
    "dependency": EDIT + "Path('train.py').write_text('import yaml\\n' + text)\n"
    "print('description: imports something new')",
    "no metric": EDIT + "Path('train.py').write_text(text.replace('val_bpb: ', 'val: '))\n"
    "print('description: deletes the metric line')",
    "twice": EDIT + "Path('train.py').write_text(text + \"print('val_bpb: 0.1')\\n\")\n"
    "print('description: prints the metric twice')",
    "no training": EDIT + "Path('train.py').write_text(\"print('val_bpb: 0.1')\\n\")\n"
    "print('description: prints a better number without training')",
    "hangs": EDIT + "Path('train.py').write_text('import os, signal, time\\n'"
    "'for number in (2, 15): signal.signal(number, signal.SIG_IGN)\\n'"
    "'if os.fork() == 0: os.setsid(); time.sleep(600)\\n'"
    "'time.sleep(600)\\n')\n"
    "print('description: forks children, ignores signals and hangs')",
    "memory": EDIT + "Path('train.py').write_text(text.replace("
    "'for step', \"if BATCH_SIZE > 40: raise MemoryError('out of memory')\\nfor step\"))\n"
    "print('description: too large a batch')",
    "memory again": EDIT + "Path('train.py').write_text(text.replace("
    "'for step', \"raise MemoryError('out of memory')\\nfor step\"))\n"
    "print('description: always too large')",
    "writes": EDIT + "Path('train.py').write_text("
    "\"open('train.py', 'a').write('LR = 0\\\\n')\\n\" + text)\n"
    "print('description: changes itself while it runs')",
    "disk": EDIT + "Path('train.py').write_text('import time\\n'"
    "'for number in range(400):\\n'"
    '\'    open(f"part-{number}", "wb").write(bytes(2**20))\\n\''
    "'    time.sleep(0.01)\\n')\n"
    "print('description: fills the disk')",
    "data": EDIT + "Path('train.py').write_text("
    "\"open('data/rows.txt', 'w').write('seen')\\n\" + text)\n"
    "print('description: changes held-out data that git ignores')",
}


def rows_of(folder: LoopFolder) -> list[ResultsRow]:
    protocol = read_protocol(folder.path / PROTOCOL_FILE).protocol
    text = read_text(folder.path / WORKTREE / "results.tsv")
    return parse(text or "", protocol)


def tries_of(folder: LoopFolder) -> list[Try]:
    return history_before(folder, 10_000).tries


def make_hostile(home: Path) -> None:
    # Long beside the start of Python on a busy machine, else what does not train is not too quick.
    workspace, repo = make_recipe(home, step_s=0.3)
    wish = Wish(
        tries=len(HOSTILE),
        seeds=1,
        baseline_seeds=3,
        proposer="command",
        argv=agent(home, list(HOSTILE.values())),
        limit_s=20,
        disk_gb=0.02,
    )
    folder = begin(home, workspace, repo, wish)
    (home / "code").write_text(str(turn(folder)))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LoopFolder]:
    home = tmp_path_factory.mktemp("hostile-campaign")
    make_hostile(home)
    folder = next((home / "factory" / "loops").iterdir())
    return home, LoopFolder(folder)


def the_try(folder: LoopFolder, name: str) -> Try:
    return tries_of(folder)[1 + list(HOSTILE).index(name)]


def test_every_try_has_its_row(hostile: tuple[Path, LoopFolder]) -> None:
    home, folder = hostile
    assert (home / "code").read_text() == "0"
    assert folder.status().phase is LoopPhase.COMPLETED
    rows = rows_of(folder)
    assert len(rows) == len(HOSTILE) + 1
    assert rows[0].status == "keep" and rows[0].value is not None
    said = {name: row.status for name, row in zip(HOSTILE, rows[1:], strict=True)}
    assert said == {
        "better": "keep",
        "harness": "discard",
        "dependency": "discard",
        "no metric": "crash",
        "twice": said["twice"],
        "no training": "discard",
        "hangs": "crash",
        "memory": "discard",
        "memory again": "crash",
        "writes": "discard",
        "disk": "crash",
        "data": "discard",
    }
    assert said["twice"] in ("crash", "discard")
    assert all(row.value is None for row in rows if row.status == "crash")
    assert rows[1].description == "a smaller learning rate"


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("harness", "glob harness"),
        ("dependency", "dependency"),
        ("no metric", "no-metric"),
        ("twice", "metric-twice"),
        ("no training", "too-quick"),
        ("hangs", "time-limit"),
        ("memory again", "oom"),
        ("writes", "changed-while-running"),
        ("disk", "disk"),
        ("data", "harness"),
    ],
)
def test_why_each_was_not_kept(hostile: tuple[Path, LoopFolder], name: str, cause: str) -> None:
    verdict = the_try(hostile[1], name).verdict
    assert verdict is not None and verdict.outcome != "kept"
    assert verdict.cause in cause.split(), verdict


def test_a_try_that_was_refused_is_not_run(hostile: tuple[Path, LoopFolder]) -> None:
    for name in ("harness", "dependency"):
        one = the_try(hostile[1], name)
        assert one.runs is not None and not one.runs.measurements
        assert one.plan.violations and one.plan.commit is None


def test_memory_that_ran_out_halves_the_batch_once(hostile: tuple[Path, LoopFolder]) -> None:
    runs = the_try(hostile[1], "memory").runs
    assert runs is not None and runs.batch == {"train.py:BATCH_SIZE": (64, 32)}
    assert [m.value is not None for m in runs.measurements] == [True]


def test_the_worktree_is_the_best_and_the_checkout_is_untouched(
    hostile: tuple[Path, LoopFolder],
) -> None:
    home, folder = hostile
    tree, repo = folder.path / WORKTREE, home / "recipe"
    first = git(repo, "show", "HEAD:train.py")
    assert (tree / "train.py").read_text() == first.replace("0.08", "0.02")
    assert (tree / "data" / "rows.txt").read_text() == "held out"
    assert git(tree, "status", "--porcelain").strip() in ("", "?? .research/")
    assert git(repo, "status", "--porcelain") == ""
    assert git(repo, "branch", "--show-current").strip() == "main"
    changed = git(repo, "diff", "--name-only", "main", f"research/{folder.loop_id}").split()
    assert sorted(changed) == ["results.tsv", "train.py"]


def test_nothing_that_a_try_forked_is_left(hostile: tuple[Path, LoopFolder]) -> None:
    one = the_try(hostile[1], "hangs")
    assert one.runs is not None
    run = one.runs.measurements[0].run_id
    found = subprocess.run(["pgrep", "-f", run], capture_output=True, text=True).stdout.split()
    assert not found


def test_every_execution_is_an_ordinary_run(hostile: tuple[Path, LoopFolder]) -> None:
    home, folder = hostile
    measured = [m for one in tries_of(folder) if one.runs for m in one.runs.measurements]
    assert len({m.run_id for m in measured}) == len(measured) >= len(HOSTILE)
    for one in measured:
        found = check_folder(home / "factory" / "runs" / one.run_id)
        wrong = [f for f in found if f.severity is Severity.ERROR]
        assert not wrong, (one.run_id, wrong)


def test_kept_tries_can_be_taken_back_and_run_again(tmp_path: Path) -> None:
    workspace, repo = make_recipe(tmp_path)
    changes = [
        HOSTILE["better"],
        EDIT + "Path('train.py').write_text(text.replace('8  #', '7  #'))",
    ]
    wish = Wish(
        tries=2,
        seeds=1,
        baseline_seeds=3,
        proposer="command",
        argv=agent(tmp_path, changes),
        limit_s=20,
        confidence=0.9,
    )
    folder = begin(tmp_path, workspace, repo, wish)
    assert turn(folder) == 0
    acts.rerun(folder, 3, 2, start=False)
    acts.replay_best(folder, 1, start=False)
    acts.discard(folder, 2, "too small a rate", start=False)
    assert turn(folder) == 0
    tries = tries_of(folder)
    assert [one.plan.wish.kind if one.plan.wish else None for one in tries[3:]] == [
        "rerun",
        "replay",
        "discard",
    ]
    assert tries[3].runs is not None and len(tries[3].runs.measurements) == 2
    assert tries[5].verdict is not None and tries[5].verdict.by_person == "too small a rate"
    assert "LR = 0.08" in (folder.path / WORKTREE / "train.py").read_text()
    assert len(rows_of(folder)) == 6
