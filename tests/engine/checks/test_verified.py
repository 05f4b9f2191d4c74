"""Verified: each link is traced to a measurement, or says why it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.checks.contents import load
from engine.checks.verified import Link, Verified, verify
from tests.engine import folders
from tests.engine.checks import test_tampering
from tests.engine.folders import edit, put
from tui.views.evidence_view import verified_words

LINKS = [
    "frozen",
    "frozen first",
    "gold",
    "as measured",
    "score from rows",
    "rows of the suite",
    "scored again",
    "one ruler",
    "model",
    "data",
    "leakage",
]


def links(run: Path) -> dict[str, Link]:
    return {link.name: link for link in verify(load(run)).links}


def broken(run: Path) -> set[str]:
    return {name for name, link in links(run).items() if not link.ok}


def decided(workspace: Path) -> Path:
    """A run that was shipped when everything had been noted."""
    run = test_tampering.make(workspace)
    folders.write_json(run / "decision.json", folders.SHIP | {"decided": folders.time(10)})
    folders.artifact(run)
    put(run / "run-status.json", "/phase", "decided")
    (run / "report.md").write_text("# x\n", "utf-8")
    return run


def test_a_run_with_everything_noted_is_verified(tmp_path: Path) -> None:
    run = test_tampering.make(tmp_path)
    found = verify(load(run))
    assert found.ok and found.reasons == ()
    assert [link.name for link in found.links] == LINKS
    assert found.sentence == "Verified: each of 11 links is traced to a measurement."
    assert "160 answers were scored again, with the same scores." in links(run)["scored again"].why


def test_a_shipped_run_has_links_for_decision_and_report(tmp_path: Path) -> None:
    run = decided(tmp_path)
    assert broken(run) == set()
    assert [*links(run)] == [*LINKS, "decision", "report"]
    assert "every gate passes" in links(run)["decision"].why


def test_verified_is_not_the_same_as_good(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, right=(20, 8))
    folders.witness(run)
    assert verify(load(run)).ok
    assert {str(gate.verdict) for gate in load(run).gates} != {"pass"}


def without(name: str, key: str) -> Callable[[Path], object]:
    return lambda run: edit(run / name, lambda record: record.pop(key) and None)


def not_noted(run: Path) -> None:
    """As a run of an earlier version: events have no hashes."""
    path = run / "events.jsonl"
    path.write_text(path.read_text("utf-8").replace('"sha256":', '"theirs":'), "utf-8")


def frozen_late(run: Path) -> None:
    put(run / "eval-baseline.json", "/date", "2020-01-01T00:00:00Z")


def value(name: str, pointer: str, new: Any) -> Callable[[Path], object]:
    return lambda run: put(run / name, pointer, new)


def unlink(name: str) -> Callable[[Path], object]:
    return lambda run: (run / name).unlink()


ABSENT: list[tuple[str, Callable[[Path], object], str]] = [
    ("frozen", without("provenance.json", "frozen_sha256"), "No hash of the first event"),
    ("frozen first", frozen_late, "eval-baseline.json was measured before the bounds"),
    ("frozen first", value("eval-candidate.json", "/date", "in May"), "is not recorded"),
    ("gold", without("eval-candidate.json", "suite_sha256"), "does not say which version"),
    ("as measured", not_noted, "No hash of eval-baseline.json was noted"),
    (
        "as measured",
        value("eval-baseline.json", "/historical", "a run of May"),
        "is not as it was measured",
    ),
    ("score from rows", without("eval-baseline.json", "rows_sha256"), "has no hash of its rows"),
    ("score from rows", unlink("rows-baseline.jsonl"), "rows-baseline.jsonl, which are not there"),
    ("one ruler", without("eval-baseline.json", "scorer"), "does not say what scored it"),
    ("model", without("provenance.json", "adapters"), "No hash of the adapter was noted"),
    ("data", unlink("dataset.json"), "What the model was trained on is not recorded"),
    ("data", value("dataset.json", "/sources/0/sha256", None), "canonical.jsonl has no hash"),
    ("decision", without("decision.json", "decided"), "When it was decided is not recorded"),
    (
        "decision",
        value("decision.json", "/decided", "2020-01-01T00:00:00Z"),
        "decided before eval-baseline.json was measured",
    ),
    ("report", unlink("report.md"), "report.md is missing"),
]


def _named(one: object) -> str | None:
    """A text as it is; a function has no name that is the same in every process."""
    return one[:40] if isinstance(one, str) else None


@pytest.mark.parametrize(("name", "change", "why"), ABSENT, ids=_named)
def test_what_was_not_noted_is_not_verified(
    tmp_path: Path, name: str, change: Callable[[Path], object], why: str
) -> None:
    run = decided(tmp_path)
    change(run)
    link = links(run)[name]
    assert not link.ok and why in link.why, link


def test_numbers_of_another_run_are_no_measurement_of_this_one(tmp_path: Path) -> None:
    run = test_tampering.make(tmp_path)
    put(run / "eval-baseline.json", "/historical", "a run of May")
    folders.witness(run)
    assert "it is taken from a run of May" in links(run)["as measured"].why


@pytest.mark.parametrize("name", test_tampering.CASES)
def test_whatever_is_changed_afterwards_is_not_verified(tmp_path: Path, name: str) -> None:
    run = decided(tmp_path)
    test_tampering.CASES[name][0](run)
    assert not verify(load(run)).ok


def test_weights_that_are_elsewhere_and_answers_that_cannot_be_scored_again_are_said(
    tmp_path: Path,
) -> None:
    run = folders.make_run(tmp_path)
    for name in ("eval-baseline.json", "eval-candidate.json"):
        put(run / name, "/scorer", "custom")
    folders.witness(run)
    (run / "adapters" / "adapters.safetensors").unlink()
    found = links(run)
    assert found["model"].ok and "not on this machine" in found["model"].why
    assert found["scored again"].ok
    assert "Not scored again: the scorer custom needs a scorer file." in found["scored again"].why


def test_another_tools_folder_says_why_it_is_not_verified(tmp_path: Path) -> None:
    found = verify(load(folders.make_foreign(tmp_path)))
    assert not found.ok and len(found.reasons) > 5
    assert isinstance(found, Verified) and all(link.why.endswith(".") for link in found.links)
    assert found.sentence.startswith("Not verified: ")


def test_an_empty_folder_has_nothing_to_trace(tmp_path: Path) -> None:
    (tmp_path / "runs" / "x").mkdir(parents=True)
    found = verify(load(tmp_path / "runs" / "x"))
    assert not any(link.ok for link in found.links)


def test_decide_says_what_breaks_in_full_and_names_the_rest(tmp_path: Path) -> None:
    run = test_tampering.make(tmp_path)
    words = verified_words(verify(load(run)))
    assert [ok for ok, _ in words] == [True, True]
    assert words[0][1].startswith("leakage: None of 80 gold prompts stands in 60 training rows")
    assert words[1][1].startswith("Traced: frozen, frozen first, gold, ")
    without("provenance.json", "adapters")(run)
    assert verified_words(verify(load(run)))[0] == (
        False,
        "model: No hash of the adapter was noted when its training ended.",
    )
