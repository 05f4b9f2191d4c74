"""What may change, what may not and what measures do not contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.finding import Finding, error, info, warning
from engine.checks.protocol.around import Around
from engine.globs import is_plain, matches, matching, overlaps, why_outside
from engine.records.protocol import Protocol

DEPENDENCY_GLOBS = (
    "**/pyproject.toml",
    "**/requirements*.txt",
    "**/setup.py",
    "**/setup.cfg",
    "**/*.lock",
    "**/Pipfile",
    "**/environment.y*ml",
    "**/package.json",
    "**/package-lock.json",
    "**/Package.swift",
    "**/Package.resolved",
)
"""The files in which a repository names what it depends on."""

_ALLOWED = "/mutableSurface/allowedGlobs"
_FORBIDDEN = "/mutableSurface/forbiddenGlobs"
_HARNESS = "/immutableHarness/paths"


def rules(file: str, protocol: Protocol, around: Around) -> Iterator[Finding]:
    yield from _inside(file, protocol)
    yield from _contradictions(file, protocol, around)
    yield from _against_files(file, protocol, around)
    yield from _dependencies(file, protocol, around)
    for index, kind in enumerate(protocol.mutable_surface.allowed_kinds):
        if kind != "code_edit":
            yield warning(
                "protocol-kind-of-change",
                file,
                f"/mutableSurface/allowedKinds/{index}",
                f"The kind of change {kind!r} is not known here; only code_edit is.",
                "Campaigns change files and nothing else. Remove it, or make that change by hand.",
            )


def _inside(file: str, protocol: Protocol) -> Iterator[Finding]:
    lists = (
        (_ALLOWED, protocol.mutable_surface.allowed_globs),
        (_FORBIDDEN, protocol.mutable_surface.forbidden_globs),
        (_HARNESS, protocol.immutable_harness.paths),
    )
    for pointer, globs in lists:
        for index, glob in enumerate(globs):
            if why := why_outside(glob):
                yield error(
                    "protocol-glob-outside",
                    file,
                    f"{pointer}/{index}",
                    f"{glob!r} {why}.",
                    "Write it from the root of the repository, as src/train.py or src/*.py.",
                )


def _contradictions(file: str, protocol: Protocol, around: Around) -> Iterator[Finding]:
    surface, harness = protocol.mutable_surface, protocol.immutable_harness.paths
    files = around.files or frozenset()
    for found in overlaps(surface.allowed_globs, harness, files):
        pointer = f"{_ALLOWED}/{surface.allowed_globs.index(found.first)}"
        said = (
            f"{found.first} may be changed and {found.second} is the harness: both mean "
            f"{found.path}."
        )
        if matches(found.path, surface.forbidden_globs) and not is_plain(found.first):
            yield info(
                "protocol-glob-harness",
                file,
                pointer,
                f"{said} It is forbidden as well, and that holds.",
                "Nothing needs to be done.",
            )
        else:
            yield error(
                "protocol-glob-harness",
                file,
                pointer,
                said,
                f"Narrow {found.first}, or add {found.second} to forbiddenGlobs.",
            )
    for found in overlaps(surface.allowed_globs, surface.forbidden_globs, files):
        said = f"{found.first} is allowed and {found.second} is forbidden: both mean {found.path}."
        pointer = f"{_ALLOWED}/{surface.allowed_globs.index(found.first)}"
        if is_plain(found.first) or found.first == found.second:
            yield error(
                "protocol-glob-contradiction",
                file,
                pointer,
                said,
                "Say it once: take it out of one of the two.",
            )
        else:
            yield warning(
                "protocol-glob-contradiction",
                file,
                pointer,
                f"{said} What is forbidden stays forbidden.",
                f"Narrow {found.first} if that is not what is meant.",
            )


def _against_files(file: str, protocol: Protocol, around: Around) -> Iterator[Finding]:
    if around.files is None:
        return
    files, surface = sorted(around.files), protocol.mutable_surface
    for index, glob in enumerate(surface.allowed_globs):
        if not why_outside(glob) and not matching(files, [glob]):
            yield warning(
                "protocol-glob-empty",
                file,
                f"{_ALLOWED}/{index}",
                f"{glob} means no file of the repository.",
                "See whether it is spelt as the repository spells it. New files may be meant.",
            )
    fixed = [*surface.forbidden_globs, *protocol.immutable_harness.paths]
    if not any(not matches(path, fixed) for path in matching(files, surface.allowed_globs)):
        yield error(
            "protocol-nothing-allowed",
            file,
            _ALLOWED,
            "No file of the repository may be changed, so no try can be made.",
            "Allow a file that is neither forbidden nor part of the harness.",
        )
    for index, path in enumerate(protocol.immutable_harness.paths):
        if not why_outside(path) and not matching(files, [path]):
            if protocol.environment.setup_commands:
                yield warning(
                    "protocol-harness-made",
                    file,
                    f"{_HARNESS}/{index}",
                    f"The harness {path} is not in the repository: setup has to make it.",
                    "See that a setup command makes it, and that it is spelt as there.",
                )
                continue
            yield error(
                "protocol-harness-missing",
                file,
                f"{_HARNESS}/{index}",
                f"The harness {path} is not in the repository, so nothing can be guarded.",
                "Name the files that measure, as the repository spells them.",
            )


def _dependencies(file: str, protocol: Protocol, around: Around) -> Iterator[Finding]:
    if not protocol.environment.constraints.no_new_dependencies or around.files is None:
        return
    pointer = "/environment/constraints/noNewDependencies"
    named = matching(sorted(around.files), DEPENDENCY_GLOBS)
    if not named:
        yield info(
            "protocol-dependencies",
            file,
            pointer,
            "New dependencies are not allowed, and the repository has no file that names any: only "
            "a new file of that kind would break the rule.",
            "Keep a pyproject.toml or a requirements.txt in the repository to have more guarded.",
        )
    surface = protocol.mutable_surface
    for path in matching(named, surface.allowed_globs):
        if not matches(path, surface.forbidden_globs):
            yield warning(
                "protocol-dependencies",
                file,
                pointer,
                f"New dependencies are not allowed, yet {path}, which names them, may be changed.",
                f"Add {path} to forbiddenGlobs.",
            )
