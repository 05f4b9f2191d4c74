"""Assembles a run folder from loose files, or refuses with every reason and writes nothing.

The folder is built beside its place and renamed, so nobody ever sees half of one.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine import checks
from engine.checks.contents import load
from engine.checks.finding import Finding, Severity
from engine.folder import MAX_RECORD_BYTES, write_bytes_atomic
from engine.publish.card.writing import write_card
from engine.publish.report import write_report

MAX_LOG_BYTES = 4 * 2**30
"""A training log over this size is refused."""


@dataclass(frozen=True)
class LooseFiles:
    """The files that a folder is made of. ``rows`` and ``regression`` go by their final name."""

    config: Path
    dataset: Path
    baseline: Path
    candidate: Path
    decision: Path
    artifact: Path | None = None
    train_log: Path | None = None
    regression_baseline: Path | None = None
    regression_candidate: Path | None = None
    more: Mapping[str, Path] = field(default_factory=dict)
    """Other files of the folder (rows, further regression records) by their name in it."""

    def by_name(self) -> dict[str, Path]:
        """Every file that was given, by its name in the folder."""
        named = {
            "config.json": self.config,
            "dataset.json": self.dataset,
            "eval-baseline.json": self.baseline,
            "eval-candidate.json": self.candidate,
            "decision.json": self.decision,
            "artifact.json": self.artifact,
            "train.log": self.train_log,
            "eval-regression-baseline.json": self.regression_baseline,
            "eval-regression-candidate.json": self.regression_candidate,
        }
        return {name: path for name, path in named.items() if path is not None} | dict(self.more)


class RenderRefused(Exception):
    """Nothing was written. ``reasons`` are sentences, ``findings`` what the checks said."""

    def __init__(self, reasons: list[str], findings: list[Finding] | None = None) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons
        self.findings = findings or []


def render(files: LooseFiles, out: Path) -> list[Finding]:
    """Make the run folder ``out`` with its report and its card; returns the warnings that it has.

    ``out`` must not be there yet, or be an empty directory; its name is the run's id.
    RenderRefused, with all reasons, when any of the files is wrong.
    """
    reasons = [*_out_problems(out), *_input_problems(files)]
    if reasons:
        raise RenderRefused(reasons)
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        # The folder inside has the final name: checks compare it with the run_id.
        made = scratch / out.name
        made.mkdir()
        for name, path in files.by_name().items():
            _copy(path, made / name)
        findings = checks.run(load(made))
        errors = [one for one in findings if one.severity == Severity.ERROR]
        if errors:
            raise RenderRefused([f"{one.file}: {one.message}" for one in errors], findings)
        write_report(made)
        write_card(made)
        if out.is_dir():
            out.rmdir()
        made.replace(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return [one for one in findings if one.rule != "report-missing"]


def _out_problems(out: Path) -> list[str]:
    if not out.name or out.name in (".", ".."):
        return [f"{out}: name the run folder itself, for example runs/2026-07-02-my-target."]
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        return [f"{out}: is no directory."]
    if out.is_dir() and any(out.iterdir()):
        return [f"{out}: is there already and not empty. Name a new folder."]
    return []


def _input_problems(files: LooseFiles) -> list[str]:
    """What keeps the files from being copied at all; what is in them is for the checks."""
    problems = []
    for name, path in files.by_name().items():
        if Path(name).name != name or name.startswith("."):
            problems.append(f"{name}: is no file name for a run folder.")
            continue
        limit = MAX_RECORD_BYTES if name.endswith(".json") else MAX_LOG_BYTES
        try:
            if not path.exists():
                problems.append(f"{name}: {path} is missing.")
            elif not path.is_file():
                problems.append(f"{name}: {path} is no ordinary file.")
            elif path.stat().st_size > limit:
                problems.append(
                    f"{name}: {path} is {path.stat().st_size / 2**20:,.0f} MB large; at most "
                    f"{limit / 2**20:,.0f} MB are taken."
                )
        except (OSError, ValueError) as error:
            problems.append(f"{name}: {path} cannot be read ({error}).")
    return problems


def _copy(source: Path, to: Path) -> None:
    """Copy contents and nothing else: no links, no owners, no rights."""
    try:
        if to.suffix == ".json":
            write_bytes_atomic(to, source.read_bytes())
        else:
            shutil.copyfile(source, to)
    except OSError as error:
        raise RenderRefused([f"{to.name}: {source} cannot be read ({error.strerror})."]) from error
