"""The Performance section of a report: what answers cost, and what each stage did."""

from __future__ import annotations

from engine.checks.contents import RunContents
from engine.publish.markdown import escape, table
from engine.publish.numbers import duration, mebibytes
from engine.publish.performance import costs, samples
from engine.records.plan import StageKind
from engine.records.ranks import Ranks


def render(contents: RunContents) -> list[str]:
    """Time, tokens a second and memory, before and after, then stage by stage."""
    rows = [[one.name, one.baseline, one.candidate, one.delta] for one in costs(contents)]
    lines = ["## Performance", "", *table(["", "Baseline", "Candidate", "Delta"], rows, numbers=3)]
    for sentence in samples(contents):
        lines += ["", escape(sentence)]
    return [*lines, *_stages(contents)]


def _stages(contents: RunContents) -> list[str]:
    status = contents.status
    if status is None or not status.stages:
        return []
    planned = contents.plan.stages if contents.plan else []
    reports = {stage.name for stage in planned if stage.kind == StageKind.REPORT}
    rows = []
    for name, stage in status.stages.items():
        if name in reports:
            # The report stage runs while this is written: its own numbers would never be right.
            continue
        began, ended = stage.started, stage.ended
        seconds = (ended - began).total_seconds() if began and ended else None
        rows.append(
            [
                escape(name),
                str(stage.state),
                duration(seconds),
                mebibytes(stage.peak_tree_rss_bytes),
                mebibytes(stage.peak_process_rss_bytes),
                mebibytes(stage.peak_mlx_bytes),
            ]
        )
    header = ["Stage", "State", "Time", "Process tree, sampled", "Largest process", "MLX"]
    about = "Peak memory and time of the stages:"
    return ["", about, "", *table(header, rows, numbers=4), *_ranks(contents)]


def _ranks(contents: RunContents) -> list[str]:
    """The ranks of trainings that several processes did, each with its memory; [] for none."""
    found = contents.record("ranks.json", Ranks)
    rows = [
        [
            escape(name),
            str(rank),
            "this machine" if one.host == "127.0.0.1" else escape(one.host),
            mebibytes(one.peak_rss_bytes),
            mebibytes(one.peak_mlx_bytes),
        ]
        for name, group in (found.stages.items() if found else ())
        for rank, one in enumerate(group.ranks)
    ]
    if not rows:
        return []
    header = ["Stage", "Rank", "Host", "Process", "MLX"]
    return [
        "",
        "Peak memory of the ranks that trained together:",
        "",
        *table(header, rows, numbers=2),
    ]
