"""Commands that add rows to a target's training data, and take them out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    print_json,
    printable,
)
from engine.cli.project_target import (
    Place,
    ProjectOption,
    TargetArgument,
    no_loop_runs,
    place_of,
    say_who,
    target_of,
)

if TYPE_CHECKING:
    from engine.loops.flywheel.canonical import Cleaned
    from engine.project.growth import Wish
    from engine.records.loop import Spent
    from engine.target import Target
    from engine.teaching.budget import Caps

MOST = 10_000
"""Rows that one command asks for."""

SHOWN_SENTENCES = 8

RowsOption = Annotated[int, typer.Option("--n", min=1, max=MOST, help="So many rows.")]
TeacherOption = Annotated[
    str | None,
    typer.Option(help="Who writes them.", show_default="flywheel.datagen_model"),
]
GeneratorOption = Annotated[
    bool, typer.Option("--generator", help="The target's own generator writes them.")
]
BatchOption = Annotated[
    int, typer.Option("--batch-size", min=1, max=200, help="Rows that one question asks for.")
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        help="Another file, relative to the target.", show_default="dataset.canonical of forge.yaml"
    ),
]
UsdOption = Annotated[
    float | None, typer.Option(min=0, help="So many US dollars at most (known prices count).")
]
TokensOption = Annotated[int | None, typer.Option(min=1, help="So many tokens at most.")]


def generate(
    target: TargetArgument = None,
    project: ProjectOption = None,
    workspace: WorkspaceOption = None,
    n: RowsOption = 500,
    batch_size: BatchOption = 50,
    output: OutputOption = None,
    teacher: TeacherOption = None,
    generator: GeneratorOption = False,
    max_usd: UsdOption = None,
    max_tokens: TokensOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have training rows written, by a teacher or by the target's generator."""
    from engine.project.growth import Wish

    place = place_of(target, project, workspace)
    wish = Wish(
        n,
        "generated",
        teacher=teacher,
        generator=_generator_only(generator, teacher),
        batch=batch_size,
        output=output,
        caps=_caps(max_usd, max_tokens),
    )
    _grow(place, target_of(place.path), wish, as_json)


def augment(
    target: TargetArgument = None,
    project: ProjectOption = None,
    workspace: WorkspaceOption = None,
    n: Annotated[
        int | None,
        typer.Option(
            "--n", min=1, max=MOST, show_default="augment_per_failure for each slice that failed"
        ),
    ] = None,
    teacher: TeacherOption = None,
    generator: GeneratorOption = False,
    max_usd: UsdOption = None,
    max_tokens: TokensOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have rows written for what failed last on the dev suite."""
    from engine.loops.flywheel.growing import LISTED_FAILURES
    from engine.loops.flywheel.growing import MOST as MOST_AUGMENTED
    from engine.project.failed import failed_last
    from engine.project.growth import Wish

    place = place_of(target, project, workspace)
    found = target_of(place.path)
    failed = failed_last(found, place.workspace)
    if failed is None:
        fail(
            f"Nothing of {printable(found.name)} was judged yet, so nobody knows what fails. "
            "Run it: factory-tui flywheel"
        )
    if failed.count == 0:
        narrate(f"Nothing failed in {failed.where}.")
        return
    if failed.note:
        narrate(failed.note)
    narrate(f"{failed.count} failures in {failed.where}.")
    each = found.forge.flywheel.augment_per_failure * max(1, len(failed.slices))
    wish = Wish(
        n or max(1, min(each, MOST_AUGMENTED)),
        "augmented",
        focus=failed.focus,
        slices=failed.slices,
        failures=failed.ids[:LISTED_FAILURES],
        teacher=teacher,
        generator=_generator_only(generator, teacher),
        caps=_caps(max_usd, max_tokens),
    )
    _grow(place, found, wish, as_json)


def patch(
    words: Annotated[
        list[str], typer.Argument(metavar="[TARGET] DESCRIPTION", help="What rows to write.")
    ],
    project: ProjectOption = None,
    workspace: WorkspaceOption = None,
    n: RowsOption = 20,
    teacher: TeacherOption = None,
    max_usd: UsdOption = None,
    max_tokens: TokensOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a teacher write rows for a description in your own words."""
    from engine.project.growth import Wish

    if len(words) > 2 or not words[-1].strip():
        fail(
            'Name at most a target and one description: patch TARGET "abort is not cancel"',
            Exit.USAGE,
        )
    place = place_of(words[0] if len(words) == 2 else None, project, workspace)
    wish = Wish(
        n, "patched", focus=words[-1].strip(), teacher=teacher, caps=_caps(max_usd, max_tokens)
    )
    _grow(place, target_of(place.path), wish, as_json)


def clean(
    target: TargetArgument = None,
    project: ProjectOption = None,
    workspace: WorkspaceOption = None,
    keep_seed: Annotated[
        bool, typer.Option("--keep-seed", help="Keep seed rows alone: rows by hand go as well.")
    ] = False,
    loop: Annotated[
        str | None, typer.Option(help="Only what this loop added in --iteration.")
    ] = None,
    iteration: Annotated[int | None, typer.Option(min=1, help="Of --loop.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go; change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Take out of canonical the rows that machines wrote. Rows by hand stay."""
    from engine.loops.flywheel import canonical

    place = place_of(target, project, workspace)
    if (loop is None) != (iteration is None):
        fail("--loop and --iteration belong together: which iteration of which loop?", Exit.USAGE)
    if loop is not None and keep_seed:
        fail("--keep-seed cleans everything; --loop only what one iteration added.", Exit.USAGE)
    found = target_of(place.path)
    name = found.forge.dataset.canonical
    if name is None:
        fail(f"{found.path.name}/forge.yaml: dataset.canonical names no file.")
    path = found.file(name)
    if not dry_run:
        no_loop_runs(place, "it counts on its rows")
    try:
        if loop is not None and iteration is not None:
            done = canonical.remove_rows(path, loop, iteration, dry_run=dry_run)
        else:
            done = canonical.clean(path, keep_seed_only=keep_seed, dry_run=dry_run)
    except canonical.CanonicalError as error:
        fail(str(error))
    if as_json:
        print_json({"removed": done.removed, "kept": done.kept, "dry_run": dry_run})
    else:
        _say_cleaned(done, name, dry_run)


# --- inside -------------------------------------------------------------------------


def _grow(place: Place, target: Target, wish: Wish, as_json: bool) -> None:
    from engine.loops.flywheel.canonical import CanonicalError
    from engine.loops.flywheel.dev import DevError
    from engine.project.growth import GrowthError, grow
    from engine.teaching.errors import TeachingError

    if not wish.generator:
        say_who(wish.teacher or target.forge.flywheel.datagen_model, place)
    try:
        found = grow(target, wish, place.workspace, narrate)
    except (GrowthError, DevError, CanonicalError) as error:
        fail(str(error))
    except TeachingError as error:
        fail(f"{error} No rows were added.", Exit.NO)
    except KeyboardInterrupt:
        fail(
            "Stopped. No rows were added; what a teacher said is in output/teachers.jsonl.", Exit.NO
        )
    shown = str(found.path)
    if found.path.is_relative_to(target.path):
        shown = str(found.path.relative_to(target.path))
    if as_json:
        print_json(
            {
                "path": str(found.path),
                "added": found.added,
                "asked": found.asked,
                "by": found.by,
                "refused": found.refused,
                "said": found.said,
                "spent": found.spent.model_dump(mode="json"),
            }
        )
    else:
        print(f"{found.added} of {found.asked} rows by {printable(found.by)} are in {shown}.")
        for sentence in found.said[:SHOWN_SENTENCES]:
            narrate(f"  {sentence}")
        if len(found.said) > SHOWN_SENTENCES:
            narrate(f"  and {len(found.said) - SHOWN_SENTENCES} more (--json lists them)")
        if found.refused:
            said = ", ".join(f"{count} {why}" for why, count in sorted(found.refused.items()))
            narrate(f"  Turned away at the door: {said}.")
        if found.spent.calls:
            narrate(f"  {spent_words(found.spent)}")
    if not found.added:
        raise typer.Exit(int(Exit.NO))


def spent_words(spent: Spent) -> str:
    """What a teacher took, in words."""
    calls = "1 call" if spent.calls == 1 else f"{spent.calls} calls"
    return f"{calls}, {spent.tokens:,} tokens, ${spent.usd:.2f} (known prices)."


def _say_cleaned(done: Cleaned, name: str, dry_run: bool) -> None:
    def words(counts: dict[str, int]) -> str:
        return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "none"

    go = "would go" if dry_run else "are gone"
    print(f"{name}: {words(done.removed)} {go}; {words(done.kept)} stay.")


def _generator_only(generator: bool, teacher: str | None) -> bool:
    if generator and teacher:
        fail("Either --generator or --teacher writes the rows.", Exit.USAGE)
    return generator


def _caps(usd: float | None, tokens: int | None) -> Caps:
    from engine.teaching.budget import Caps

    return Caps(tokens=tokens, usd=usd)
