"""The command ``ceiling``: what a stronger model scores on a suite, kept with the target."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import typer

from engine import numbers
from engine.cli import evaluating as options
from engine.cli import subject
from engine.cli.asking import KeyOption, SecondsOption, UrlOption
from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    print_json,
    printable,
)

if TYPE_CHECKING:
    from engine.records.ceiling import Ceiling
    from engine.target import Target


def ceiling(
    target: options.TargetArgument,
    workspace: WorkspaceOption = None,
    suite: options.SuiteOption = None,
    url: UrlOption = None,
    model: options.ModelOption = None,
    key_variable: KeyOption = None,
    of: options.ServerOption = None,
    adapter: options.AdapterOption = None,
    rows: options.RowsOption = None,
    max_tokens: options.TokensOption = None,
    concurrency: options.ConcurrencyOption = 4,
    extra: options.ExtraOption = None,
    seconds: SecondsOption = 600.0,
    as_json: JsonOption = False,
) -> None:
    """Measure the ceiling of a target's suites: the score of a model that is stronger than its own.

    A suite on which even that one does badly is broken, not hard. Later runs keep a copy.
    """
    from engine.evaluating.ceilings import ceiling_of, keep_ceiling
    from engine.folder import FolderError

    place = subject.workspace_of(workspace, needed=True)
    asked = subject.Asked(url, model, key_variable, of, adapter, concurrency, extra, seconds)
    wanted = subject.wanted_of(target, place, suite, None, rows, max_tokens)
    if wanted.target is None:
        fail(f"{target} is a suite file; a ceiling is kept with a target. Name one.", Exit.USAGE)
    who = subject.who_of(place, asked)
    folder = subject.folder_for(place, None, wanted, who)
    arguments = options.arguments(target, suite, None, rows, max_tokens)
    command = shlex.join(["factory-tui", "ceiling", *arguments]) + asked.shown
    narrate(f"{printable(who.label)} on {printable(options.names(wanted))}")
    troubles = subject.measured(place, who, wanted, folder, command)
    kept = []
    try:
        for record, _ in options.records(folder, wanted):
            kept.append(ceiling_of(record))
            replaced = keep_ceiling(wanted.target.path, kept[-1])
            if replaced is not None:
                narrate(f"  takes the place of {printable(replaced.model)}, {replaced.score:.3f}")
    except (FolderError, OSError) as error:
        fail(f"The ceiling was measured and is kept in {folder}, but not in the target: {error}.")
    if as_json:
        print_json([one.model_dump(mode="json") for one in kept])
    else:
        for one in kept:
            _show(one, wanted.target)
    for trouble in troubles:
        narrate(f"✘ {trouble}")
    narrate(f"The answers are in {folder}")
    if troubles or not kept:
        raise typer.Exit(int(Exit.NO))


def _show(one: Ceiling, target: Target) -> None:
    from engine.judge.ruler import judge_ruler

    gates, forge = target.forge.factory.gates, target.forge
    bound = forge.eval.target_accuracy if gates.primary_min is None else gates.primary_min
    finding = judge_ruler(
        one, one.suite_sha256, bound=bound if one.suite == target.primary.name else None
    )
    print(f"{printable(one.suite)}  {numbers.score(one.score)}  n = {one.n}")
    print(f"  {printable(finding.sentence)}")
