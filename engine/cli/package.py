"""The command that packages a shipped run, checks the package and exports it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    open_workspace,
    print_json,
    printable,
)

if TYPE_CHECKING:
    from engine.checks.finding import Finding
    from engine.publish.package.export import Exported
    from engine.publish.package.loading import Answered
    from engine.records.package import SpecialistLock
    from engine.workspace import Workspace

KINDS = ("mlx", "gguf")

ROUNDING = 0.01
"""Logits of the fused model that differ by more than this are not only summed in another order."""


def package(
    run: Annotated[
        str,
        typer.Argument(help="A shipped run's id, the beginning of it, or the id of a package."),
    ],
    workspace: WorkspaceOption = None,
    package_id: Annotated[
        str | None,
        typer.Option("--id", help="The name of the package.", show_default="the target's"),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Replace another run's package, edited files, an export that is there."
        ),
    ] = False,
    weights: Annotated[
        bool, typer.Option("--weights", help="Copy the adapter into the package.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing: hold the package against its records, load it, ask it once.",
        ),
    ] = False,
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="The example of the package; with --check, what it is asked.",
            show_default="a training row",
        ),
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="Also write one model: mlx (a fused directory) or gguf (as far as mlx-lm can).",
        ),
    ] = None,
    dequantise: Annotated[
        bool, typer.Option("--dequantise", help="Export packed weights unpacked.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where the export goes.", show_default=".factory/exports/ in the workspace"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make `specialists/<id>/` of a run that was shipped; check and export it.

    With --check exit code 1 means that something is wrong, 3 that base or weights are not here.
    """
    from engine.publish.package.making import PackageError, make_package

    if export is not None and export not in KINDS:
        fail(f"--export takes {' or '.join(KINDS)}, not {export}.", Exit.USAGE)
    if check and export:
        fail("--check writes nothing: give --export in a command of its own.", Exit.USAGE)
    if (dequantise or out is not None) and not export:
        fail("--dequantise and --out belong to --export.", Exit.USAGE)
    found = open_workspace(workspace)
    path, folder = _place(found, run, package_id)
    if check:
        _check(found, path, prompt, as_json)
        return
    if folder is not None:
        try:
            path = make_package(
                found,
                folder,
                package_id=path.name,
                force=force,
                prompt=prompt,
                weights=weights,
                heard=lambda sentence: narrate(printable(sentence)),
            )
        except PackageError as error:
            fail("\n".join(printable(reason) for reason in error.reasons), Exit.NO)
    lock = _lock(path)
    done = None
    if export is not None:
        done = _export(found, lock, cast(Literal["mlx", "gguf"], export), out, dequantise, force)
    if as_json:
        print_json(
            {
                "package": found.relative(path),
                "id": lock.id,
                "run": lock.run_id,
                "verified": lock.verified,
                "export": None if done is None else _exported_json(done),
            }
        )
        return
    print(found.relative(path))
    if done is not None:
        print(done.path)
        narrate(_exported_words(done))


def _place(workspace: Workspace, name: str, package_id: str | None) -> tuple[Path, Path | None]:
    """Where the package is or will be, and its run; None for a package whose run is not here."""
    from engine.publish.package.making import PackageError, package_of, package_path
    from engine.publish.package.there import package_at
    from engine.workspace import WorkspaceError

    try:
        known = None
        if "/" not in name and name not in (".", ".."):
            known = package_at(workspace.specialists_dir / name)
        if known is not None and known.lock is not None:
            try:
                folder = workspace.run_path(known.lock.run_id)
            except WorkspaceError:
                return known.path, None
            return package_path(workspace, package_id or known.lock.id), folder
        folder = workspace.run_path(name)
        place = package_of(workspace, folder)
        return (package_path(workspace, package_id) if package_id else place), folder
    except (WorkspaceError, PackageError) as error:
        fail(printable(str(error)))


def _lock(path: Path) -> SpecialistLock:
    from engine.publish.package.there import package_at

    found = package_at(path)
    if found is None or found.lock is None:
        fail(f"There is no package in {path}.")
    return found.lock


# --- check ----------------------------------------------------------------------------------


def _check(workspace: Workspace, path: Path, prompt: str | None, as_json: bool) -> None:
    """Findings and one answer; the exit code says which of both is not as it should be."""
    from engine.checks.finding import Severity
    from engine.publish.package.checking import check_package, template_finding
    from engine.publish.package.loading import NotLoaded, ask_package
    from engine.publish.package.there import package_at

    found = check_package(path)
    package = package_at(path)
    answered, why, here = None, "", True
    if package is not None and package.lock is not None:
        narrate(f"Loading {package.lock.id}.")
        try:
            answered = ask_package(workspace, package.lock, prompt)
        except NotLoaded as error:
            why, here = str(error), error.here
        if answered is not None and prompt is None:
            found += template_finding(package, answered.prompt)
    broken = any(one.severity is Severity.ERROR for one in found) or (bool(why) and here)
    if as_json:
        print_json(
            {
                "package": workspace.relative(path),
                "ok": not broken and answered is not None,
                "findings": [one.to_json() for one in found],
                "answer": None if answered is None else _answer_json(answered),
                "not_loaded": why or None,
            }
        )
    else:
        _tell(found, answered, why)
    if broken:
        raise typer.Exit(int(Exit.NO))
    if answered is None:
        raise typer.Exit(int(Exit.NOT_THERE))


def _tell(found: list[Finding], answered: Answered | None, why: str) -> None:
    for one in found:
        where = f"{one.file}:{one.line}" if one.line else f"{one.file}{one.pointer}"
        print(printable(f"{one.severity}  {where}  {one.message} {one.fix}"))
    if answered is not None:
        print(printable(answered.prompt.text))
        print(f"→ {printable(answered.text)}")
        speed = answered.tokens_per_second
        cut = ", cut off at the limit" if answered.cut_off else ""
        said = "not recorded" if speed is None else f"{speed:,.0f} tok/s"
        narrate(
            f"It loads and answers: {answered.tokens} tokens{cut}, {said}, peak memory "
            f"{answered.peak_rss_mb:,.0f} MB (MLX {answered.mlx_peak_mb:,.0f} MB)."
        )
    if why:
        narrate(printable(why))
    if not found and answered is not None:
        narrate("The package is whole, and its numbers are those of the records.")


def _answer_json(answered: Answered) -> dict[str, Any]:
    return {
        "prompt": answered.prompt.text,
        "prompt_tokens": answered.prompt.tokens,
        "text": answered.text,
        "tokens": answered.tokens,
        "cut_off": answered.cut_off,
        "seconds": answered.seconds,
        "tokens_per_second": answered.tokens_per_second,
        "peak_rss_mb": answered.peak_rss_mb,
        "mlx_peak_mb": answered.mlx_peak_mb,
    }


# --- export ---------------------------------------------------------------------------------


def _export(
    workspace: Workspace,
    lock: SpecialistLock,
    kind: Literal["mlx", "gguf"],
    out: Path | None,
    dequantise: bool,
    force: bool,
) -> Exported:
    from engine.publish.package.export import ExportError, export

    try:
        return export(workspace, lock, kind, out, dequantise=dequantise, force=force, heard=narrate)
    except ExportError as error:
        fail(printable(str(error)), Exit.NO)


def _exported_words(done: Exported) -> str:
    said = f"{done.layers} layers were fused; {done.size / 2**20:,.1f} MB."
    if done.tensors is not None:
        return (
            f"{said} {done.tensors} tensors, counted in the file. It was not loaded here, and it "
            "carries no chat template: prompt.md says how it is asked."
        )
    if done.same_token and (done.difference or 0) > ROUNDING:
        return (
            f"{said} Read again, the logits after the example differ by up to "
            f"{done.difference:.2g}, which is more than rounding: packed weights were packed "
            "again. Judge it before it is used, or add --dequantise."
        )
    if done.same_token:
        return (
            f"{said} Read again, it goes on after the example as the package does (largest "
            f"difference of the logits {done.difference:.2g})."
        )
    return (
        f"{said} Read again, it does NOT go on after the example as the package does (largest "
        f"difference of the logits {done.difference:.2g}): judge it before it is used."
    )


def _exported_json(done: Exported) -> dict[str, Any]:
    return {
        "path": str(done.path),
        "kind": done.kind,
        "layers": done.layers,
        "bytes": done.size,
        "same_token": done.same_token,
        "logits_difference": done.difference,
        "tensors": done.tensors,
    }
