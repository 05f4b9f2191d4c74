"""What a run folder says that a comparison needs: settings, scores, rows, where it comes from.

Reads plain JSON and forgives what is wrong with it: a comparison must open with a broken run in
it, and says "not recorded" there. What is wrong with a folder is for the checks to say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.catalogue.summary import RunSummary, summarise
from engine.comparing.scored import SuiteScore, number, suite_score
from engine.comparing.settings import Settings, settings_of
from engine.plain_file import read_plain

PRIMARY = "eval-candidate.json"
BASE = "eval-baseline.json"
_MAX_RECORD = 4 * 2**20
_MAX_EVALS = 64


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """One run. ``scores`` are the candidate's, ``base`` those of the model before training.

    Suites stand in the order primary, then regression suites by file name; two records of one
    suite count once. ``train_s`` is the time from start to end of the training stages, seconds.
    """

    run_id: str
    path: Path
    summary: RunSummary
    settings: Settings = field(default_factory=dict)
    scores: tuple[SuiteScore, ...] = ()
    base: tuple[SuiteScore, ...] = ()
    hypothesis: str | None = None
    """What the run was to find out, where its config says so."""
    train_s: float | None = None

    @property
    def primary(self) -> SuiteScore | None:
        """The candidate's score on the primary suite."""
        return next((one for one in self.scores if one.role == "primary"), None)

    @property
    def primary_base(self) -> SuiteScore | None:
        """The base model's score on the primary suite."""
        return next((one for one in self.base if one.role == "primary"), None)

    def score_on(self, suite: str) -> SuiteScore | None:
        """The candidate's score on a suite by its name."""
        return next((one for one in self.scores if one.suite == suite), None)

    def with_rows(self) -> RunEvidence:
        """The same with every suite's rows read."""
        return replace(
            self,
            scores=tuple(one.read_rows(self.path) for one in self.scores),
            base=tuple(one.read_rows(self.path) for one in self.base),
        )


def read_evidence(path: Path, summary: RunSummary | None = None) -> RunEvidence:
    """The evidence of a run folder, without the rows; never raises for what its files hold."""
    summary = summary or summarise(path)
    config, dataset = _read(path / "config.json"), _read(path / "dataset.json")
    hypothesis = config.get("hypothesis")
    candidate, base = _scores(path, summary.direction)
    return RunEvidence(
        run_id=path.name,
        path=path,
        summary=summary,
        settings=settings_of(config, dataset),
        scores=candidate,
        base=base,
        hypothesis=hypothesis[:2_000] if isinstance(hypothesis, str) and hypothesis else None,
        train_s=_train_s(_read(path / "run-status.json"), _read(path / "plan.json")),
    )


def _scores(path: Path, direction: str) -> tuple[tuple[SuiteScore, ...], tuple[SuiteScore, ...]]:
    """The candidate's scores and the base model's."""
    try:
        names = sorted(entry.name for entry in path.glob("eval-*.json"))[:_MAX_EVALS]
    except OSError:
        names = []
    found: dict[bool, dict[str, SuiteScore]] = {True: {}, False: {}}
    # The primary suite first: "eval-candidate" sorts before "eval-regression".
    for name in names:
        if "candidate" not in name and "baseline" not in name:
            continue
        score = suite_score(name, _read(path / name), direction)
        if score is not None:
            found["candidate" in name].setdefault(score.suite, score)
    return tuple(found[True].values()), tuple(found[False].values())


def _train_s(status: dict[str, Any], plan: dict[str, Any]) -> float | None:
    """Seconds of the training stages, from their first start to their end."""
    stages = plan.get("stages")
    named = {
        stage.get("name"): stage.get("kind")
        for stage in (stages if isinstance(stages, list) else ())
        if isinstance(stage, dict) and isinstance(stage.get("name"), str)
    }
    recorded = status.get("stages")
    total = 0.0
    found = False
    for name, stage in (recorded if isinstance(recorded, dict) else {}).items():
        if named.get(name, name) != "train" or not isinstance(stage, dict):
            continue
        began, ended = _moment(stage.get("started")), _moment(stage.get("ended"))
        # A stage that was started anew counts what happened between its attempts: not its work.
        once = number(stage.get("attempts")) in (None, 1.0)
        if began is None or ended is None or ended < began or not once:
            return None
        total, found = total + (ended - began).total_seconds(), True
    return total if found else None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_plain(path, _MAX_RECORD))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
