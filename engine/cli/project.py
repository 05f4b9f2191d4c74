"""Commands on a target as a whole: make one, say where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine import numbers
from engine.cli.console import (
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    print_json,
    print_table,
    printable,
)
from engine.cli.project_target import FORGE, ProjectOption, TargetArgument, place_of

if TYPE_CHECKING:
    from engine.project.standing import Standing
    from engine.records.target import Forge


def init(
    name: Annotated[str, typer.Argument(help="What the target is called.")],
    old: Annotated[
        Path | None,
        typer.Option("--from", help="An older project whose files come along.", show_default=False),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Its folder.", show_default="targets/NAME, or ./NAME"),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a target's folder. What is there already is kept as it is."""
    from engine.founding_target import InitError, found_target

    folder = directory if directory is not None else _usual_folder(name, workspace)
    try:
        made = found_target(name, folder, old)
    except InitError as error:
        fail(str(error))
    if as_json:
        print_json(
            {"path": str(made.path), "made": made.made, "copied": made.copied, "kept": made.kept}
        )
        return
    print(made.path)
    for word, files in (("made", made.made), ("copied", made.copied), ("kept", made.kept)):
        if files:
            narrate(f"  {word:7} {', '.join(files)}")
    narrate("Next: say what it is for (BACKGROUND.md), and give it rows to be judged by")
    narrate("(dataset/gold.jsonl). Then: factory-tui generate, factory-tui flywheel")


def status(
    target: TargetArgument = None,
    project: ProjectOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Where a target stands: best score, data by origin, loops, heartbeat."""
    from engine.project.standing import stands
    from engine.records.base import utc_now

    place = place_of(target, project, workspace)
    forge, trouble = _forge(place.path)
    found = stands(place.path, forge, place.workspace, utc_now())
    if trouble:
        found.troubles.insert(0, trouble)
    if as_json:
        from dataclasses import asdict

        print_json({"path": str(place.path), "gold_score": found.gold, **asdict(found)})
    else:
        _show(found)


def _usual_folder(name: str, workspace: Path | None) -> Path:
    from engine.workspace import Workspace, WorkspaceError

    if workspace is not None:
        if not workspace.is_dir():
            fail(f"{workspace} is not a directory. Make it first: mkdir -p {workspace}")
        return Workspace(workspace).targets_dir / name
    try:
        return Workspace.find(Path.cwd()).targets_dir / name
    except WorkspaceError:
        return Path.cwd() / name


def _forge(path: Path) -> tuple[Forge, str | None]:
    """The settings, or the defaults and why: what has been reached is shown in any case."""
    from engine.records.target import Forge
    from engine.target import TargetError, load_target

    if not (path / FORGE).is_file():
        return Forge(), f"There is no {FORGE} in {path}: the usual file names are taken."
    try:
        return load_target(path).forge, None
    except TargetError as error:
        return Forge(), f"{error} The usual file names are taken."


def _show(found: Standing) -> None:
    print(printable(found.name))
    for label, text in _lines(found):
        print(f"  {label:10} {printable(text)}")
    if found.loops:
        print()
        print_table(
            ("LOOP", "STATE", "ITERATION", "DEV", "GOLD"),
            [
                (
                    printable(one.loop_id),
                    "dead" if one.state == "dead" else one.phase,
                    str(one.iteration),
                    numbers.score(one.best),
                    numbers.score(one.gold),
                )
                for one in found.loops
            ],
        )
    for trouble in found.troubles:
        narrate(f"⚠ {trouble}")


def _lines(found: Standing) -> list[tuple[str, str]]:
    lines = [("best", _best(found)), ("gold", numbers.score(found.gold, "not opened by a loop"))]
    lines.append(("last", _last(found)))
    lines += [(role, _count(found, role)) for role in ("canonical", "gold rows", "dev", "seed")]
    lines.append(("heartbeat", _beat(found)))
    if found.beat_stale:
        lines.append(("", found.beat_stale))
    return lines


def _best(found: Standing) -> str:
    best = found.best
    if best is None:
        return numbers.NOT_RECORDED
    parts = [numbers.score(best.accuracy, numbers.NOT_RECORDED)]
    if best.correct is not None and best.total is not None:
        parts.append(f"{best.correct} of {best.total}")
    if best.iteration is not None:
        parts.append(f"iteration {best.iteration}")
    parts.append(f"on {best.judged_on}" if best.judged_on else "the file does not say on what")
    if best.safety_violations:
        parts.append(f"{best.safety_violations} safety violations")
    if best.when is not None:
        parts.append(f"{best.when:%Y-%m-%d %H:%M}")
    parts.append(best.adapter or "its adapter is not there")
    if best.forced:
        parts.append(f"promoted by force: {best.forced}")
    return " · ".join(parts)


def _last(found: Standing) -> str:
    last = found.last
    if last is None:
        return "no iteration is recorded"
    parts = [f"iteration {last.iteration}" if last.iteration is not None else "an iteration"]
    parts.append(numbers.score(last.accuracy, numbers.NOT_RECORDED))
    if last.outcome:
        parts.append(last.outcome.replace("_", " "))
    if last.when is not None:
        parts.append(f"{last.when:%Y-%m-%d %H:%M}")
    if last.hypothesis:
        hypothesis = " ".join(last.hypothesis.split())
        parts.append(hypothesis if len(hypothesis) <= 100 else hypothesis[:99] + "…")
    return " · ".join(parts) + f" ({found.tries} recorded)"


def _count(found: Standing, role: str) -> str:
    rows = found.rows.get(role.removesuffix(" rows"))
    if rows is None:
        return "no file"
    text = f"{rows:,} rows"
    if role == "canonical" and found.origins:
        parts = [f"{count:,} {kind}" for kind, count in sorted(found.origins.items())]
        text += f": {', '.join(parts)}"
        if found.by_whom:
            writers = [f"{who} {count:,}" for who, count in sorted(found.by_whom.items())]
            text += f" (by {', '.join(writers)})"
    return text


def _beat(found: Standing) -> str:
    beat = found.beat
    if beat is None:
        return "none"
    parts = [beat.status]
    if beat.iteration is not None:
        parts.append(f"iteration {beat.iteration}")
    if beat.accuracy is not None:
        parts.append(numbers.score(beat.accuracy))
    if beat.when is not None:
        parts.append(f"{beat.when:%Y-%m-%d %H:%M} UTC")
    if beat.error:
        parts.append(" ".join(beat.error.split())[:200])
    return " · ".join(parts)
