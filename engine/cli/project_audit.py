"""The command ``audit``: a target's training rows are looked through, and mended where wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    print_json,
    print_table,
    printable,
)
from engine.cli.project_rows import SHOWN_SENTENCES, TokensOption, UsdOption, spent_words
from engine.cli.project_target import ProjectOption, TargetArgument, place_of, say_who, target_of

if TYPE_CHECKING:
    from engine.project.auditing import Audit, Finding
    from engine.project.mending import Mended

SHOWN_TEXT = 70


def audit(
    target: TargetArgument = None,
    project: ProjectOption = None,
    workspace: WorkspaceOption = None,
    fix: Annotated[bool, typer.Option("--fix", help="Rewrite rows as suggested.")] = False,
    min_severity: Annotated[
        Literal["error", "warning", "info"] | None,
        typer.Option(help="Only what is at least so bad.", show_default="info; error with --fix"),
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Who looks.", show_default="flywheel.datagen_model")
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="Ask no teacher.")] = False,
    max_usd: UsdOption = None,
    max_tokens: TokensOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look training rows through: what is broken, contradicts, is held out, or wrong."""
    from engine.loops.asking import Asking
    from engine.loops.flywheel.canonical import CanonicalError, read_lines
    from engine.project.auditing import audit as look
    from engine.project.growth import ledger_of
    from engine.project.mending import Mended, mend
    from engine.teaching.budget import Budget, Caps

    if rules and teacher:
        fail("--rules asks no teacher.", Exit.USAGE)
    place = place_of(target, project, workspace)
    found = target_of(place.path)
    name = found.forge.dataset.canonical
    if name is None:
        fail(f"{found.path.name}/forge.yaml: dataset.canonical names no file.")
    path = found.file(name)
    budget = Budget(Caps(tokens=max_tokens, usd=max_usd))
    who = teacher or found.forge.flywheel.datagen_model
    asking = None if rules else Asking(who, ledger_of(found), place.workspace, budget)
    mended = Mended()
    if asking is not None:
        say_who(who, place)
    try:
        lines = read_lines(path)
        seen = look(found, lines, asking)
        chosen = seen.from_severity(min_severity or ("error" if fix else "info"))
        if fix:
            mended = mend(found, path, lines, chosen)
    except CanonicalError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or path} cannot be written ({error.strerror}). Nothing was changed.")
    except KeyboardInterrupt:
        fail("Stopped. No row was changed.", Exit.NO)
    if as_json:
        print_json(_plain(seen, chosen, mended))
    else:
        _show(seen, chosen, mended, fix)
        if budget.spent.calls:
            narrate(f"  {spent_words(budget.spent)}")
    done = {*mended.fixed, *mended.taken_out}
    if any(one.severity == "error" and one.line not in done for one in seen.findings):
        raise typer.Exit(int(Exit.NO))


def _show(seen: Audit, chosen: list[Finding], mended: Mended, fix: bool) -> None:
    if chosen:
        print_table(
            ("LINE", "SEVERITY", "ISSUE", "FIX"),
            [
                (str(one.line), one.severity, _clip(one.issue), _clip(one.fix_words))
                for one in chosen
            ],
        )
    looked = f", {seen.reviewed} by {printable(seen.teacher)}" if seen.teacher else ""
    narrate(f"{seen.rows} rows looked at{looked}; {len(seen.findings)} findings.")
    for sentence in seen.said[:SHOWN_SENTENCES]:
        narrate(f"  {sentence}")
    if fix:
        narrate(f"{len(mended.fixed)} rows rewritten, {len(mended.taken_out)} taken out.")
        for line, why in list(mended.left.items())[:SHOWN_SENTENCES]:
            narrate(f"  line {line} is as it was: {why}")
        if mended.kept_in is not None:
            narrate(f"What stood there is in {mended.kept_in}")


def _plain(seen: Audit, chosen: list[Finding], mended: Mended) -> dict[str, Any]:
    return {
        "rows": seen.rows,
        "teacher": seen.teacher,
        "reviewed": seen.reviewed,
        "said": seen.said,
        "findings": [
            {
                "line": one.line,
                "severity": one.severity,
                "issue": one.issue,
                "suggested_fix": one.fix_words or None,
                "by": one.by,
            }
            for one in chosen
        ],
        "fixed": mended.fixed,
        "taken_out": mended.taken_out,
        "left": mended.left,
        "kept_in": None if mended.kept_in is None else str(mended.kept_in),
    }


def _clip(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= SHOWN_TEXT else line[: SHOWN_TEXT - 1] + "…"
