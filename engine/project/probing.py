"""Probes: open questions that a model answers, and how much of the ideal answer each one says.

The questions are ``dataset/probe.jsonl`` (``{"question", "ideal"}``). They show what a model knows,
before and after it read something; nothing is trained on them and nothing is decided by them.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.evaluating.against import AgainstError, read_evaluation
from engine.evaluating.local import Heard, LocalModel, evaluate_here
from engine.evaluating.places import new_folder
from engine.evaluating.wanted import Wanted, WantedSuite
from engine.folder import write_json_atomic
from engine.judge.leakage import normalise
from engine.judge.suites import SuiteError, load_suite
from engine.judge.teacher import SCALE, TeacherSettings
from engine.loops.asking import Asking
from engine.loops.flywheel.writing import brief_of
from engine.project.output import OUTPUT
from engine.records.base import utc_now
from engine.records.evaluation import RowResult
from engine.target import Target
from engine.teaching.blocking import with_teacher
from engine.teaching.errors import TeachingError
from engine.teaching.reading import Misfit
from engine.teaching.teacher import Teacher
from engine.workspace import Workspace

FILE = "dataset/probe.jsonl"
SUITE = "probe"
OVERLAP = "overlap"
"""Who judges, where no teacher does: the share of the ideal answer's words that came."""

MAX_TAG = 40

_TAG = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_TAG - 1}}}")
_WORD = re.compile(r"\w+", re.UNICODE)


class ProbeError(Exception):
    """There is no probe; the text says why."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A score from 0 to 3, None where nobody gave one, and why."""

    score: float | None
    reasoning: str


@dataclass(frozen=True, slots=True)
class Probed:
    """The file that was written, and what it holds."""

    path: Path
    content: dict[str, Any]


def check_tag(tag: str) -> None:
    """ProbeError where a tag is none: it becomes a part of a file's name."""
    if not _TAG.fullmatch(tag):
        raise ProbeError(
            f"{tag[:60]!r} is no tag: letters, digits, '.', '_' and '-', at most {MAX_TAG}."
        )


def answers(
    target: Target, workspace: Workspace, model: LocalModel, tag: str, command: str, heard: Heard
) -> tuple[list[RowResult], float]:
    """The model's answers to the questions, by the ordinary eval worker, and the seconds it took.

    The target's system prompt is left out: it asks for the target's form. ProbeError; LocalError.
    """
    wanted = _questions(target)
    folder = new_folder(workspace, SUITE, tag)
    evaluate_here(workspace, model, wanted, folder, command, heard)
    try:
        record, rows = read_evaluation(folder / f"eval-{SUITE}.json")
    except AgainstError as error:
        raise ProbeError(str(error)) from error
    return rows, record.duration_s or 0.0


def _questions(target: Target) -> Wanted:
    path = target.file(FILE)
    if not path.is_file():
        raise ProbeError(
            f'{target.path.name}/{FILE} is missing. It holds lines like {{"question": "…", '
            '"ideal": "…"}.'
        )
    try:
        suite = load_suite(path, SUITE, "exact")
    except SuiteError as error:
        raise ProbeError(str(error)) from error
    one = WantedSuite(suite, path, target.path)
    return Wanted(SUITE, (one,), target.forge.eval.max_new_tokens, (), target)


def judge_by_overlap(rows: Sequence[RowResult]) -> list[Judged]:
    """3 for all words of the ideal answer, 2 for two thirds of them, 1 for one third, 0 for less.

    Words count, not what they say: good for telling runs of one probe apart, and for nothing else.
    """
    found = []
    for row in rows:
        ideal, got = _words(row.expected), _words(row.got)
        share = len(ideal & got) / len(ideal) if ideal else 0.0
        exact = normalise(row.expected) == normalise(row.got)
        score = 3.0 if exact else float(math.floor(SCALE * share + 1e-9))
        said = "the ideal answer" if exact else f"{share:.0%} of the ideal answer's words"
        found.append(Judged(score, f"No teacher judged: {said}."))
    return found


def _words(text: str) -> set[str]:
    return set(_WORD.findall(normalise(text)))


def judge_by_teacher(target: Target, rows: Sequence[RowResult], asking: Asking) -> list[Judged]:
    """What a teacher gives, asked as the scorer ``judge`` asks. A row that it gives nothing for has
    no score. TeachingError where it gives none at all; ProbeError where a question is a gold one.
    """
    gold = brief_of(target).gold
    if held := [row.id for row in rows if gold.is_in(row.prompt)]:
        raise ProbeError(
            f"{FILE}: the example {held[0]} asks what a held-out row asks. Held-out rows are never "
            "shown to a teacher: take it out, or judge with --overlap."
        )
    asking.ledger.parent.mkdir(parents=True, exist_ok=True)

    async def judge(teacher: Teacher) -> list[Judged]:
        every = await asyncio.gather(
            *(_verdict(teacher, row) for row in rows), return_exceptions=True
        )
        failed = [one for one in every if isinstance(one, BaseException)]
        if bad := next((one for one in failed if not isinstance(one, TeachingError)), None):
            raise bad
        if failed and len(failed) == len(every):
            raise failed[0]
        return [one if isinstance(one, Judged) else Judged(None, str(one)) for one in every]

    return with_teacher(
        asking.teacher,
        asking.ledger,
        judge,
        workspace=asking.workspace,
        target=target.path,
        budget=asking.budget,
        check=asking.check,
    )


async def _verdict(teacher: Teacher, row: RowResult) -> Judged:
    if not row.got.strip():
        return Judged(0.0, "The answer is empty.")
    question = TeacherSettings("", "").question(row.prompt, row.expected, row.got)
    return (await teacher.ask(question, _read_verdict, purpose="probe")).value


def _read_verdict(value: Any) -> Judged:
    if not isinstance(value, dict) or "score" not in value:
        raise Misfit('a verdict is one object with "score" and "reason"')
    score, reason = value["score"], value.get("reason")
    if isinstance(score, str):
        try:
            score = float(score)
        except ValueError as error:
            raise Misfit(f"the score {score[:20]!r} is no number") from error
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= SCALE:
        raise Misfit(f"the score is no number from 0 to {SCALE:g}")
    return Judged(float(score), " ".join(reason.split())[:300] if isinstance(reason, str) else "")


def write_probe(
    target: Target,
    tag: str,
    model: str,
    adapter: str | None,
    rows: Sequence[RowResult],
    judged: Sequence[Judged],
    judge: str,
    seconds: float,
    now: datetime | None = None,
) -> Probed:
    """``output/probe_<tag>_<time>.json`` in its grown form. ``pct_correct``: percent of the judged
    that have the best score. OSError when it cannot be written."""
    now = now or utc_now()
    scores = [one.score for one in judged if one.score is not None]
    content = {
        "tag": tag,
        "timestamp": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "model": model,
        "adapter": adapter,
        "total": len(rows),
        "mean_score": round(math.fsum(scores) / len(scores), 4) if scores else None,
        "max_score": SCALE,
        "pct_correct": round(100 * scores.count(SCALE) / len(scores), 2) if scores else None,
        "elapsed_min": round(seconds / 60, 3),
        "judge": judge,
        "judged": len(scores),
        "results": [
            {
                "question": row.prompt,
                "ideal": row.expected,
                "model_answer": row.got,
                "score": one.score,
                "judge_reasoning": one.reasoning,
            }
            for row, one in zip(rows, judged, strict=True)
        ],
    }
    output = target.path / OUTPUT
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"probe_{tag}_{now:%Y%m%d_%H%M%S}.json"
    write_json_atomic(path, content)
    return Probed(path, content)
