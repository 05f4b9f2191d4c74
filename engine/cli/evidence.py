"""Commands on evidence: decide, report, card, validate, render."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.catalogue.summary import summarise
from engine.cli.console import (
    Exit,
    JsonOption,
    RunArgument,
    WorkspaceOption,
    fail,
    narrate,
    open_workspace,
    print_json,
    printable,
    run_path,
)
from engine.cli.harmless import escaped
from engine.cli.telling import folder_of

if TYPE_CHECKING:
    from engine.checks.finding import Finding

_TYPED_AS = {
    "decision": "DECISION",
    "failure_reason_confidence": "--confidence",
    "blocked_by": "--blocker",
}
"""Fields of the decision that are typed by another name."""


def decide(
    run: RunArgument,
    decision: Annotated[
        str, typer.Argument(help="ship, reject, retry-data, retry-training, retry-eval or park.")
    ],
    reason: Annotated[str, typer.Option(help="Why, in a sentence.")],
    workspace: WorkspaceOption = None,
    failure_reason: Annotated[
        str | None, typer.Option(help="What went wrong (for anything but ship).")
    ] = None,
    confidence: Annotated[
        str | None,
        typer.Option(help="How sure that is: exact, inferred, missing-evidence or not-applicable."),
    ] = None,
    lesson: Annotated[str | None, typer.Option(help="What the next run should know.")] = None,
    next_action: Annotated[str | None, typer.Option(help="What comes next.")] = None,
    blocker: Annotated[
        list[str] | None, typer.Option(help="What stands in the way; may be repeated.")
    ] = None,
    override: Annotated[
        str | None,
        typer.Option(
            metavar="RUN-ID",
            help="Ship although gates do not pass: the run's name, typed in full.",
        ),
    ] = None,
    override_why: Annotated[
        str | None, typer.Option(help="Why the gates are shipped over.")
    ] = None,
    routing: Annotated[
        str | None, typer.Option(help="Where alone the artifact may be used.")
    ] = None,
    supersede: Annotated[
        bool,
        typer.Option(
            "--supersede", help="The run is decided: write a new view, which names the earlier one."
        ),
    ] = False,
) -> None:
    """Write the decision of a run. `ship` is refused while a gate does not pass."""
    from pydantic import ValidationError

    from engine.decisions.deciding import OverrideRequest, Refused
    from engine.decisions.deciding import decide as decide_run
    from engine.folder import FolderError
    from engine.records.run import Decision

    path = run_path(workspace, run)
    try:
        record = Decision.model_validate(
            {
                "decision": decision,
                "reason": reason,
                "failure_reason": failure_reason,
                "failure_reason_confidence": confidence,
                "lesson": lesson,
                "next_action": next_action,
                "blocked_by": blocker or [],
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = str((*first["loc"], "decision")[0])
        said = _TYPED_AS.get(name, f"--{name.replace('_', '-')}")
        fail(f"{said}: {first['msg'][:1].lower()}{first['msg'][1:]}.", Exit.USAGE)
    request = None
    if override is not None:
        request = OverrideRequest(override, override_why or "", routing)
    try:
        outcome = decide_run(path, record, request, supersede=supersede)
    except FolderError as error:
        fail(f"{path.name}: {error}.")
    except OSError as error:
        fail(f"{path.name}: the decision cannot be written: {error.strerror}.")
    if isinstance(outcome, Refused):
        narrate(f"{path.name}: {decision} is refused.")
        for one, way_out in zip_longest(outcome.reasons, outcome.ways_out, fillvalue=""):
            narrate(f"  ✘ {printable(one)}")
            if way_out:
                narrate(f"    → {printable(way_out)}")
        if not (failure_reason and lesson) and decision != "ship":
            narrate("Say both: --failure-reason '…' --lesson '…'")
        if outcome.can_override:
            routing = " --routing '…'" if outcome.needs_routing else ""
            narrate(f"To ship all the same: --override {path.name} --override-why '…'{routing}")
        raise typer.Exit(int(Exit.NO))
    was = f", supersedes {outcome.supersedes.file}" if outcome.supersedes else ""
    print(f"{path.name}: {outcome.decision}{was}")


def report(
    run: RunArgument,
    workspace: WorkspaceOption = None,
    html: Annotated[bool, typer.Option("--html", help="Print it as one HTML page.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write it there; as HTML with --html or where the name ends with .html."),
    ] = None,
) -> None:
    """Make report.md and the report card of a run anew; or export the report, and leave both."""
    from engine.publish.card.writing import write_card
    from engine.publish.export import export_report, exported_text
    from engine.publish.report import write_report

    path = run_path(workspace, run)
    try:
        if out is not None:
            print(folder_of(export_report(path, out, html=html or None)))
        elif html:
            print(exported_text(path, html=True), end="")
        else:
            print(folder_of(write_report(path)))
            write_card(path)
    except OSError as error:
        where = out if out is not None else "the report"
        fail(f"{path.name}: {where} cannot be written: {error.strerror}.")


def card(
    run: RunArgument,
    workspace: WorkspaceOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the page there, or the JSON with --json; leave the run alone."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the card as JSON; leave the run alone.")
    ] = False,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Make the report card of a run: one page for people who do not have this tool."""
    from engine.publish.card.writing import card_text, export_card, make_card, write_card

    path = run_path(workspace, run)
    try:
        if as_json and out is None:
            print(escaped(card_text(make_card(path)[0])), end="")
            return
        page = write_card(path) if out is None else export_card(path, out, as_json=as_json)
    except OSError as error:
        where = out if out is not None else "the report card"
        fail(f"{path.name}: {where} cannot be written: {error.strerror or error}.")
    print(folder_of(page))
    if show:
        import webbrowser

        if not webbrowser.open(page.resolve().as_uri()):
            narrate("No browser could be opened; open the file yourself.")


def validate(
    runs: Annotated[
        list[str] | None, typer.Argument(help="Runs; without one, all of the workspace.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Apply the fixes that need no judgement, then check.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --fix: show the differences, write nothing.")
    ] = False,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="With --fix: also this file's fix where it is not made by default."
        ),
    ] = None,
) -> None:
    """Check run folders. Exit code 0 without errors, 1 with, 2 for wrong usage."""
    from engine.checks.contents import load
    from engine.checks.finding import Severity
    from engine.checks.verified import verify
    from engine.cli.fixes import mend
    from engine.cli.showing import verified_json
    from engine.fixing import check

    if (dry_run or also) and not fix:
        fail("--dry-run and --also say how to fix: give --fix as well.", Exit.USAGE)
    paths = (
        [run_path(workspace, run) for run in runs]
        if runs
        else list(open_workspace(workspace).run_paths())
    )
    bad = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    entries = []
    for path in paths:
        mended = mend(path, frozenset(also or ()), dry_run=dry_run, quiet=as_json) if fix else None
        contents = load(path)
        findings = check(path, contents).findings
        verified = verify(contents, findings)
        ok = not any(finding.severity in bad for finding in findings)
        entry = {
            "run": path.name,
            "ok": ok,
            "decision": summarise(path).decision,
            "findings": [finding.to_json() for finding in findings],
            "verified": verified_json(verified),
        }
        entries.append(entry if mended is None else {**entry, "fixes": mended})
        if not as_json:
            print(f"{'✔' if ok else '✘'} {printable(path.name)}")
            _print_findings(findings)
            if contents.measured:
                more = "" if verified.ok else f"  → factory-tui show {printable(path.name)}"
                print(f"  {verified.sentence}{more}")
    if as_json:
        print_json(entries)
    raise typer.Exit(int(Exit.DONE if all(entry["ok"] for entry in entries) else Exit.NO))


def _print_findings(findings: list[Finding]) -> None:
    for finding in findings:
        line = f":{finding.line}" if finding.line else ""
        place = printable(f"{finding.file}{finding.pointer}{line}")
        print(f"  {finding.severity:<8} {place}: {printable(finding.message)}")
        if finding.fix:
            print(f"  {'':<8} → {printable(finding.fix)}  [{finding.rule}]")


def render(
    config: Annotated[Path, typer.Option(help="config.json")],
    dataset: Annotated[Path, typer.Option(help="dataset.json")],
    baseline: Annotated[Path, typer.Option(help="eval-baseline.json")],
    candidate: Annotated[Path, typer.Option(help="eval-candidate.json")],
    decision: Annotated[Path, typer.Option(help="decision.json")],
    out: Annotated[Path, typer.Option(help="The run folder to make; its name is the run's id.")],
    artifact: Annotated[Path | None, typer.Option(help="artifact.json")] = None,
    train_log: Annotated[Path | None, typer.Option(help="What the training printed.")] = None,
    regression_baseline: Annotated[
        Path | None, typer.Option(help="eval-regression-baseline.json")
    ] = None,
    regression_candidate: Annotated[
        Path | None, typer.Option(help="eval-regression-candidate.json")
    ] = None,
) -> None:
    """Make a run folder with its report from loose files; refuses wrong ones with all reasons."""
    from engine.render import LooseFiles, RenderRefused
    from engine.render import render as render_folder

    files = LooseFiles(
        config=config,
        dataset=dataset,
        baseline=baseline,
        candidate=candidate,
        decision=decision,
        artifact=artifact,
        train_log=train_log,
        regression_baseline=regression_baseline,
        regression_candidate=regression_candidate,
    )
    try:
        warnings = render_folder(files, out)
    except RenderRefused as error:
        narrate(f"{out} was not made:")
        for reason in error.reasons:
            narrate(f"  ✘ {printable(reason)}")
        raise typer.Exit(int(Exit.NO)) from None
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror or error}.")
    for warning in warnings:
        narrate(f"  ⚠ {warning.file}: {printable(warning.message)}")
    print(folder_of(out))
