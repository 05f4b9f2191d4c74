from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.checks.finding import Finding, Severity
from engine.publish.package.checking import check_package
from engine.publish.package.loading import NotLoaded, models_of
from engine.publish.package.making import make_package
from engine.publish.package.there import package_at
from engine.records.package import SpecialistLock
from engine.workspace import Workspace
from tests.engine.folders import REJECT, make_shipped, put, sha256, witness, write_json
from tests.shared import made_once

LOCK = "specialist.lock.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one package."""

    def make(folder: Path) -> None:
        run = make_shipped(folder)
        witness(run)
        make_package(Workspace(folder), run)

    return made_once(tmp_path_factory, "a-package", make)


@pytest.fixture
def package(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "here", symlinks=True)
    return tmp_path / "here" / "specialists" / "router"


def errors(package: Path) -> list[tuple[str, str, str]]:
    return [
        (one.rule, one.file, one.pointer)
        for one in check_package(package)
        if one.severity is Severity.ERROR
    ]


def run_of(package: Path) -> Path:
    return next((package.parent.parent / "runs").iterdir())


def test_a_whole_package_has_no_error_and_says_what_is_not_here(package: Path) -> None:
    found = check_package(package)
    assert [(one.rule, one.severity) for one in found] == [("package-base", Severity.WARNING)]
    assert "router/tiny is not on this disk" in found[0].message


def _empty(name: str) -> Callable[[Path], None]:
    return lambda package: (package / name).write_text("  \n") and None


def _gone(name: str) -> Callable[[Path], None]:
    return lambda package: (package / name).unlink()


def _card_without(words: str) -> Callable[[Path], None]:
    def change(package: Path) -> None:
        card = package / "model_card.md"
        text = card.read_text("utf-8")
        start = text.index(f"## {words}\n") + len(f"## {words}\n")
        end = text.index("\n## ", start)
        card.write_text(text[:start] + text[end:], "utf-8")
        put(package / LOCK, "/files/model_card.md", sha256(card))

    return change


def _score(package: Path) -> None:
    """A number that somebody made better, with its hash."""
    report = package / "eval_report.json"
    put(report, "/records/eval-candidate.json/score", 1.0)
    put(package / LOCK, "/files/eval_report.json", sha256(report))


def _record(package: Path) -> None:
    put(run_of(package) / "eval-candidate.json", "/latency_ms", 99.0)


def _adapter(package: Path) -> None:
    (run_of(package) / "adapters" / "adapters.safetensors").write_bytes(b"others")


def _decision(package: Path) -> None:
    write_json(run_of(package) / "decision.json", REJECT)


def _home(package: Path) -> None:
    prompt = package / "prompt.md"
    prompt.write_text(prompt.read_text("utf-8") + "See /home/somebody/x.\n", "utf-8")
    put(package / LOCK, "/files/prompt.md", sha256(prompt))


CASES: dict[str, tuple[Callable[[Path], None], tuple[str, str, str]]] = {
    "a part is missing": (_gone("prompt.md"), ("package-part", "prompt.md", "")),
    "a part is empty": (_empty("report.md"), ("package-part", "report.md", "")),
    "no limits on the card": (_card_without("Limits"), ("package-part", "model_card.md", "")),
    "edited": (
        lambda package: (package / "prompt.md").write_text("Ask nicely.\n") and None,
        ("package-edited", "prompt.md", ""),
    ),
    "no lock": (_gone(LOCK), ("package-lock", LOCK, "")),
    "a lock that is cut off": (
        lambda package: (package / LOCK).write_text('{"id": "ro') and None,
        ("package-lock", LOCK, ""),
    ),
    "a lock without a run": (
        lambda package: put(package / LOCK, "/run_id", ""),
        ("package-lock", LOCK, "/run_id"),
    ),
    "another name": (lambda package: put(package / LOCK, "/id", "x"), ("package-id", LOCK, "/id")),
    "a number made better": (
        _score,
        ("package-numbers", "eval_report.json", "/records/eval-candidate.json/score"),
    ),
    "a record that changed": (
        _record,
        ("package-numbers", "eval_report.json", "/records/eval-candidate.json/latency_ms"),
    ),
    "other weights": (
        _adapter,
        ("package-weights", LOCK, "/weights/files/adapters.safetensors"),
    ),
    "decided otherwise": (_decision, ("package-decision", LOCK, "/decision_sha256")),
    "weights out of the workspace": (
        lambda package: put(package / LOCK, "/weights/path", "../.."),
        ("package-weights", LOCK, "/weights/path"),
    ),
    "somebody's home": (_home, ("package-private", "prompt.md", "")),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_has_its_finding(package: Path, name: str) -> None:
    change, expected = CASES[name]
    change(package)
    found = check_package(package)
    assert expected in errors(package)
    assert all(one.message and one.fix for one in found)


def test_weights_that_the_lock_does_not_know_are_pointed_at(package: Path) -> None:
    (package / "more.safetensors").write_bytes(b"x")
    assert _warned(check_package(package), "package-weights", "more.safetensors")


def test_without_its_run_the_numbers_are_not_held_against_anything(package: Path) -> None:
    shutil.rmtree(package.parent.parent / "runs")
    found = check_package(package)
    assert errors(package) == []
    assert _warned(found, "package-run", LOCK)
    assert _warned(found, "package-weights", LOCK)


def _warned(found: list[Finding], rule: str, file: str) -> bool:
    return any(
        (one.rule, one.file, one.severity) == (rule, file, Severity.WARNING) for one in found
    )


def test_what_is_not_on_this_disk_cannot_be_asked(package: Path) -> None:
    workspace = Workspace(package.parent.parent)
    lock = _lock(package)
    with pytest.raises(NotLoaded, match="base model router/tiny") as caught:
        models_of(workspace, lock)
    assert not caught.value.here
    put(package / LOCK, "/weights/path", "runs/none")
    with pytest.raises(NotLoaded, match="weights are not on this disk") as caught:
        models_of(workspace, _lock(package))
    assert not caught.value.here
    put(package / LOCK, "/weights/path", "../../..")
    with pytest.raises(NotLoaded, match="out of the workspace") as caught:
        models_of(workspace, _lock(package))
    assert caught.value.here
    put(package / LOCK, "/weights/path", lock.weights.path)
    _adapter(package)
    with pytest.raises(NotLoaded, match="not what was locked"):
        models_of(workspace, _lock(package))


def _lock(package: Path) -> SpecialistLock:
    found = package_at(package)
    assert found is not None and found.lock is not None
    return found.lock
