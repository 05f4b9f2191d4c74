"""Makes ``specialists/<id>/`` of a shipped run: all of it or nothing, and no word of a person lost.

The same run gives the same bytes. Weights stay where they are, unless they are asked for.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.checks.contents import RunContents, load
from engine.checks.fingerprint import MADE_FROM
from engine.folder import RunFolder, flush, swap_in
from engine.helper import HelperError
from engine.plain_file import read_plain
from engine.private import open_to_others
from engine.publish.card.writing import CARD as REPORT_CARD
from engine.publish.card.writing import write_card
from engine.publish.package.card import model_card
from engine.publish.package.example import NoExample, example_of
from engine.publish.package.gathered import Gathered, gather, ship_refusals
from engine.publish.package.locking import LOCK, lock_of
from engine.publish.package.model_files import weight_files
from engine.publish.package.numbers_json import eval_report
from engine.publish.package.prompt import Rendered, prompt_page, rendered
from engine.publish.package.public_report import public_report
from engine.publish.package.there import Package, digest_of, package_at
from engine.publish.public_names import public_config, public_name
from engine.publish.report import report_of, write_report
from engine.records.package import LockedPrompt, SpecialistLock
from engine.secrecy import key_names
from engine.workspace import Workspace, slugify

MODEL_CARD = "model_card.md"
EVAL_REPORT = "eval_report.json"
PROMPT = "prompt.md"
REPORT = "report.md"
REQUIRED = (MODEL_CARD, EVAL_REPORT, PROMPT, REPORT)
"""The files of every package besides its lock."""

ADAPTER = "adapter"
"""Where a copy of the adapter lies in a package that has one."""

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_MAX_CONFIG = 2**22


class PackageError(Exception):
    """No package was made, and nothing was written; ``reasons`` are sentences. ``forcible`` is
    whether ``force`` would help."""

    def __init__(self, *reasons: str, forcible: bool = False) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons
        self.forcible = forcible


def make_package(
    workspace: Workspace,
    run: Path,
    *,
    package_id: str | None = None,
    force: bool = False,
    prompt: str | None = None,
    weights: bool = False,
    heard: Callable[[str], None] = lambda sentence: None,
) -> Path:
    """Package a shipped run; returns ``specialists/<id>``.

    ``package_id`` is otherwise what the run's artifact names, else its target. ``prompt`` is the
    question of the example. ``weights`` copies the adapter as well. ``force`` replaces the package
    of another run, and files that were edited, which are kept under another name; it never makes a
    package of what was not shipped. ``heard`` is told, in sentences, what a person should know.
    Blocks: a child applies the chat template. PackageError with every reason; OSError.
    """
    if run.resolve().parent != workspace.runs_dir.resolve():
        raise PackageError(f"{run} is no run of {workspace.path}.")
    contents = load(run)
    if reasons := ship_refusals(contents):
        raise PackageError(*reasons)
    package_id = package_id or _named(contents)
    out = package_path(workspace, package_id)
    before = package_at(out)
    _check_place(out, before, contents.run_id, force)
    gathered = gather(workspace, run, contents)
    try:
        example = example_of(gathered, prompt)
    except NoExample as error:
        raise PackageError(str(error)) from error
    adapter = _adapter(gathered, before, weights)
    # From here on nothing is refused any more.
    gathered = _named_in_run(gathered, f"specialists/{package_id}")
    files = _files(gathered, package_id, before, example, adapter, heard)
    if not gathered.verified.ok:
        heard(f"{gathered.verified.sentence} The card says where, above everything else.")
    if before is not None and before.is_made_of(files):
        heard(f"Nothing changed in {workspace.relative(out)}.")
        return out
    _write(out, files, before, heard)
    return out


def package_path(workspace: Workspace, package_id: str) -> Path:
    """Where the package is or will be. PackageError for what is no id (path tricks)."""
    if not _ID.fullmatch(package_id) or ".." in package_id:
        raise PackageError(
            f"{package_id[:80]!r} is no id of a package: small letters, digits, '.', '_' and '-', "
            "at most 80."
        )
    return workspace.specialists_dir / package_id


def package_of(workspace: Workspace, run: Path) -> Path:
    """Where the package of a run is, or would be. PackageError where the run names none."""
    return package_path(workspace, _named(load(run)))


def _named(contents: RunContents) -> str:
    artifact, config = contents.artifact, contents.config
    named = (artifact.package_dir or "").split("/") if artifact else []
    if len(named) == 2 and named[0] == "specialists" and _ID.fullmatch(named[1]):
        return named[1]
    return slugify(config.target if config else contents.run_id)


# --- what stands there --------------------------------------------------------------------------


def _check_place(out: Path, before: Package | None, run_id: str, force: bool) -> None:
    """PackageError where something stands in the place of the package that may not go."""
    name = f"specialists/{out.name}"
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise PackageError(f"{name} is no directory of its own: move it away.")
    if out.parent.is_symlink():
        raise PackageError("specialists is a link: a package is written into the workspace alone.")
    if before is None or force:
        return
    if before.lock is None:
        raise PackageError(
            f"{name} holds files and no {LOCK} that could be read, so it may be somebody's own "
            "work. Choose another name with --id, or keep them beside the package with --force.",
            forcible=True,
        )
    if before.lock.run_id != run_id:
        raise PackageError(
            f"{name} is the package of {before.lock.run_id}. Choose another name with --id, or "
            "replace it with --force.",
            forcible=True,
        )
    if edited := before.edited:
        raise PackageError(
            f"{', '.join(edited)} in {name} changed since it was written. Move those words into a "
            "file of their own (README.md stays as it is), or use --force: it is kept under "
            "another name.",
            forcible=True,
        )


def _named_in_run(gathered: Gathered, package_dir: str) -> Gathered:
    """The run with its artifact naming the package; report and card are made anew for that."""
    run, contents, artifact = gathered.run, gathered.contents, gathered.artifact
    if artifact.package_dir == package_dir:
        return gathered
    RunFolder(run).write("artifact.json", artifact.model_copy(update={"package_dir": package_dir}))
    # A report that somebody wrote by hand stays.
    if MADE_FROM in (contents.report or ""):
        write_report(run)
    if REPORT_CARD in contents.names:
        write_card(run)
    return gather(gathered.workspace, run, load(run))


# --- what goes in -------------------------------------------------------------------------------


def _files(
    gathered: Gathered,
    package_id: str,
    before: Package | None,
    prompt: LockedPrompt,
    adapter: dict[str, bytes | Path],
    heard: Callable[[str], None],
) -> dict[str, bytes | Path]:
    """Every file of the package, its lock too: the bytes, or the file that is copied."""
    lock = lock_of(gathered, package_id, prompt, before.lock if before is not None else None)
    page = _kept_page(gathered, lock, before)
    if page is None:
        shown, why = _render(gathered, lock)
        page = prompt_page(prompt, lock.base, shown, why)
        if shown is None:
            heard(f"The example is not rendered: {why}")
    if adapter:
        size = sum(_size(one) for one in adapter.values())
        path = f"specialists/{package_id}/{ADAPTER}"
        update = {"path": path, "bytes": lock.weights.bytes or size}
        lock = lock.model_copy(update={"weights": lock.weights.model_copy(update=update)})
    report = gathered.contents.report or report_of(gathered.run, gathered.contents)
    texts = {
        MODEL_CARD: model_card(gathered, lock),
        EVAL_REPORT: as_json(eval_report(gathered.contents, gathered.verified)),
        PROMPT: page,
        REPORT: public_report(report),
    }
    files: dict[str, bytes | Path] = {
        name: _bytes(gathered.hide(text)) for name, text in texts.items()
    }
    files |= {f"{ADAPTER}/{name}": one for name, one in adapter.items()}
    hashes = {name: digest_of(one) for name, one in sorted(files.items())}
    lock = lock.model_copy(update={"files": hashes})
    return {**files, LOCK: _bytes(gathered.hide(as_json(lock.model_dump(mode="json"))))}


def as_json(value: Any) -> str:
    """JSON as a package holds it."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _kept_page(gathered: Gathered, lock: SpecialistLock, before: Package | None) -> str | None:
    """``prompt.md`` of before, where the base model that would render it lies on another disk."""
    was = before.lock if before is not None else None
    if gathered.asked_at is not None or before is None or was is None or PROMPT in before.edited:
        return None
    same = (was.run_id, was.prompt, was.base) == (lock.run_id, lock.prompt, lock.base)
    if not same or PROMPT not in before.names:
        return None
    return (before.path / PROMPT).read_text("utf-8")


def _render(gathered: Gathered, lock: SpecialistLock) -> tuple[Rendered | None, str]:
    """The example as the model reads it, else why there is none."""
    model = gathered.asked_at
    if model is None:
        return None, gathered.why_no_base or f"{gathered.artifact.path} is not on this disk."
    try:
        names = key_names(gathered.workspace.path)
        return rendered(model, lock.prompt, named=names), ""
    except HelperError as error:
        return None, str(error)


def _adapter(gathered: Gathered, before: Package | None, wanted: bool) -> dict[str, bytes | Path]:
    """The adapter's files where they are to be copied: asked for, or in the package already.

    PackageError where they were asked for and are not there.
    """
    kept = before is not None and any(name.startswith(f"{ADAPTER}/") for name in before.files)
    if not (wanted or kept):
        return {}
    artifact, run_id = gathered.artifact, gathered.contents.run_id
    if artifact.kind != "adapter":
        raise PackageError(
            f"The weights of {run_id} are a whole {artifact.kind}, no adapter: take it with "
            "--export mlx."
        )
    places = [gathered.weights_at, before.path / ADAPTER if before is not None and kept else None]
    for place in places:
        files = weight_files(place, "adapter") if place is not None else {}
        if len(files) < 2:
            continue
        found: dict[str, bytes | Path] = dict(files)
        base = public_name(gathered.config.base_model.id)
        found["adapter_config.json"] = _config(files["adapter_config.json"], base)
        return found
    raise PackageError(
        f"The adapter of {run_id} is not on this disk ({artifact.path}): package it without "
        "--weights, or where it was trained."
    )


def _config(file: Path, base: str) -> bytes:
    try:
        values = json.loads(read_plain(file, _MAX_CONFIG))
    except (ValueError, RecursionError) as error:
        raise PackageError(f"{file.name} of the adapter is not JSON.") from error
    if not isinstance(values, dict):
        raise PackageError(f"{file.name} of the adapter is no JSON object.")
    return _bytes(as_json(public_config(values, base)))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _size(one: bytes | Path) -> int:
    return len(one) if isinstance(one, bytes) else one.stat().st_size


# --- writing ------------------------------------------------------------------------------------


def _write(
    out: Path,
    files: dict[str, bytes | Path],
    before: Package | None,
    heard: Callable[[str], None],
) -> None:
    """Write the package beside its place and move it there whole. OSError: nothing changed."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        new = beside / "new"
        new.mkdir()
        for name, one in files.items():
            place = new / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(one, bytes):
                place.write_bytes(one)
            else:
                shutil.copyfile(one, place)
            flush(place)
        for name in before.others if before is not None else ():
            _keep(out / name, new / name, new)
        for name in before.edited if before is not None else ():
            kept = _free(new / name)
            _keep(out / name, kept, new)
            heard(f"{name} was edited; that version is kept as {kept.relative_to(new)}.")
        open_to_others(new, files)
        flush(new)
        swap_in(new, out, beside / "old")
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    flush(out.parent)


def _keep(file: Path, place: Path, new: Path) -> None:
    """Copy a person's file; where a file of the package has its name, it gets another one."""
    place = place if not place.exists() else _free(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file, place, follow_symlinks=False)


def _free(place: Path) -> Path:
    number = 1
    while (one := place.with_name(f"{place.stem}.edited-{number}{place.suffix}")).exists():
        number += 1
    return one
