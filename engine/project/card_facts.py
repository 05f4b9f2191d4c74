"""What the card of a target's best adapter says, read from its records."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.comparing.difference import difference
from engine.comparing.evidence import RunEvidence, read_evidence
from engine.comparing.scored import SuiteScore
from engine.loops.flywheel.canonical import CanonicalError, Line, read_lines
from engine.project.failed import DEV_SUITE, config_of, object_in, runs_of
from engine.project.output import Best, experiments_in, moment, text, whole
from engine.publish.model_card import CardFacts, Result, method_of
from engine.target import Target
from engine.workspace import Workspace

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def card_facts(target: Target, workspace: Workspace | None, best: Best) -> CardFacts:
    """The facts of the best adapter's card."""
    run = next((one for one in runs_of(workspace, target.path) if one.name == best.run), None)
    gold_run = None if run is None else _gold_run(target, workspace, run)
    config = config_of(run) if run is not None else {}
    evidence = read_evidence(run).with_rows() if run is not None else None
    opened = read_evidence(gold_run).with_rows() if gold_run is not None else None
    primary = _result(evidence)
    on_dev = config.get("eval", {}).get("primary") == DEV_SUITE
    decided = _decided(gold_run) or _decided(run)
    lines = _trained_on(target, moment(config.get("created")))
    base, is_hub = base_name(target, config)
    return CardFacts(
        name=target.name,
        goal=target.forge.factory.goal,
        base=base,
        base_on_hub=is_hub,
        method=method_of(config),
        train_rows=_train_rows(run),
        origins=Counter(line.kind for line in lines),
        writers=Counter(line.origin.by for line in lines if line.origin is not None),
        dev=primary if on_dev else None,
        gold=_result(opened) if opened else None if on_dev else primary,
        others=_others(opened or evidence),
        recorded=best.accuracy,
        run=best.run,
        decision=text(decided.get("decision")),
        routing=_routing(gold_run) or _routing(run),
        limits=tuple(_limits(target, best, on_dev)),
    )


def base_name(target: Target, config: dict[str, Any]) -> tuple[str, bool]:
    """What a reader elsewhere calls the base model, and whether the hub has it by that name."""
    name = target.forge.model.base
    if HUB_ID.fullmatch(name) and not (target.path / name).exists() and not Path(name).exists():
        return name, True
    model = config.get("base_model")
    shown = text(model.get("id")) if isinstance(model, dict) else None
    # A path says something of this machine and nothing of the model.
    return Path(shown or name).name or target.name, False


def _gold_run(target: Target, workspace: Workspace | None, run: Path) -> Path | None:
    """The newest run that opened gold for this candidate."""
    for other in runs_of(workspace, target.path):
        config = config_of(other)
        if config.get("parent_run_id") == run.name and config["eval"].get("opens"):
            return other
    return None


def _result(evidence: RunEvidence | None) -> Result | None:
    if evidence is None or evidence.primary is None:
        return None
    return _held(evidence.primary_base, evidence.primary)


def _others(evidence: RunEvidence | None) -> tuple[Result, ...]:
    if evidence is None:
        return ()
    before = {one.suite: one for one in evidence.base}
    return tuple(
        _held(before.get(one.suite), one) for one in evidence.scores if one.role != "primary"
    )


def _held(before: SuiteScore | None, after: SuiteScore) -> Result:
    return Result(
        suite=after.suite,
        n=after.n,
        base=before.score if before else None,
        base_interval=before.interval if before else None,
        tuned=after.score,
        tuned_interval=after.interval,
        told=difference(before, after).reason if before else "",
    )


def _train_rows(run: Path | None) -> int | None:
    counts = object_in(run / "dataset.json").get("counts") if run is not None else None
    return (whole(counts.get("train_rows")) or None) if isinstance(counts, dict) else None


def _trained_on(target: Target, began: datetime | None) -> list[Line]:
    """Canonical's rows, without those that were added after the run had begun."""
    name = target.forge.dataset.canonical
    try:
        lines = read_lines(target.file(name)) if name else []
    except CanonicalError:
        return []

    def was_there(line: Line) -> bool:
        added = line.origin.added if line.origin else None
        return added is None or began is None or added <= began

    return [line for line in lines if line.row is not None and was_there(line)]


def _decided(run: Path | None) -> dict[str, Any]:
    return object_in(run / "decision.json") if run is not None else {}


def _routing(run: Path | None) -> str | None:
    return text(object_in(run / "artifact.json").get("routing_constraint")) if run else None


def _limits(target: Target, best: Best, on_dev: bool) -> list[str]:
    found = []
    tries = len(experiments_in(target.path))
    if on_dev and tries > 1:
        found.append(
            f"It was chosen among {tries} iterations by its score on dev, which flatters that "
            "score. Gold played no part in the choice."
        )
    if best.run is None:
        found.append("It was not trained or judged by a run that is on record here.")
    if best.safety_violations:
        found.append(f"{best.safety_violations} answers held a forbidden command.")
    if best.forced:
        found.append(f"It was promoted against the rule: {best.forced}")
    if target.forge.eval.forbidden_commands and best.safety_violations is None:
        found.append("Whether its answers hold forbidden commands is not recorded.")
    return found
