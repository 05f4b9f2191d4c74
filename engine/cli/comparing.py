"""The command ``compare``: what Compare shows, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine import numbers
from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    print_json,
    print_table,
    printable,
    run_path,
)

if TYPE_CHECKING:
    from engine.comparing.comparison import Clash, Compared, SuiteTable
    from engine.comparing.course import Course
    from engine.comparing.difference import Difference

SIGNS = {
    "better": "✔",
    "worse": "✘",
    "equal": "=",
    "within the noise": "≈",
    "not the same rows": "?",
    "not comparable": "!",
    "not recorded": numbers.ABSENT,
}


def compare(
    runs: Annotated[
        list[str], typer.Argument(help="Two runs or more; the first is the reference.")
    ],
    workspace: WorkspaceOption = None,
    reference: Annotated[
        str | None,
        typer.Option(help="Hold the runs against this one of them instead.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare runs: settings that differ, scores with paired differences, examples that flipped."""
    from engine.comparing.comparison import compare as hold
    from engine.comparing.evidence import read_evidence

    paths = list(dict.fromkeys(run_path(workspace, run) for run in runs))
    if len(paths) < 2:
        fail("Name two runs or more: factory-tui compare RUN RUN", Exit.USAGE)
    against = paths[0].name
    if reference is not None:
        against = run_path(workspace, reference).name
        if against not in {path.name for path in paths}:
            fail(f"{against} is not among the runs that are compared.", Exit.USAGE)
    compared = hold([read_evidence(path).with_rows() for path in paths], against)
    courses = {path.name: read_course(path) for path in paths}
    if as_json:
        print_json(as_plain(compared, courses))
        return
    _print(compared, courses)


def read_course(path: Path) -> Course:
    """The course of a run's training, from its events."""
    from engine.comparing.course import course_of
    from engine.live.history import folded

    return course_of(folded(path / "events.jsonl"))


def as_plain(compared: Compared, courses: dict[str, Course]) -> dict[str, Any]:
    """All of it as JSON holds it: what was not recorded is null."""
    from engine.comparing.settings import Missing

    ids = [run.run_id for run in compared.runs]
    return {
        "runs": ids,
        "reference": compared.reference,
        "decisions": {run.run_id: run.summary.decided_as for run in compared.runs},
        "cannot_be_compared": [
            {"suite": one.suite, "what": one.what, "groups": dict(one.groups)}
            for one in compared.clashes
        ],
        "settings": {
            row.name: {
                run: None if isinstance(value, Missing) else value
                for run, value in zip(ids, row.values, strict=True)
            }
            for row in compared.settings
        },
        "suites": [_suite_json(table) for table in compared.suites],
        "training": {
            run.run_id: {
                **asdict(courses[run.run_id]),
                "train_s": courses[run.run_id].train_s or run.train_s,
                "peak_bytes": run.summary.peak_bytes,
            }
            for run in compared.runs
        },
    }


def _suite_json(table: SuiteTable) -> dict[str, Any]:
    return {
        "suite": table.suite,
        "role": table.role,
        "base_score": table.base.score if table.base else None,
        "scores": {
            one.run_id: {
                "score": one.score.score if one.score else None,
                "interval": one.score.interval if one.score else None,
                "n": one.score.n if one.score else None,
                "against_reference": asdict(one.against) if one.against else None,
            }
            for one in table.standings
        },
    }


# --- as text --------------------------------------------------------------------------


def _print(compared: Compared, courses: dict[str, Course]) -> None:
    """Tables below each other; runs are columns of settings and rows of everything else."""
    ids = [run.run_id for run in compared.runs]
    for clash in compared.clashes:
        narrate(clash_sentence(clash))
    for run in compared.runs:
        if run.summary.decision == "ship" and run.summary.routed:
            narrate(f"{printable(run.run_id)} is shipped routed: {printable(run.summary.routed)}")
    print("SETTINGS THAT DIFFER")
    _print_settings(compared, ids)
    for table in compared.suites:
        print(f"\n{printable(table.suite)}  ({table.role})")
        rows = []
        for one in table.standings:
            interval = one.score.interval if one.score else None
            rows.append(
                (
                    printable(one.run_id),
                    numbers.score(one.score.score if one.score else None),
                    _pair(interval),
                    *_against(one.against, share=one.score is None or one.score.share),
                )
            )
        print_table(("RUN", "SCORE", "95 %", "Δ", "95 %", "FIXED", "BROKEN", "P", "WORD"), rows)
    print("\nTRAINING AND COST")
    rows = []
    for run in compared.runs:
        course = courses[run.run_id]
        rows.append(
            (
                printable(run.run_id),
                _loss(course.loss),
                _loss(course.val_loss),
                numbers.duration(course.train_s or run.train_s),
                numbers.count(course.tok_s),
                numbers.size(run.summary.peak_bytes),
            )
        )
    print_table(("RUN", "LOSS", "VAL LOSS", "TRAIN TIME", "TOK/S", "PEAK"), rows)
    narrate(f"Held against {compared.reference}. {numbers.ABSENT} is not recorded.")


def _print_settings(compared: Compared, ids: Sequence[str]) -> None:
    from engine.comparing.settings import Missing, value_text

    if not compared.settings:
        print("All settings that are recorded are equal.")
        return
    rows = [
        (
            printable(row.name),
            *(
                numbers.ABSENT if isinstance(value, Missing) else printable(value_text(value))
                for value in row.values
            ),
        )
        for row in compared.settings
    ]
    print_table(("SETTING", *map(printable, ids)), rows)


def clash_sentence(clash: Clash) -> str:
    """Why scores of some runs cannot be compared."""
    groups = "; ".join(f"{value[:40]} in {', '.join(runs)}" for value, runs in clash.groups)
    what = {
        "suite": "The runs have other primary suites",
        "examples": f"The examples of {clash.suite} are not the same",
        "scorer": f"{clash.suite} was scored by other scorers",
        "direction": f"On {clash.suite} higher is better in some and lower in others",
    }[clash.what]
    return f"! {what} ({groups}): their scores cannot be compared."


def _against(found: Difference | None, *, share: bool) -> tuple[str, ...]:
    if found is None:
        return ("", "", "", "", "", "reference")
    absent = numbers.ABSENT
    low, high = found.interval or (None, None)
    delta = numbers.points if share else _signed
    p = absent if found.p is None else f"{found.p:.2g}" if found.p >= 0.0001 else "< 0.0001"
    return (
        delta(found.delta),
        absent if low is None else f"{delta(low)} to {delta(high)}",
        absent if found.fixed is None else str(found.fixed),
        absent if found.broken is None else str(found.broken),
        p,
        f"{SIGNS[found.word]} {found.word}",
    )


def _signed(value: float | None) -> str:
    return numbers.ABSENT if value is None else f"{value:+.3g}".replace("-", "\N{MINUS SIGN}")


def _pair(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return numbers.ABSENT
    return f"{numbers.score(interval[0])} to {numbers.score(interval[1])}"


def _loss(value: float | None) -> str:
    return numbers.ABSENT if value is None else f"{value:.4g}"
