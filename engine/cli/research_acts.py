"""What a person does with the tries of a campaign: ``factory-tui loop accept | discard | rerun |
replay | results``. They belong to the commands on loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from engine.cli.console import Exit, WorkspaceOption, fail, narrate
from engine.cli.loops import LoopArgument, find_loop

TryArgument = Annotated[int, typer.Argument(min=0, help="The number of the try; 0: the baseline.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why, in a sentence.")]


def accept(
    loop: LoopArgument, number: TryArgument, reason: ReasonOption, workspace: WorkspaceOption = None
) -> None:
    """Keep a try of a campaign against the rule."""
    from engine.loops.research import acts

    folder = find_loop(workspace, loop)
    _act(lambda: acts.accept(folder, number + 1, reason))
    narrate(f"Try {number} of {folder.loop_id} is taken up as accepted.")


def discard(
    loop: LoopArgument, number: TryArgument, reason: ReasonOption, workspace: WorkspaceOption = None
) -> None:
    """Take back a try of a campaign that was kept."""
    from engine.loops.research import acts

    folder = find_loop(workspace, loop)
    _act(lambda: acts.discard(folder, number + 1, reason))
    narrate(f"Try {number} of {folder.loop_id} is taken back.")


def rerun(
    loop: LoopArgument,
    number: TryArgument,
    seeds: Annotated[int, typer.Option(min=1, help="So many more measurements.")] = 3,
    workspace: WorkspaceOption = None,
) -> None:
    """Measure a try with more seeds and judge it on all of them."""
    from engine.loops.research import acts

    folder = find_loop(workspace, loop)
    _act(lambda: acts.rerun(folder, number + 1, seeds))
    narrate(f"Try {number} of {folder.loop_id} is measured {seeds} more times.")


def replay(
    loop: LoopArgument,
    seeds: Annotated[int, typer.Option(min=1, help="So many more measurements.")] = 3,
    workspace: WorkspaceOption = None,
) -> None:
    """Measure the best of a campaign again."""
    from engine.loops.research import acts

    folder = find_loop(workspace, loop)
    _act(lambda: acts.replay_best(folder, seeds))
    narrate(f"The best of {folder.loop_id} is measured {seeds} more times.")


def _act(do: Callable[[], None]) -> None:
    from engine.loops.research.acts import ActError

    try:
        do()
    except ActError as error:
        fail(str(error), Exit.NO)
