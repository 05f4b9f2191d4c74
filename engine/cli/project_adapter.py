"""Commands on a target's adapter: keep one as the best, send the best one to a hub."""

from __future__ import annotations

from typing import Annotated

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
)
from engine.cli.project_target import ProjectOption, TargetArgument, place_of, target_of


def promote(
    target: TargetArgument = None,
    run: Annotated[
        str | None,
        typer.Argument(
            help="A run; without it the newest undecided one, else output/adapter.",
            show_default=False,
        ),
    ] = None,
    project: ProjectOption = None,
    workspace: WorkspaceOption = None,
    force: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Promote what is not better, and say why."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a run's adapter as the best one, where it is better by more than noise."""
    from engine.project.promotion import PromotionError, candidate_of
    from engine.project.promotion import promote as keep

    place = place_of(target, project, workspace)
    found = target_of(place.path)
    reason = (force or "").strip()
    if force is not None and not reason:
        fail("--force needs a reason: it goes into the record.", Exit.USAGE)
    try:
        candidate = candidate_of(found, place.workspace, run)
        done = keep(found, candidate, reason or None)
    except PromotionError as error:
        hint = " Promote it all the same, and say why: --force '…'" if error.ruled else ""
        fail(f"{error}{hint}", Exit.NO)
    except OSError as error:
        fail(f"The adapter cannot be copied ({error.filename}: {error.strerror}).")
    who = candidate.run.name if candidate.run else "output/adapter"
    if as_json:
        print_json(
            {
                "adapter": done.adapter,
                "run": candidate.run.name if candidate.run else None,
                "accuracy": candidate.accuracy,
                "judged_on": candidate.judged_on,
                "forced": done.forced,
                "reason": candidate.reason,
            }
        )
        return
    print(f"{done.adapter}  {numbers.score(candidate.accuracy, numbers.NOT_RECORDED)}")
    narrate(f"{printable(who)} is the best now. {printable(candidate.reason)}")


def push(
    target: TargetArgument = None,
    project: ProjectOption = None,
    workspace: WorkspaceOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be sent; send nothing.")
    ] = False,
    canonical: Annotated[
        bool, typer.Option("--with-canonical", help="Publish the training rows as well.")
    ] = False,
    system_prompt: Annotated[
        bool, typer.Option("--with-system-prompt", help="Publish system_prompt.md as well.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Send the best adapter and its card to promotion.hf_repo. Gold rows never go."""
    from engine.project.packing import PushError, pack
    from engine.project.pushing import send, token_of

    place = place_of(target, project, workspace)
    found = target_of(place.path)
    address = None
    try:
        parcel = pack(found, place.workspace, canonical=canonical, system_prompt=system_prompt)
        if not dry_run:
            accuracy = numbers.score(parcel.best.accuracy, numbers.NOT_RECORDED)
            message = f"{found.name}: {accuracy}"
            address = send(parcel, token_of(found), message, heard=narrate)
    except PushError as error:
        fail(str(error), Exit.NO)
    except OSError as error:
        fail(f"{error.filename} cannot be read ({error.strerror}).")
    if as_json:
        files = [{"name": one.name, "bytes": one.size} for one in parcel.files]
        print_json(
            {
                "repo": parcel.repo,
                "private": parcel.private,
                "adapter": parcel.best.adapter,
                "files": files,
                "sent": address is not None,
                "address": address,
            }
        )
        return
    if address is None:
        rows = [(one.name, numbers.count(one.size)) for one in parcel.files]
        print_table(("FILE", "BYTES"), [*rows, ("in all", numbers.count(parcel.size))])
        kind = "private" if parcel.private else "public"
        narrate(f"Nothing was sent. It would go to {parcel.repo} ({kind}). The card:")
        narrate(parcel.card)
    else:
        print(address)
