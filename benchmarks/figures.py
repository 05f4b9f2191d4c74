"""What a benchmark found, as lines of one table: printed, and kept for ``benchmarks/table.py``.

A figure says what was measured, against whom in the same run, what was asked for and whether it
holds. Every benchmark takes ``--json FILE`` and writes its figures there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    key: str
    """Stable name, as "watched-tok-s": the same line on another machine has the same key."""
    area: str
    """Heading of its group, as "Training"."""
    what: str
    """What was measured, in a few words."""
    measured: str
    """The figure with its unit and, where there is one, its interval: "0.998 (0.994 to 1.003)"."""
    asked: str = ""
    """What was asked for, as "≥ 0.99"; empty where nothing was."""
    holds: bool | None = None
    """Whether it is what was asked for; None where nothing was asked."""
    against: str = ""
    """The peer in the same run and its own figure, as "Harlequin 0.78 s"."""


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """The option ``--json FILE`` that ``report`` takes."""
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write figures")


def report(figures: Sequence[Figure], path: Path | None = None) -> bool:
    """Print the figures a line each, write them to ``path``, and say whether all hold."""
    for one in figures:
        mark = {True: "✔", False: "✘", None: "·"}[one.holds]
        words = [f"{mark} {one.what}: {one.measured}"]
        if one.asked:
            words.append(f"(asked: {one.asked})")
        if one.against:
            words.append(f"against {one.against}")
        print(" ".join(words), flush=True)
    if path is not None:
        text = json.dumps([asdict(one) for one in figures], ensure_ascii=False, indent=1)
        path.write_text(text + "\n", encoding="utf-8")
    return all(one.holds is not False for one in figures)
