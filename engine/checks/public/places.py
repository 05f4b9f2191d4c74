"""Links and paths: those that are followed lead where they may, and something is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.finding import Finding, error, warning
from engine.checks.public.around import Around, FileSeen, PathSeen
from engine.checks.public.entry import Entry, clipped
from engine.records.public import ArtifactState, PublicArtifact
from engine.web_address import is_public, web_address

WEIGHTS = (".safetensors", ".gguf", ".npz", ".npy", ".bin", ".pt", ".pth", ".ckpt", ".onnx", ".h5",
           ".mlpackage", ".tflite", ".pkl", ".zip", ".tar", ".gz", ".msgpack", ".tgz", ".xz",
           ".7z", ".zst", ".mlmodel", ".keras", ".pickle", ".part")  # fmt: skip
DATA = (".jsonl", ".parquet", ".arrow", ".csv", ".tsv", ".db", ".sqlite", ".sqlite3")
MOST_FILES = 2_000
"""A folder of more is looked at no further, and is an error itself: anything could lie in it."""
MOST_BYTES = 10**6
"""A file that goes with an artifact is no larger."""
MOST_DATA_BYTES = 64 * 1024
"""A file of rows no larger than this may be examples; a larger one is data."""

_SCHEME = re.compile(r"[\s\x00-\x20]*([A-Za-z][A-Za-z0-9+.\-]*)\s*:")
_PACKAGE = re.compile(r"specialists/[a-z0-9][a-z0-9._-]*/?")


def rules(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    for pointer, href in hrefs(artifact):
        yield from _href(entry, pointer, href, around)
    if artifact.package is not None:
        has_weights = artifact.state is ArtifactState.RELEASE_READY_WEIGHTS
        yield from _package(entry, artifact.package, around, has_weights=has_weights)


def hrefs(artifact: PublicArtifact) -> Iterator[tuple[str, str]]:
    """(pointer, address) of every link of the page."""
    for number, source in enumerate(artifact.sources):
        if source.href is not None:
            yield f"/sources/{number}/href", source.href
    for number, link in enumerate(artifact.links):
        yield f"/links/{number}/href", link.href


def is_path(href: str) -> bool:
    """Whether an address is meant as a path within the workspace."""
    return _SCHEME.match(href) is None and not href.startswith("//")


def _href(entry: Entry, pointer: str, href: str, around: Around) -> Iterator[Finding]:
    shown = clipped(href, 80)
    if not is_path(href):
        if web_address(href) is None:
            yield entry.error(
                "link-refused",
                pointer,
                f"{shown!r} is no address that a page may lead to.",
                "Write an address that begins with https://, without a name or password, or a "
                "path within the workspace.",
            )
        elif not is_public(href):
            yield entry.error(
                "link-private",
                pointer,
                f"{shown!r} leads to this machine or its own network.",
                "Write the address by which everybody reaches it.",
            )
        return
    if any(part.startswith(".") and part not in (".", "..") for part in href.split("/")):
        yield entry.error(
            "path-hidden",
            pointer,
            f"{shown!r} is hidden: such files are not for the world.",
            "Link a file that is meant to be read.",
        )
        return
    seen = around.paths.get(href)
    if seen is PathSeen.OUTSIDE:
        yield entry.error(
            "path-outside",
            pointer,
            f"{shown!r} leads out of the workspace.",
            "Write a path from the workspace's root, without .. and without a link out of it.",
        )
    elif seen is PathSeen.MISSING or seen is None:
        yield entry.error(
            "path-missing",
            pointer,
            f"There is no {shown!r} in the workspace.",
            "Mend the path, or leave the link out.",
        )


def _package(entry: Entry, package: str, around: Around, *, has_weights: bool) -> Iterator[Finding]:
    shown = clipped(package, 80)
    if not _PACKAGE.fullmatch(package) or ".." in package:
        yield entry.error(
            "package-path",
            "/package",
            f"{shown!r} is no package of this workspace.",
            "Write specialists/<id>.",
        )
    elif around.package is None:
        yield entry.error(
            "package-missing",
            "/package",
            f"There is no folder {shown!r} in the workspace.",
            "Make the package from its shipped run, or leave package out.",
        )
    else:
        if len(around.package) >= MOST_FILES:
            text = f"{package} holds {MOST_FILES:,} files or more; not all were looked at."
            yield entry.error("folder-full", "/package", text, "A package has a few files.")
        for file in around.package:
            if found := unfit(file):
                # Where the weights are released, a copy of them may lie in the package.
                may = has_weights and file.name.lower().endswith(WEIGHTS) and not file.leads_out
                tell = entry.warning if may else entry.error
                yield tell("package-file", "/package", f"{package}/{found[0]}", found[1])


def unfit(file: FileSeen) -> tuple[str, str] | None:
    """Why a file may not go with what is published, and what to do; None where it may."""
    name = file.name.lower()
    if file.leads_out:
        return f"{file.name} is a link out of its folder.", "Put the file itself there."
    if name.endswith(WEIGHTS):
        return (
            f"{file.name} holds weights or is an archive; they do not lie beside the pages.",
            "Put it where weights are hosted, and link it with its hash.",
        )
    if name.endswith(DATA) and file.size > MOST_DATA_BYTES:
        return (
            f"{file.name} is a file of data ({file.size / 1000:,.0f} kB).",
            f"Link the data set; up to {MOST_DATA_BYTES // 1024} kB of examples may lie here.",
        )
    if file.size > MOST_BYTES:
        return (
            f"{file.name} is {file.size / 1e6:,.1f} MB large; what is published is small.",
            "Put it elsewhere and link it.",
        )
    return None


def folder_rules(folder: str, files: tuple[FileSeen, ...]) -> Iterator[Finding]:
    """What lies in ``artifacts/`` and is no artifact."""
    if len(files) >= MOST_FILES:
        text = f"{folder} holds {MOST_FILES:,} files or more; not all were looked at."
        yield error("folder-full", folder, "", text, "Keep nothing but artifacts there.")
    for file in files:
        name = f"{folder}/{file.name}"
        if found := unfit(file):
            yield error("stray-file", name, "", found[0], found[1])
        elif "/" not in file.name and file.name.endswith(".yaml"):
            continue
        elif file.name.endswith((".yml", ".yaml", ".YAML", ".YML")):
            yield warning(
                "stray-file",
                name,
                "",
                f"{file.name} is not read: artifacts are {folder}/<id>.yaml.",
                "Rename or move it.",
            )
