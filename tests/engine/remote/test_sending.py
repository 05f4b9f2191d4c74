"""A run that goes to the first free machine: who is asked, who is skipped and why, what is told."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from engine.catalogue.summary import summarise
from engine.cli.console import option_for
from engine.cli.runs import _wait_for
from engine.cli.where import sent, tell_sent
from engine.plans.programs import agree_to, programs_of
from engine.processes import identify
from engine.remote import opening, sending, travelling
from engine.remote.address import parse
from engine.remote.choosing import Offer, Place, choose, difference
from engine.remote.line import Line
from engine.remote.offering import before, target_hashes
from engine.remote.sending import places_of
from engine.remote.sent import Sent, going_on, write_down
from engine.settings_file import SettingsError
from engine.supervise import queue
from engine.supervise.launch import cancel
from engine.target import load_target
from engine.workspace import Workspace
from tests.engine.folders import time
from tests.engine.remote.conftest import Elsewhere, script
from tests.engine.supervise.kit import until
from tests.engine.targets import FORGE, make_target

FREE = ()
HERE, MINI, STUDIO = Place(), Place(parse("ssh://mini/w")), Place(parse("ssh://studio/w"))
SLEEPS = FORGE.replace(
    "goal: Route.\n", "goal: Route.\n  stages: [{name: train, argv: [sleep, '60']}]\n"
)


def test_the_first_that_is_free_takes_it_and_nobody_after_it_is_asked() -> None:
    asked = []

    def offers() -> Iterator[tuple[Place, Offer]]:
        for place, runs in ((HERE, ("a",)), (MINI, FREE), (STUDIO, FREE)):
            asked.append(place)
            yield place, Offer(runs, {})

    assert choose(offers()) == (MINI, Offer(FREE, {}))
    assert asked == [HERE, MINI]
    assert choose([]) is None


@pytest.mark.parametrize(
    ("runs", "taken"),
    [
        ((("a",), ("b",), ("c",)), HERE),
        ((("a", "b"), ("c",), ("d",)), MINI),
        ((("a", "b"), ("c", "d"), ("e",)), STUDIO),
    ],
)
def test_where_none_is_free_the_shortest_line_is_taken(
    runs: tuple[tuple[str, ...], ...], taken: Place
) -> None:
    found = choose(
        (place, Offer(one, {})) for place, one in zip((HERE, MINI, STUDIO), runs, strict=True)
    )
    assert found is not None
    assert found[0] == taken


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ({"a": "1", "b": "2"}, None),
        ({"a": "1"}, "its target t lacks b"),
        ({"a": "1", "b": "3"}, "its target t has another b"),
        ({"a": "1", "b": "2", "c": "3"}, "its target t has c, which is not here"),
        (None, "it has no target t"),
    ],
)
def test_a_difference_names_the_file(there: dict[str, str] | None, words: str | None) -> None:
    assert difference("t", {"a": "1", "b": "2"}, there) == words


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('hosts = "local"', "queue.hosts: Input should be a valid list"),
        ("hosts = [3]", "queue.hosts.0: Input should be a valid string"),
        ('hosts = ["mini"]', "'mini' is neither 'local' nor an address"),
        ('hosts = ["ssh://-oX/w"]', "no name of a machine"),
        ('hosts = ["ssh://mini"]', "names no workspace"),
        ('hosts = ["local", "local"]', "local is named twice"),
        ("host = []", "queue.host: Extra inputs"),
    ],
)
def test_a_bad_table_is_a_sentence(tmp_path: Path, table: str, words: str) -> None:
    (tmp_path / "factory.toml").write_text(f"[queue]\n{table}\n")
    with pytest.raises(SettingsError, match=words):
        places_of(tmp_path)


def test_what_is_made_in_a_target_does_not_say_what_it_is(tmp_path: Path) -> None:
    target = make_target(tmp_path)
    known = target_hashes(target)
    assert sorted(known) == [
        "dataset/breadth.jsonl",
        "dataset/gold.jsonl",
        "forge.yaml",
        "generator.py",
    ]
    (target / "output").mkdir()
    (target / "output" / "weights").write_text("w")
    (target / ".hidden").write_text("h")
    os.mkfifo(target / "pipe")
    assert target_hashes(target) == known


def test_damaged_lines_of_what_was_sent_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one = Sent.model_validate({"run": "r", "target": "t", "address": "ssh://h/w", "when": time()})
    write_down(tmp_path, one)
    with (tmp_path / ".factory" / "queue" / "sent.jsonl").open("ab") as file:
        file.write(b'{"run": \xff\n[]\n\n')
    write_down(tmp_path, one.model_copy(update={"address": "http://h/w"}))
    write_down(tmp_path, one.model_copy(update={"run": "../r"}))
    assert [(line.run, status) for line, _, status in going_on(tmp_path)] == [
        ("r", None),
        ("../r", None),
    ]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Line]]:
    """What is opened on the way, ended with the test."""
    opened: list[Line] = []
    really = opening.open_copy

    def open_copy(text: str) -> Line:
        opened.append(really(text))
        return opened[-1]

    monkeypatch.setattr(opening, "open_copy", open_copy)
    yield opened
    for line in opened:
        line.stop()


def test_a_run_goes_past_the_busy_the_away_and_the_different_to_the_free(
    tmp_path: Path,
    elsewhere: Elsewhere,
    lines: list[Line],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake = script(
        tmp_path / "ssh-to-some",
        'case "$*" in *me@away*) echo "no route" >&2; exit 255;; esac\n'
        f'exec "{tmp_path / "ssh"}" "$@"',
    )
    monkeypatch.setenv("FACTORY_SSH", str(fake))
    here, other, mini = (Workspace(tmp_path / name) for name in ("here", "other", "mini"))
    for one in (here, other, mini):
        make_target(one.path, SLEEPS)
        one.runs_dir.mkdir()
    agree_to(mini, programs_of(mini, load_target(mini.targets_dir / "tiny")))
    (other.targets_dir / "tiny" / "dataset" / "gold.jsonl").write_text("{}\n")
    hosts = ["local", "ssh://me@away/w", f"ssh://other{other.path}", f"ssh://me@mini{mini.path}"]
    (here.path / "factory.toml").write_text(f"[queue]\nhosts = {hosts}\n")
    me = identify(os.getpid())
    assert me is not None
    busy = queue.Place(here.path, here.runs_dir / "2026-01-01-busy", me)
    busy.ask()

    with sent(here, here.targets_dir / "tiny", [], None, None) as path:
        pass

    said = capsys.readouterr().err
    assert path is not None, said
    try:
        assert "away is skipped: me@away cannot be reached (no route)" in said
        assert "other is skipped: its target tiny has another dataset/gold.jsonl." in said
        assert f"{path.name} runs at {hosts[-1]}" in said
        assert here.run_names() == other.run_names() == []
        assert before(mini) == (path.name,)  # so the next one finds it busy
        _wait_for(path)  # whoever follows it does not take it for one that has ended
        assert summarise(path).liveness in ("running", "waiting")
        tell_sent(here)
        told = capsys.readouterr().err
        assert told.startswith(f"on mini: {path.name}, ")
        assert f"factory-tui watch {path.name} -w {hosts[-1]}" in told
        assert option_for(path) == f" -w {hosts[-1]}"
    finally:
        cancel(mini.runs_dir / path.name, wait_s=20.0)
    until(lambda: going_on(here.path) == [])
    busy.leave()
    with sent(here, here.targets_dir / "tiny", [], None, None) as path:  # free here: nobody asked
        assert path is None
    assert capsys.readouterr().err == ""


def test_no_machine_that_can_take_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACTORY_SSH", str(script(tmp_path / "ssh", "exit 255")))
    here = Workspace(tmp_path / "here")
    target = make_target(here.path)
    with pytest.raises(typer.Exit), sent(here, target, [], None, None):
        pass
    assert "names no machines to choose from" in capsys.readouterr().err
    (here.path / "factory.toml").write_text('[queue]\nhosts = ["ssh://away/w"]\n')
    with pytest.raises(typer.Exit), sent(here, target, [], None, None):
        pass
    said = capsys.readouterr().err
    assert "away is skipped" in said
    assert "No machine of [queue] hosts can take it" in said


def test_a_machine_that_greets_and_then_says_nothing_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    greets = f"echo '{json.dumps({'factory-tui': travelling.PROTOCOL})}'; exec sleep 60"
    monkeypatch.setenv("FACTORY_SSH", str(script(tmp_path / "ssh", greets)))
    monkeypatch.setattr(sending, "OFFER_S", 0.3)
    make_target(tmp_path)
    skipped: list[str] = []
    assert list(sending.offers(Workspace(tmp_path), [MINI], "tiny", skipped.append)) == []
    assert len(skipped) == 1
    assert "mini is skipped: mini cannot be reached" in skipped[0]
