"""The command ``pretrain``: a target's base reads raw text, and becomes a new base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import Exit, JsonOption, WorkspaceOption, fail, narrate, print_json
from engine.cli.project_target import (
    ProjectOption,
    TargetArgument,
    no_loop_runs,
    place_of,
    target_of,
    workspace_of,
)

if TYPE_CHECKING:
    from engine.project.corpus import Corpus


def pretrain(
    target: TargetArgument = None,
    project: ProjectOption = None,
    workspace: WorkspaceOption = None,
    epochs: Annotated[
        float | None, typer.Option(min=0.01, help="How often.", show_default="pretrain.epochs")
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(
            help="A folder of .txt, .md and .jsonl files, or one.",
            show_default="pretrain.corpus_dir",
        ),
    ] = None,
    set_base: Annotated[
        bool, typer.Option("--set-base", help="Name the new base in forge.yaml when it is made.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and return at once.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Have the base read raw text: train on it, fuse, and keep it in output/pretrain_merged."""
    from engine.cli.follow import follow
    from engine.project.base_model import BaseError, base_on_disk
    from engine.project.corpus import CorpusError, read_corpus
    from engine.project.pretraining import MERGED, PretrainError, Wish, check, prepare
    from engine.secrecy import key_names
    from engine.supervise.launch import LaunchError, launch

    place = place_of(target, project, workspace)
    found, home = target_of(place.path), workspace_of(place)
    wish = Wish(epochs, set_base)
    if set_base:
        no_loop_runs(place, "its runs have to start from one base")
    try:
        check(found, wish)
        base = base_on_disk(found, home)
        text = read_corpus(found, base.path, corpus, named=key_names(home.path))
        _say(text)
        folder = prepare(found, home, base, text, wish)
        launch(folder.path)
    except (PretrainError, BaseError, CorpusError, LaunchError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"The run's folder cannot be written ({error.filename}: {error.strerror}).")
    except KeyboardInterrupt:
        fail("Stopped before anything was started.", Exit.NO)
    if detach:
        narrate(f"It runs on its own. Watch it: factory-tui watch {folder.run_id}")
        if as_json:
            print_json({"run": folder.run_id, "path": str(folder.path)})
        else:
            print(folder.run_id)
        return
    try:
        follow(folder.path, as_json=as_json)
    except typer.Exit as end:
        if end.exit_code == int(Exit.DONE) and (found.path / MERGED).is_dir() and not set_base:
            first = "take factory.base out and " if found.forge.factory.base is not None else ""
            narrate(f"To train on it, {first}set model.base in forge.yaml to {MERGED}")
        raise


def _say(text: Corpus) -> None:
    files = "1 file" if len(text.files) == 1 else f"{len(text.files)} files"
    rows = f"{text.chunks} rows of {files}"
    kept = f", {len(text.valid)} of them for validation" if text.valid else ""
    narrate(f"{rows}{kept}.")
    for count, why in (
        (text.held_out, "were left out: a held-out question stands in them"),
        (text.repeated, "were left out: they repeat others"),
        (text.broken, "lines hold no text"),
    ):
        if count:
            narrate(f"  {count} {why}.")
