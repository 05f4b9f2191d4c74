"""``validate --fix``: shows each fix with its difference and writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.cli.console import printable
from engine.differences import difference
from engine.fixing import apply, check


def mend(run: Path, also: frozenset[str], *, dry_run: bool, quiet: bool) -> list[dict[str, Any]]:
    """Apply the fixes of a run that are made by default, and those of the files in ``also``.

    Returns what became of each, for JSON; prints it unless ``quiet``. OSError where the folder
    cannot be listed.
    """
    entries = []
    for fix in check(run).fixes:
        wanted = fix.by_default or fix.file in also
        problem = None
        if wanted and not dry_run:
            problem = apply(run, [fix])[0].problem
        state = "left" if not wanted else "planned" if dry_run else "refused" if problem else "done"
        lines = difference(fix)
        entries.append(
            {
                "file": fix.file,
                "state": state,
                "why": list(fix.why),
                "problem": problem,
                "difference": [line.text for line in lines],
            }
        )
        if quiet:
            continue
        print(f"fix {printable(run.name)}/{printable(fix.file)}: {state}")
        for why in (*fix.why, *([problem] if problem else [])):
            print(f"  → {printable(why)}")
        if state == "left":
            print(f"  → Not made by itself. To make it: --fix --also {printable(fix.file)}")
        for line in lines:
            print(f"    {printable(line.text)}")
    return entries
