"""What the end at the workspace tells, and in which order, without a line."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.processes import identify
from engine.remote import far_end, growth, telling, travelling
from engine.remote.telling import Telling
from engine.workspace import Workspace


class Heard:
    """Takes messages as the copying end does."""

    def __init__(self, workspace: Path) -> None:
        (workspace / "runs").mkdir(exist_ok=True)
        self.heads: list[dict[str, Any]] = []
        self.bytes = 0
        self.telling = Telling(Workspace(workspace), {}, self._take)

    def _take(self, head: dict[str, Any], body: bytes) -> None:
        self.heads.append(head)
        self.bytes += len(body) if "grow" in head else 0

    def round(self) -> tuple[bool, int]:
        """Whether there is more at once, and how many bytes are said to be missing."""
        more = self.telling.round()
        return more, self.heads[-1]["behind"]

    def kinds(self) -> list[str]:
        """What was told since the last call: the kind of each message, and the file's name."""
        told = [
            f"{kind} {str(value).rsplit('/')[-1]}" if isinstance(value, str) else kind
            for head in self.heads
            for kind, value in head.items()
            if kind in ("record", "grow", "alive", "gone", "looking")
        ]
        self.heads.clear()
        return told


def run_of(workspace: Path, name: str, **files: str) -> Path:
    path = workspace / "runs" / name
    path.mkdir(parents=True)
    for file, text in files.items():
        (path / f"{file}.jsonl").write_text(text)
    return path


def write_status(run: Path, phase: str, supervisor: object) -> None:
    new = run / "new"
    new.write_text(json.dumps({"phase": phase, "supervisor": supervisor}))
    new.rename(run / "run-status.json")


def test_what_is_missing_is_said_also_while_other_runs_are_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "IN_TURN", 2)
    monkeypatch.setattr(growth, "ROUND_BYTES", 40)
    for number in range(5):
        run_of(tmp_path, f"2026-01-0{number + 1}-a", events="0123456789")
    (tmp_path / "runs/2026-01-05-a/rows-candidate.jsonl").write_text("x" * 90)
    heard = Heard(tmp_path)
    said = []
    for _ in range(4):
        more, behind = heard.round()
        assert behind == 140 - heard.bytes
        said.append((more, behind))
    assert said == [(True, 100), (True, 60), (True, 20), (False, 0)]


def test_what_cannot_be_read_is_not_to_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_of(tmp_path, "2026-01-01-a", events="0123456789", **{"rows-a": "closed"})
    really = growth.open_plain

    def refuses(path: Any) -> Any:
        if "rows-a" in str(path):
            raise PermissionError(13, "Permission denied")
        return really(path)

    monkeypatch.setattr(growth, "open_plain", refuses)
    heard = Heard(tmp_path)
    assert [heard.round() for _ in range(2)] == [(False, 0), (False, 0)]
    assert heard.bytes == 10
    monkeypatch.setattr(growth, "open_plain", really)
    heard.round()
    assert heard.bytes == 16


def test_a_run_ends_after_its_last_words_and_never_looks_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(tmp_path, "2026-01-01-a", events="one\n")
    with subprocess.Popen(["sleep", "60"]) as child:
        me = identify(child.pid)
        assert me is not None
        write_status(run, "training", me.model_dump())
        heard = Heard(tmp_path)
        heard.round()
        assert heard.kinds() == ["alive", "record run-status.json", "grow events.jsonl"]

        def ends() -> None:  # between the look at its folder and that at its process
            with (run / "events.jsonl").open("a") as file:
                file.write("two\n")
            write_status(run, "cancelled", None)
            child.kill()
            child.wait()
            monkeypatch.undo()

        monkeypatch.setattr(heard.telling, "_look_at_queue", ends)
        heard.round()
        assert heard.kinds() == []
        heard.round()
        assert heard.kinds() == ["grow events.jsonl", "record run-status.json", "alive"]


def test_a_status_waits_until_all_that_grew_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "ROUND_BYTES", 4)
    run = run_of(tmp_path, "2026-01-01-a", events="one\n")
    write_status(run, "training", None)
    heard = Heard(tmp_path)
    heard.round()
    heard.kinds()
    with (run / "events.jsonl").open("a") as file:
        file.write("two\nend\n")
    write_status(run, "cancelled", None)
    heard.round()
    assert heard.kinds() == ["grow events.jsonl"]
    heard.round()
    assert heard.kinds() == ["grow events.jsonl", "record run-status.json"]


def test_what_a_run_says_while_it_is_looked_at_comes_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(tmp_path, "2026-01-01-a", events="one\n")
    write_status(run, "training", None)
    heard = Heard(tmp_path)
    heard.round()
    heard.kinds()
    write_status(run, "evaluating", None)  # so that it is read once more
    really = telling.read_plain_stat

    def ends_first(*what: Any) -> Any:
        with (run / "events.jsonl").open("a") as file:
            file.write("two\n")
        write_status(run, "cancelled", None)
        return really(*what)

    monkeypatch.setattr(telling, "read_plain_stat", ends_first)
    heard.round()
    assert heard.kinds() == ["grow events.jsonl", "record run-status.json"]


def test_a_long_first_look_says_that_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "SPEAK_S", -1.0)
    for name in ("2026-01-01-a", "2026-01-02-a"):
        run_of(tmp_path, name)
    heard = Heard(tmp_path)
    heard.round()
    assert heard.kinds() == ["looking 2026-01-02-a", "looking 2026-01-01-a", "alive"]


@pytest.mark.parametrize("asked", [False, True], ids=["not-asked", "asked"])
def test_nothing_is_done_for_who_was_not_greeted(tmp_path: Path, asked: bool) -> None:
    (tmp_path / "runs").mkdir()
    heads: list[dict[str, Any]] = [{"protocol": travelling.PROTOCOL, "path": str(tmp_path)}]
    if asked:
        heads.append({"act": "offer", "with": {"target": "t"}})
    out = io.BytesIO()
    far_end.run(io.BytesIO("".join(f"{json.dumps(one)}\n" for one in heads).encode()), out)
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (
        told == [{"factory-tui": travelling.PROTOCOL}, {"before": [], "files": None}][: len(heads)]
    )
