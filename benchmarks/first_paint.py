"""Start to first paint of the control room beside a bare Textual app and known Textual apps.

All are started in turn through a pseudo-terminal of 120×40. A program's time is from its start to
the moment the terminal has received a text that only its painted screen holds: for the control room
the rows of the sample runs, so that an empty frame does not count. Processor time until then stands
beside it: on a busy machine it says more.

    python benchmarks/first_paint.py [--runs N] [--limit RATIO] [--peers DIR] [--json FILE]

With --peers Posting and Harlequin are measured too; DIR holds a virtual environment of each, and is
filled from the package index where it is empty. Prints medians and the median of the pairwise
ratios; with --limit, exit code 1 when the ratio to the bare app is above it.
"""

from __future__ import annotations

import argparse
import compileall
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from figures import Figure, add_json_option, report
from terminal import Terminal

from engine.samples import copy_samples

ROOT = Path(__file__).resolve().parents[1]
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("painted-by-a-bare-app")
Bare().run()
"""
ASKED = 1.5
"""Times a bare app."""

ASKED_OF_PEERS = 0.5


@dataclass(frozen=True)
class App:
    """A program that is started: what only its painted screen holds tells when it is there."""

    name: str
    command: list[str]
    marker: bytes


@dataclass(frozen=True)
class Start:
    """One start. Seconds until the paint, and processor seconds that it took."""

    wall: float
    processor: float


def first_paint(app: App, cwd: Path) -> Start:
    """Start an app and wait for its paint. RuntimeError when it never comes."""
    # An installed program finds its modules compiled, and these make nothing in a person's home.
    clean = ["/usr/bin/env", "-u", "PYTHONDONTWRITEBYTECODE", f"HOME={cwd}"]
    started = time.monotonic()
    with Terminal([*clean, *app.command], (120, 40)) as terminal:
        painted = terminal.wait_for(app.marker) - started
        used = psutil.Process(terminal.pid).cpu_times()
    return Start(painted, used.user + used.system)


def peers(directory: Path) -> list[App]:
    """Posting and Harlequin, each from a virtual environment of its own in a directory; what cannot
    be installed is said and left out."""
    found = []
    for name, also, arguments, marker in (
        # Posting's editor does not start with 0.26.
        (
            "posting",
            "tree-sitter==0.25.*",
            ["--collection", str(directory)],
            b"nter a URL or paste",
        ),
        ("harlequin", "harlequin", [":memory:"], b"Data Catalog"),
    ):
        home = directory / name
        program = home / "bin" / name
        if not program.exists():
            print(f"installing {name} into {home} …", flush=True)
            make = [sys.executable, "-m", "venv", str(home)]
            install = [str(home / "bin" / "pip"), "install", "-q", name, also]
            if subprocess.run(make).returncode or subprocess.run(install).returncode:
                print(f"{name} cannot be installed and is left out.")
                continue
        ask = f"from importlib.metadata import version; print(version('{name}'))"
        version = subprocess.check_output([str(home / "bin" / "python"), "-c", ask], text=True)
        found.append(App(f"{name} {version.strip()}", [str(program), *arguments], marker))
    return found


def figures(starts: Mapping[str, Sequence[Start]]) -> list[Figure]:
    """Our time beside the bare app's, then beside each peer's."""
    ours, bare, *others = starts
    walls = {name: statistics.median(one.wall for one in starts[name]) for name in starts}
    found = []
    for name in (bare, *others):
        pairs = list(zip(starts[ours], starts[name], strict=True))
        ratio = statistics.median(a.wall / b.wall for a, b in pairs)
        work = statistics.median(a.processor / b.processor for a, b in pairs)
        asked = ASKED if name == bare else ASKED_OF_PEERS
        found.append(
            Figure(
                f"first-paint-{name.split()[0]}",
                "Start",
                f"start to first paint with the sample runs, times {name}",
                f"{ratio:.2f} ({walls[ours] * 1000:.0f} ms; processor time {work:.2f})",
                asked=f"{'≤' if name == bare else '<'} {asked:g}",
                holds=ratio <= asked if name == bare else ratio < asked,
                against=f"{name} {walls[name] * 1000:.0f} ms",
            )
        )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--limit", type=float, help="the highest ratio to a bare app")
    parser.add_argument("--peers", type=Path, help="a directory of virtual environments")
    add_json_option(parser)
    options = parser.parse_args()
    compileall.compile_dir(ROOT / "engine", quiet=2)
    compileall.compile_dir(ROOT / "tui", quiet=2)
    with tempfile.TemporaryDirectory() as directory:
        workspace = copy_samples(Path(directory) / "workspace")
        newest = max(path.name for path in workspace.run_paths())
        marker = newest.removeprefix("20").split("-", 1)[1].encode()
        apps = [
            App("control room", [sys.executable, "-m", "tui", "-w", str(workspace.path)], marker),
            App("a bare Textual app", [sys.executable, "-c", BARE], b"painted-by-a-bare-app"),
            *(peers(options.peers.resolve()) if options.peers else ()),
        ]
        starts: dict[str, list[Start]] = {app.name: [] for app in apps}
        for number in range(options.runs + 1):
            for app in apps:
                start = first_paint(app, Path(directory))
                if number:  # the first round warms the file cache
                    starts[app.name].append(start)
    report(figures(starts), options.json)
    pairs = zip(*list(starts.values())[:2], strict=True)
    ratio = statistics.median(ours.wall / bare.wall for ours, bare in pairs)
    if options.limit is not None and ratio > options.limit:
        print(f"above the limit of {options.limit}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
