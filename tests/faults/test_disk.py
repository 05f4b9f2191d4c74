"""A disk that is really full, one that is read-only, and a folder that goes away meanwhile."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.processes import is_alive
from engine.records.status import Phase
from engine.supervise.launch import liveness, wait_ended
from engine.supervise.resume import prepare_resume
from tests.engine.supervise.kit import Lab, assert_unbroken, events, messages, status, until
from tests.faults.own_mounts import ROOT, inside


def test_a_full_disk_ends_the_run_in_words_and_with_space_it_goes_on(tmp_path: Path) -> None:
    """A tmpfs of 3 MB, filled by the child's own output, then by hand up to the last byte."""
    told = inside(
        tmp_path / "small",
        '''
        mount("-t", "tmpfs", "-o", "size=3m", "none", str(place))
        lab = Lab(place / "workspace")
        run = lab.run(lab.stage("flood", """
        i = 0
        while not os.path.exists(os.environ["FACTORY_RUN"] + "/../../enough"):
            metric(i, loss=1.0); print("x" * 400); i += 1
        """))
        ended = lab.finish(run)
        told["phase"], told["error"] = ended.phase, ended.last_error and ended.last_error.message
        lines = (run / "events.jsonl").read_bytes().split(b"\\n")[:-1]
        told["unbroken"] = [json.loads(line)["seq"] for line in lines] == list(range(len(lines)))
        ballast = place / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 512): pass
            except OSError: pass
        told["list"], told["watch"] = tui("list"), tui("watch", run.name)
        told["full-resume"] = tui("resume", run.name)
        told["full-decide"] = tui("decide", run.name, "park", "--reason", "full")
        told["halves"] = [path.name for path in (lab.path / "runs").iterdir() if path != run]
        ballast.unlink()
        (run / "train.log").write_bytes(b"")
        (lab.path / "enough").touch()
        again = resume(run)
        until(lambda: liveness(status(again)) == "idle")
        told["again"] = status(again).stages["flood"].state
        lab.close()
        ''',
    )
    assert told["phase"] == "failed" and "No space left" in told["error"]
    assert told["unbroken"]
    assert told["list"]["code"] == 0 and "2026-01-01-little" in told["list"]["out"]
    assert told["watch"]["code"] == 1 and "No space left" in told["watch"]["err"]
    assert told["full-resume"]["code"] != 0 and "No space left" in told["full-resume"]["err"]
    assert told["full-decide"]["code"] != 0 and told["full-decide"]["err"]
    assert told["halves"] == [], "half a run was left behind"
    assert told["again"] == "done"


def test_events_that_wait_do_not_take_the_place_of_the_reason(tmp_path: Path) -> None:
    """A child that fills the disk to the last byte and then says more than the reserve holds."""
    told = inside(
        tmp_path / "small",
        '''
        mount("-t", "tmpfs", "-o", "size=3m", "none", str(place))
        lab = Lab(place / "workspace")
        run = lab.run(lab.stage("flood", """
        with open(os.environ["FACTORY_RUN"] + "/../../ballast", "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 512): pass
            except OSError: pass
        event = {"kind": "message", "level": "info", "code": "x", "text": "y" * 6000}
        os.write(_pipe.fileno(), ((json.dumps(event) + chr(10)) * 40).encode())
        time.sleep(60)
        """))
        ended = lab.finish(run)
        told["phase"], told["error"] = ended.phase, ended.last_error and ended.last_error.message
        lab.close()
        ''',
    )
    assert told["phase"] == "failed" and "No space left" in told["error"]


def test_a_read_only_workspace_can_be_looked_at_and_says_what_it_refuses(tmp_path: Path) -> None:
    told = inside(
        tmp_path / "still",
        """
        mount("-t", "tmpfs", "none", str(place))
        lab = Lab(place / "workspace")
        done = lab.run(lab.stage("a", "print(1)"), run_id="done")
        lab.finish(done)
        new = lab.run(lab.stage("a", "print(1)"), run_id="new")
        mount("-o", "remount,ro", str(place))
        for words in (["list"], ["validate", "done"], ["watch", "done"]):
            told[words[0]] = tui(*words)
        for words in (["resume", "new"], ["cancel", "new"], ["decide", "done", "park", "--reason",
                      "x", "--lesson", "y", "--failure-reason", "z"]):
            told[words[0]] = tui(*words)
        told["status"] = status(new).phase
        mount("-o", "remount,rw", str(place))
        told["then"] = lab.finish(new).stages["a"].state
        """,
    )
    for name in ("list", "watch"):
        assert told[name]["code"] == 0, told[name]
    assert told["validate"]["code"] in (0, 1)
    for name in ("resume", "cancel", "decide"):
        assert told[name]["code"] != 0, (name, told[name])
        assert "ead-only" in told[name]["err"], (name, told[name])
    assert told["status"] == "created" and told["then"] == "done"


SLOW = "i = 0\nwhile True:\n    metric(i, loss=1.0); i += 1; time.sleep(0.01)"


@pytest.mark.parametrize("how", ["renamed", "deleted"])
def test_a_run_folder_that_goes_away_ends_its_run_and_its_watcher(lab: Lab, how: str) -> None:
    run = lab.run(lab.stage("slow", SLOW))
    supervisor = lab.launch(run)
    watcher = subprocess.Popen(
        [sys.executable, "-m", "tui", "watch", run.name, "--workspace", str(lab.path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watcher.stderr is not None
    assert "▸ slow" in watcher.stderr.readline()
    child = until(lambda: status(run).child)
    moved = run.with_name("2026-01-01-moved")
    if how == "deleted":
        shutil.rmtree(run, ignore_errors=True)
        shutil.rmtree(run, ignore_errors=True)
    else:
        run.rename(moved)
    assert wait_ended(supervisor, 60)
    assert not is_alive(child)
    _, told = watcher.communicate(timeout=60)
    assert watcher.returncode == 3 and "moved, renamed or deleted" in told
    assert "Traceback" not in told
    if how == "deleted":
        return
    # Where it lies now it says what happened, and goes on from there.
    assert "moved or deleted meanwhile" in messages(moved, "supervisor")[0]["text"]
    assert liveness(status(moved)) == "dead"
    assert_unbroken(moved)
    before = (moved / "events.jsonl").read_bytes()
    again = lab.launch(prepare_resume(moved))
    until(lambda: len(events(moved, "stage-start")) == 2)
    from engine.supervise.launch import cancel

    assert cancel(moved, wait_s=60).phase is Phase.CANCELLED
    assert wait_ended(again, 60)
    assert (moved / "events.jsonl").read_bytes().startswith(before)
