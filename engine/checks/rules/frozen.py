"""What was frozen when the run was created, and may not change afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error, warning
from engine.checks.outside import SCORER_FILE, helper_files

_RULE_FIX = "Put the old value back; to judge by another one, make a new run."


def first_event(contents: RunContents) -> Iterator[Finding]:
    """A run of ours says in its first event what was frozen."""
    if contents.ours and contents.events is not None and contents.frozen is None:
        yield error(
            "frozen-missing",
            "events.jsonl",
            "",
            "The first event is not run-created, so nothing shows which bounds, suites and plan "
            "were set before the scores were known.",
            "Restore events.jsonl from a copy.",
        )


def witness(contents: RunContents) -> Iterator[Finding]:
    """The first event is the one that stood there when the run started."""
    noted = contents.provenance.frozen_sha256 if contents.provenance else None
    now = contents.events.first_sha256 if contents.events else None
    if noted is not None and now is not None and noted != now:
        yield error(
            "frozen-changed",
            "events.jsonl",
            "",
            "The first event is not the one that stood there when the run started: the bounds, "
            "suites or plan that it says were frozen were set afterwards.",
            "Restore events.jsonl from a copy; to judge by another bound, make a new run.",
            line=1,
        )


def threshold(contents: RunContents) -> Iterator[Finding]:
    """The bounds are those that were set before the data was ready."""
    frozen, config = contents.frozen, contents.config
    if frozen is None or config is None:
        return
    now = config.eval.threshold.model_dump(mode="json")
    for key in sorted(now.keys() | frozen.threshold.keys()):
        before, after = frozen.threshold.get(key), now.get(key)
        if before != after:
            yield error(
                "threshold-changed",
                "config.json",
                f"/eval/threshold/{key}",
                f"The bound {key} is {_shown(after)}; when the run was created it was "
                f"{_shown(before)}. A bound that moves after the fact proves nothing.",
                f"Set {key} back to {_shown(before)}; to judge by another bound, make a new run.",
            )


def _shown(value: Any) -> str:
    return "not set" if value is None else f"{value}"


def plan(contents: RunContents) -> Iterator[Finding]:
    """plan.json is byte for byte the one that the run was created with."""
    frozen, document = contents.frozen, contents.document("plan.json")
    if frozen is None or document.sha256 is None:
        return
    if document.sha256 != frozen.plan_sha256:
        yield error(
            "plan-changed",
            "plan.json",
            "",
            "plan.json is not the one that the run was created with.",
            "Restore plan.json from a copy; for another plan, make a new run.",
        )


def suites(contents: RunContents) -> Iterator[Finding]:
    """The suites are those that were frozen: in the config, on disk, and in what was measured."""
    frozen, config = contents.frozen, contents.config
    if config is None:
        return
    hashes = contents.suite_hashes
    if frozen is not None and config.eval.suites != frozen.suites:
        changed = sorted(
            name
            for name in config.eval.suites.keys() | frozen.suites.keys()
            if config.eval.suites.get(name) != frozen.suites.get(name)
        )
        yield error(
            "suite-changed",
            "config.json",
            "/eval/suites",
            f"The config names another version of {', '.join(changed)} than was frozen when the "
            "run was created.",
            _RULE_FIX,
        )
    for name, wanted in hashes.items():
        yield from _on_disk(contents, name, wanted)
    for file, record in contents.evals.items():
        expected = hashes.get(record.suite)
        if expected and record.suite_sha256 and record.suite_sha256 != expected:
            yield error(
                "suite-changed",
                file,
                "/suite_sha256",
                f"{file} was measured on another version of {record.suite} than was frozen.",
                "Restore the suite's file and make the run again.",
            )


def primary(contents: RunContents) -> Iterator[Finding]:
    """What the plan measures as primary, and which way is better, is what the config says."""
    config = contents.config
    for suite in contents.planned_suites:
        if config is None or suite.get("role") != "primary":
            continue
        for key, pointer, said in (
            ("name", "/eval/primary", config.eval.primary),
            ("direction", "/eval/direction", config.eval.direction),
        ):
            planned = suite.get(key)
            if isinstance(planned, str) and planned != said:
                yield error(
                    "primary-changed",
                    "config.json",
                    pointer,
                    f"The config says {said} where the plan, frozen when the run was created, "
                    f"says {planned}.",
                    _RULE_FIX,
                )


def _on_disk(contents: RunContents, name: str, wanted: str) -> Iterator[Finding]:
    file = contents.suite_files.get(name)
    fact = contents.fact(file) if file else None
    if file is None or fact is None or contents.outside.target_dir is None:
        return
    if fact.escapes:
        yield error(
            "file-outside",
            "plan.json",
            "",
            f"The suite {name} ({file}) lies outside its target.",
            "Put the suite's file into the target's folder and make a new run.",
        )
    elif not fact.exists:
        yield warning(
            "suite-missing",
            "plan.json",
            "",
            f"The file of the suite {name} ({file}) is no longer in the target.",
            f"Restore {file}; without it the scores cannot be measured again.",
        )
    elif fact.sha256 is not None and fact.sha256 != wanted:
        yield _changed(contents)(
            "suite-changed",
            "config.json",
            f"/eval/suites/{name.replace('~', '~0').replace('/', '~1')}",
            f"The suite {name} ({file}) changed since the run was created.",
            f"Restore {file}; to measure on the new version, make a new run.",
        )


def _changed(contents: RunContents) -> Callable[..., Finding]:
    """How bad it is that the target moved on: an error until the run is decided. After that the
    decision stands on what was measured, with the frozen hash."""
    decided = contents.decision is not None and not contents.deciding
    return warning if decided else error


def helpers(contents: RunContents) -> Iterator[Finding]:
    """The databases and the scorer.py that scored are on disk as they were."""
    seen = set()
    for file, record in contents.evals.items():
        for name, digest in helper_files(record, contents.suite_files).items():
            fact = contents.fact(name)
            if name in seen or fact is None or fact.sha256 in (None, digest):
                continue
            seen.add(name)
            pointer = "/scorer_sha256" if name == SCORER_FILE else "/databases"
            yield _changed(contents)(
                "ruler-changed",
                file,
                pointer,
                f"{name} changed since {record.suite} was measured with it: the same answers may "
                "get other scores now.",
                f"Restore {name}; to measure with the new one, make a new run.",
            )
