"""What lies at the paths that the records of a run name: sources, suites, evidence, artifact."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from engine.folder import sha256_file
from engine.records.evaluation import EvalResult
from engine.records.plan import Plan
from engine.records.run import Artifact, Dataset, Decision

MAX_HASHED_BYTES = 8 * 2**30
"""A file over this size is not hashed; a rule says so."""

# Entries of evidence_sources may be prose; what looks like a file is held to be one.
_LOOKS_LIKE_FILE = re.compile(r"[^\s:*?\"<>|]*[^\s:*?\"<>|./]\.[A-Za-z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class FileFact:
    """``exists``; ``escapes`` where a relative path leads out of where it may lead; ``sha256``
    where it was asked for and the file could be read."""

    exists: bool
    escapes: bool = False
    sha256: str | None = None


@dataclass(frozen=True)
class Outside:
    """Facts by the path as the record has it. ``target_dir`` is None where it is not there."""

    facts: Mapping[str, FileFact] = field(default_factory=dict)
    target_dir: Path | None = None

    @classmethod
    def look(
        cls,
        run: Path,
        plan: Plan | None,
        dataset: Dataset | None,
        decision: Decision | None,
        artifact: Artifact | None,
        suite_files: Mapping[str, str],
        evals: Mapping[str, EvalResult],
        own: Iterable[str] = (),
    ) -> Outside:
        """Look at every path that the records name. Never raises for what is there.

        ``own`` are further files of the run folder whose bytes matter.
        """
        workspace = run.resolve().parent.parent
        target = None
        if plan is not None:
            target = workspace / plan.target_dir
            target = target.resolve() if target.is_dir() else None
        homes = [home for home in (target, run.resolve(), workspace) if home is not None]
        facts: dict[str, FileFact] = {}
        for source in dataset.sources if dataset else []:
            facts[source.path] = _fact(source.path, homes, hashed=source.sha256 is not None)
        for file in suite_files.values():
            facts[file] = _fact(file, [target] if target else [], hashed=True)
        for record in evals.values():
            for helper in helper_files(record, suite_files):
                facts.setdefault(helper, _fact(helper, [target] if target else [], hashed=True))
            if record.rows_file:
                facts[record.rows_file] = _fact(record.rows_file, [run.resolve()], hashed=True)
        for name in own:
            facts.setdefault(name, _fact(name, [run.resolve()], hashed=True))
        if artifact is not None:
            facts[artifact.path] = _fact(artifact.path, [run.resolve(), *homes], hashed=False)
        seen = cls(facts, target)
        return seen if decision is None else look_for_evidence(run, seen, decision)


def helper_files(record: EvalResult, suite_files: Mapping[str, str]) -> dict[str, str]:
    """What scored the answers besides the suite's file, relative to the target, with the hash that
    was recorded: the databases beside the suite, the target's ``scorer.py``."""
    file = suite_files.get(record.suite)
    if file is None:
        return {}
    beside = PurePosixPath(file).parent
    found = {(beside / name).as_posix(): digest for name, digest in record.databases.items()}
    if record.scorer_sha256 is not None:
        found[SCORER_FILE] = record.scorer_sha256
    return found


SCORER_FILE = "scorer.py"
"""A target's own scorer."""


def look_for_evidence(run: Path, outside: Outside, decision: Decision) -> Outside:
    """``outside`` with what lies at the files that a decision names as evidence."""
    homes = [run.resolve(), run.resolve().parent.parent]
    if outside.target_dir is not None:
        homes.append(outside.target_dir)
    facts = dict(outside.facts)
    for entry in decision.evidence_sources:
        name = evidence_file(entry)
        if name is not None and name not in facts:
            facts[name] = _fact(name, homes, hashed=False)
    return replace(outside, facts=facts)


def evidence_file(entry: str) -> str | None:
    """The file that an entry of ``evidence_sources`` names, or None where it is words or a link.

    What follows a ``#`` is a place in the file.
    """
    name = entry.strip().partition("#")[0]
    return name if "://" not in name and _LOOKS_LIKE_FILE.fullmatch(name) else None


def _fact(path: str, homes: Iterable[Path], *, hashed: bool) -> FileFact:
    """Look for ``path`` in each of ``homes``; one that is absolute or has ~ is taken as it is."""
    try:
        given = Path(path).expanduser()
        if given.is_absolute():
            return _look(given, hashed)
        escapes = False
        for home in homes:
            resolved = (home / given).resolve()
            if not resolved.is_relative_to(home):
                escapes = True
            elif resolved.exists():
                return _look(resolved, hashed)
        return FileFact(False, escapes)
    except (OSError, ValueError, RuntimeError):
        # A name that no file system takes (a null byte, an unknown ~user) is not there.
        return FileFact(False)


def _look(path: Path, hashed: bool) -> FileFact:
    try:
        found = path.stat()
        if not hashed or not stat.S_ISREG(found.st_mode) or found.st_size > MAX_HASHED_BYTES:
            return FileFact(True)
        return FileFact(True, sha256=_hash(path, found.st_size, found.st_mtime_ns))
    except FileNotFoundError:
        return FileFact(False)
    except OSError:
        return FileFact(True)


@lru_cache(maxsize=512)
def _hash(path: Path, size: int, mtime_ns: int) -> str:
    return sha256_file(path)
