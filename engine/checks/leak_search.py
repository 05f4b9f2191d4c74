"""Does gold stand in the training rows? From ``leakage.json``, or looked for where that is missing.

The record is believed where it is of the very files that are there. Where it is missing or of
other files, the search is done here, within bounds; the answer is kept as long as neither file
changes.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from engine.checks.streams import read_objects
from engine.folder import sha256_file
from engine.judge.leakage import prompt_text
from engine.judge.leaks import LeakIndex, marked, prompts_of
from engine.records.leakage import Leakage, SuiteLeaks
from engine.records.plan import Plan, StageKind
from engine.records.run import Dataset

MAX_TRAINING_BYTES = 24 * 2**20
MAX_GOLD_BYTES = 8 * 2**20
"""Larger files are not searched here: it would take over some seconds."""

_TRAIN = "data/train.jsonl"


@dataclass(frozen=True)
class LeaksSeen:
    """What is known of gold in the training rows.

    ``by`` is who searched: the run itself (``record``), the check (``check``), or nobody (None,
    and ``why`` is the reason as half a sentence). ``stale`` says of what ``leakage.json`` is not,
    where it is of other files than are there.
    """

    by: Literal["record", "check"] | None = None
    suites: tuple[SuiteLeaks, ...] = ()
    why: str | None = "no suite of the run names a file"
    stale: str | None = None

    @property
    def count(self) -> int:
        """Gold prompts that leaked, over all suites."""
        return sum(suite.count for suite in self.suites)


@dataclass(frozen=True, slots=True)
class _File:
    """A file with its name in the records and what tells whether it changed."""

    name: str
    path: Path
    size: int
    mtime_ns: int


def look_for_leaks(
    run: Path,
    target: Path | None,
    plan: Plan | None,
    dataset: Dataset | None,
    record: Leakage | None,
    suite_files: Mapping[str, str],
    suite_hashes: Mapping[str, str],
) -> LeaksSeen:
    """What is known of leaks in a run folder. Never raises for what is there.

    ``suite_files`` are relative to the target; ``suite_hashes`` are the frozen ones by name.
    """
    training = list(_training_files(run, target, plan, dataset))
    gold = {name: _file(target, file) for name, file in suite_files.items()}
    stale = None
    if record is not None:
        stale = _stale(record, _trained(record, run, training, dataset), gold, suite_hashes)
        if stale is None:
            return LeaksSeen("record", tuple(record.suites), None)
    if not suite_files:
        return LeaksSeen(stale=stale)
    if why := _not_searchable(training, gold):
        return LeaksSeen(None, (), why, stale)
    shown = tuple(
        file for name in (dataset.shown if dataset else []) if (file := _file(target, name))
    )
    found = [
        _search(name, file, tuple(training), shown)
        for name, file in gold.items()
        if file is not None
    ]
    return LeaksSeen("check", tuple(found), None, stale)


def _stale(
    record: Leakage,
    trained: tuple[str, str] | None,
    gold: Mapping[str, _File | None],
    suite_hashes: Mapping[str, str],
) -> str | None:
    """Of which file the record is not; None where it is of those that are there."""
    searched = {suite.suite: suite for suite in record.suites}
    for name in gold:
        if name not in searched:
            return f"it says nothing of the suite {name}"
        if suite_hashes.get(name) not in (None, searched[name].sha256):
            return f"it was made with another version of the suite {name}"
    if trained is not None and trained[1] != record.training_sha256:
        return f"{trained[0]} changed since"
    return None


def _trained(
    record: Leakage, run: Path, training: list[_File], dataset: Dataset | None
) -> tuple[str, str] | None:
    """Name and hash of the rows that were trained on: of the file, else as dataset.json has it."""
    named = _file(run.resolve(), record.training_file)
    file = named or next((one for one in training if one.name == record.training_file), None)
    if file is not None:
        return file.name, _sha256(file)
    files = getattr(dataset, "files", None)
    digest = files.get(record.training_file) if isinstance(files, dict) else None
    return (record.training_file, digest) if isinstance(digest, str) else None


def _not_searchable(training: list[_File], gold: Mapping[str, _File | None]) -> str | None:
    """Why nothing can be searched here, or None."""
    if not training:
        return "the training rows are not there"
    if sum(file.size for file in training) > MAX_TRAINING_BYTES:
        return f"the training rows are over {MAX_TRAINING_BYTES >> 20} MB"
    for name, file in gold.items():
        if file is None:
            return f"the file of the suite {name} is not there"
        if file.size > MAX_GOLD_BYTES:
            return f"the suite {name} is over {MAX_GOLD_BYTES >> 20} MB"
    return None


def _training_files(
    run: Path, target: Path | None, plan: Plan | None, dataset: Dataset | None
) -> Iterator[_File]:
    """The rows that were trained on: what the train stages read, else the data sources."""
    named = [
        stage.spec["train"]
        for stage in (plan.stages if plan else [])
        if stage.kind == StageKind.TRAIN and isinstance(stage.spec.get("train"), str)
    ]
    found = [
        file for name in dict.fromkeys([*named, _TRAIN]) if (file := _named(run, target, name))
    ]
    if found:
        yield found[0]
        return
    # The sources stand for the rows only where each is a file of rows: a generator's are nowhere.
    homes = (target, run.resolve(), run.resolve().parent.parent)
    sources = [
        next((file for home in homes if (file := _file(home, source.path)) is not None), None)
        for source in (dataset.sources if dataset else [])
        if source.rows != 0
    ]
    if all(file is not None and file.name.endswith(".jsonl") for file in sources):
        yield from (file for file in sources if file is not None)


def _named(run: Path, target: Path | None, name: str) -> _File | None:
    """A file as a stage's spec names it: within the run, or with a placeholder."""
    for mark, home in (("{run}/", run.resolve()), ("{target}/", target)):
        if name.startswith(mark):
            return _file(home, name.removeprefix(mark))
    return _file(run.resolve(), name)


def _file(home: Path | None, name: str) -> _File | None:
    """An ordinary file within ``home``, or None."""
    if home is None:
        return None
    try:
        path = (home / name).resolve()
        found = path.stat()
        if path.is_relative_to(home.resolve()) and stat.S_ISREG(found.st_mode):
            return _File(name, path, found.st_size, found.st_mtime_ns)
    except (OSError, ValueError, RuntimeError):
        pass  # a name that leads nowhere is a file that is not there
    return None


@lru_cache(maxsize=64)
def _sha256(file: _File) -> str:
    return sha256_file(file.path)


@lru_cache(maxsize=64)
def _search(
    suite: str, gold: _File, training: tuple[_File, ...], shown: tuple[_File, ...]
) -> SuiteLeaks:
    prompts = marked(prompts_of(gold.name, _rows([gold])), _texts(shown))
    rows = (one for file in training for one in prompts_of(file.name, _rows([file])))
    return LeakIndex(prompts).search(rows).of_suite(suite, gold.name, _sha256(gold))


def _rows(files: Iterable[_File]) -> Iterator[tuple[int, object]]:
    for file in files:
        yield from read_objects(file.path)


def _texts(files: Iterable[_File]) -> Iterator[str]:
    for _, row in _rows(files):
        if text := prompt_text(row):
            yield text
