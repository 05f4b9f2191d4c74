"""A new evaluation held against an older one of the suite: a sentence, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.checks.streams import read_rows
from engine.folder import FolderError, read_record
from engine.judge.noise import tell
from engine.judge.one_ruler import ruler_difference
from engine.judge.paired import compare_paired
from engine.plain_file import open_plain
from engine.records.evaluation import EvalResult, RowResult

MAX_ROWS_BYTES = 256 * 2**20


class AgainstError(Exception):
    """A record or its rows that cannot be read; a sentence."""


def read_evaluation(file: Path) -> tuple[EvalResult, list[RowResult]]:
    """A record and the rows that it names. AgainstError where either cannot be read."""
    try:
        record = read_record(file, EvalResult)
        name = record.rows_file or file.name.replace("eval-", "rows-", 1) + "l"
        if Path(name).name != name:
            raise AgainstError(f"{file.name} names rows that lie elsewhere ({name}).")
        with open_plain(file.parent / name) as opened:
            data = opened.read(MAX_ROWS_BYTES)
    except FolderError as error:
        raise AgainstError(f"{error}.") from error
    except OSError as error:
        raise AgainstError(f"The rows of {file.name} cannot be read ({error.strerror}).") from error
    rows, wrong = read_rows(data)
    if wrong:
        raise AgainstError(f"{name}:{wrong[0][0]}: {wrong[0][1]}.")
    return record, rows


def held_against(
    before: tuple[EvalResult, Sequence[RowResult]], after: tuple[EvalResult, Sequence[RowResult]]
) -> str:
    """Whether the second is better, worse, or within the noise, in a sentence; the rows that both
    have are paired."""
    old, new = before[0], after[0]
    if old.suite_sha256 is not None and old.suite_sha256 != new.suite_sha256:
        return f"{new.suite} changed since: the two scores cannot be compared."
    if difference := ruler_difference(old, new):
        return f"{difference.sentence} The two scores are not compared."
    earlier = {row.id: row for row in before[1]}
    pairs = [(earlier[row.id], row) for row in after[1] if row.id in earlier]
    paired = compare_paired(
        [one.score for one, _ in pairs],
        [other.score for _, other in pairs],
        [other.source or other.id for _, other in pairs],
    )
    finding = tell(paired.difference, paired.p, direction=new.direction or "higher")
    unpaired = len(before[1]) + len(after[1]) - 2 * len(pairs)
    beside = f" {unpaired} rows that only one of them has are left out." if unpaired else ""
    return f"{finding.sentence} {paired.rose} rows rose, {paired.fell} fell.{beside}"
