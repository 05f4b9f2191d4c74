"""What is left behind when a screen breaks: a file that says what happened, and nothing secret.

Runs are processes of their own, so none of them notices.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from engine.secrecy import Hider, key_names
from engine.teaching.keys import environment
from engine.workspace import Workspace

KEPT = 20
"""So many reports are kept; the oldest go."""

LAST_EVENTS = 20
"""So many lines from the end of the shown run's events."""

_SECRET = re.compile(
    r"(?i)((?:api[_-]?key|token|secret|password|authorization)\W{1,4})[^\s'\",]{6,}"
    r"|\b(?:sk|hf|ghp|xox[abp])[-_][A-Za-z0-9_-]{8,}"
)


def without_secrets(text: str, workspace: Path | None = None) -> str:
    """The text with the secrets of the environment, and what looks like one, taken out;
    ``workspace`` may name further variables as keys, and its targets have a ``.env``."""
    named = key_names(workspace)
    known = Hider(os.environ, named=named)(text)
    for target in Workspace(workspace).target_paths() if workspace else ():
        known = Hider(environment(target, {}), named=named)(known)
    return _SECRET.sub(lambda found: (found.group(1) or "") + "[taken out]", known)


def report_text(
    error: BaseException, *, screen: str, run_id: str | None, actions: Iterable[str], events: str
) -> str:
    """The report. The traceback has no values of variables: they may hold anything."""
    lines = [
        "factory-tui: a screen broke. Runs go on: each has a supervisor of its own.",
        "",
        f"when      {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        f"screen    {screen}" + (f", run {run_id}" if run_id else ""),
        f"versions  factory-tui {_version('factory-tui')}, textual {_version('textual')}, "
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}",
        f"terminal  TERM={os.environ.get('TERM', '')} "
        f"TERM_PROGRAM={os.environ.get('TERM_PROGRAM', '')}",
        f"did       {' '.join(actions) or 'nothing yet'}",
        "",
        "".join(traceback.format_exception(error)).rstrip(),
        "",
        f"The last events of {run_id}:" if events else "No events of a run were shown.",
        events,
    ]
    return without_secrets("\n".join(lines).rstrip() + "\n")


def leave_report(
    workspace: Path,
    error: BaseException,
    *,
    screen: str,
    run_id: str | None,
    actions: Iterable[str],
) -> str:
    """Write the report of a screen that broke; the sentences to be said about it.

    Where it cannot be written, the report itself is what is said.
    """
    events = last_events(Workspace(workspace).runs_dir / run_id) if run_id else ""
    text = report_text(error, screen=screen, run_id=run_id, actions=actions, events=events)
    text = without_secrets(text, workspace)
    path = write_report(workspace, text)
    return (
        f"A screen of factory-tui broke ({type(error).__name__}). Runs go on without it; "
        "factory-tui opens it again.\n" + (f"What happened is in {path}" if path else text)
    )


def last_events(run: Path) -> str:
    """The last lines of a run's events, as they stand in the file; "" where there are none."""
    try:
        with (run / "events.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 64 * 1024))
            data = file.read()
    except OSError:
        return ""
    return "\n".join(data.decode("utf-8", "replace").splitlines()[-LAST_EVENTS:])


def write_report(workspace: Path, text: str) -> Path | None:
    """Keep a report in the workspace's ``.factory/crashes/``; None where it cannot be written."""
    directory = Workspace(workspace).local_dir / "crashes"
    path = directory / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}-{os.getpid()}.txt"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        for old in sorted(directory.glob("*.txt"))[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        print(f"factory-tui: no crash report at {path}: {error.strerror}", file=sys.stderr)
        return None
    return path


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "?"
