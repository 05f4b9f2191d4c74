"""Reads what Compare shows: which runs, their evidence, their families. For worker threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.catalogue.lineage import Family, Member, family, parents
from engine.catalogue.run_reader import all_runs
from engine.catalogue.summary import RunSummary
from engine.comparing.evidence import RunEvidence
from engine.comparing.reader import EvidenceReader, run_folder
from engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Choice:
    """The runs to compare, and a sentence about how they were chosen or which are missing."""

    runs: tuple[str, ...]
    said: str = ""


@dataclass(frozen=True, slots=True)
class Families:
    """The trees that the compared runs belong to, and the primary score of every run in them."""

    families: tuple[Family, ...] = ()
    scores: tuple[tuple[str, float | None], ...] = ()


def choose(workspace: Workspace, wanted: Sequence[str]) -> Choice:
    """The runs that were asked for; for one alone, it and its parent, or the best other of its
    target; for none, the newest and what belongs to it."""
    there: list[str] = []
    missing: list[str] = []
    for run in dict.fromkeys(wanted):
        (missing if run_folder(workspace, run) is None else there).append(run)
    said = f"Not in this workspace: {', '.join(missing)}." if missing else ""
    if len(there) > 1:
        return Choice(tuple(there), said)
    summaries = all_runs(workspace)
    by_id = {one.run_id: one for one in summaries}
    first = there[0] if there else next((one.run_id for one in summaries), None)
    if first is None or first not in by_id:
        return Choice(tuple(there), said)
    other, why = _other(by_id[first], by_id)
    if other is None:
        return Choice((first,), said or "There is no other run of this target to compare with.")
    return Choice((other, first), said or why)


def _other(run: RunSummary, known: dict[str, RunSummary]) -> tuple[str | None, str]:
    """What one run alone is compared with, and why that."""
    if run.parent_run_id in known and run.parent_run_id != run.run_id:
        return run.parent_run_id, "Compared with its parent."
    same = [
        one
        for one in known.values()
        if one.target == run.target and one.run_id != run.run_id and run.target
    ]
    scored = [one for one in same if one.primary_candidate is not None]
    if scored:
        sign = -1 if run.direction == "lower" else 1
        best = max(scored, key=lambda one: sign * (one.primary_candidate or 0.0))
        return best.run_id, "Compared with the best other run of its target."
    oldest = datetime.min.replace(tzinfo=UTC)
    newest = max(same, key=lambda one: one.created or oldest, default=None)
    return (newest.run_id, "Compared with the newest other run.") if newest else (None, "")


def load_evidence(reader: EvidenceReader, runs: Sequence[str]) -> tuple[RunEvidence, ...]:
    """The evidence of the runs with their rows, without those that are gone.

    A run whose files are as they were is the same object as before.
    """
    found = (reader.whole(run) for run in runs)
    return tuple(one for one in found if one is not None)


def load_families(workspace: Workspace, reader: EvidenceReader, runs: Sequence[str]) -> Families:
    """The families of the runs, each once, with what every child varied and did."""
    summaries = {one.run_id: one for one in all_runs(workspace)}
    bare = {run: Member(run, one.parent_run_id, one.created) for run, one in summaries.items()}
    root = _roots(bare)
    wanted = dict.fromkeys(root[run] for run in runs if run in root)
    members = {
        run: Member(run, one.parent, one.created, _settings(reader, run, summaries[run]))
        for run, one in bare.items()
        if root[run] in wanted
    }
    judge = reader.judge(reader.read)
    return Families(
        tuple(family(one, members, judge) for one in wanted),
        tuple((run, summaries[run].primary_candidate) for run in members),
    )


def _settings(
    reader: EvidenceReader, run: str, summary: RunSummary
) -> dict[str, str | int | float | bool | None]:
    found = reader.read(run, summary)
    return dict(found.settings) if found is not None else {}


def _roots(members: Mapping[str, Member]) -> dict[str, str]:
    """Every run's oldest ancestor; each link is walked once."""
    above = parents(members)
    found: dict[str, str] = {}
    for start in members:
        way = []
        at = start
        while at in above and at not in found:
            way.append(at)
            at = above[at]
        top = found.get(at, at)
        found.update((one, top) for one in (*way, start))
    return found
