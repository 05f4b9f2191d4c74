"""Exporting a run of a million events, in each format, beside plain readers of the same file.

    python benchmarks/export.py [--quick] [--check] [--events N]

Each line is a process of its own, timed from its start to its end, with its highest resident set.
The peers do less: ``json.loads`` of each line and nothing else, and DuckDB's own reader of JSON
lines, which writes each event as one row of a Parquet file (a metric's numbers stay together in
it, in one structure). With --check the exit code is 1 when an export takes over 40 s or 300 MB for
a million events, or more than twice the memory of a tenth of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from events import history, run_folder
from figures import Figure, add_json_option, report
from terminal import table, verdict

SECONDS, MEMORY_MB, GROWTH = 40.0, 300, 2.0
JSON = "import json, sys\nfor line in open(sys.argv[1], 'rb'):\n    json.loads(line)"
DUCKDB = """
import duckdb, sys
read = f"SELECT * FROM read_json('{sys.argv[1]}', format='newline_delimited')"
duckdb.sql(f"COPY ({read}) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)")
"""


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a command; RuntimeError when it fails."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    said = child.stderr.read().decode()
    _, status, used = os.wait4(child.pid, 0)
    took = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command[:5])}: {said}")
    return took, used.ru_maxrss / 2 ** (20 if sys.platform == "darwin" else 10)


def size(path: Path) -> float:
    """Megabytes (10**6) of a file or of all files of a folder."""
    files = path.iterdir() if path.is_dir() else (path,)
    return sum(one.stat().st_size for one in files) / 1e6


def exported(workspace: Path, kind: str) -> tuple[float, float, float]:
    """Seconds, peak memory and size of one export."""
    out = workspace / f"out-{kind}"
    command = [sys.executable, "-m", "engine.cli", "export", "--workspace", str(workspace)]
    took, peak = timed([*command, "--out", str(out), "--format", kind])
    return took, peak, size(out)


def workspace_of(directory: Path, count: int) -> tuple[Path, Path]:
    """A workspace of one run of so many events, and its log."""
    workspace = directory / str(count)
    log = run_folder(workspace, "2026-11-20-long", phase="evaluated") / "events.jsonl"
    with log.open("w") as file:
        file.writelines(history(count))
    return workspace, log


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the events")
    parser.add_argument("--check", action="store_true", help="exit code 1 over the limits")
    parser.add_argument("--slack", type=float, default=1.0, help="the limits times this")
    parser.add_argument("--events", type=int, default=1_000_000)
    add_json_option(parser)
    options = parser.parse_args()
    count = options.events // 10 if options.quick else options.events
    kinds = ["csv", *(("duckdb", "parquet") if find_spec("duckdb") else ())]
    rows = [["", "time", "events a second", "memory", "size"]]
    wrong: list[str] = []
    figures: list[Figure] = []
    allowed_s = SECONDS * options.slack * max(0.1, count / 1e6)

    def row(name: str, took: float, peak: float, megabytes: float | None) -> list[str]:
        shown = "" if megabytes is None else f"{megabytes:,.0f} MB"
        return [name, f"{took:.1f} s", f"{count / took:,.0f}", f"{peak:,.0f} MB", shown]

    with tempfile.TemporaryDirectory() as directory:
        few, _ = workspace_of(Path(directory), count // 10)
        workspace, log = workspace_of(Path(directory), count)
        for kind in kinds:
            _, before, _ = exported(few, kind)
            took, peak, megabytes = exported(workspace, kind)
            rows.append(row(f"export {kind}", took, peak, megabytes))
            figures.append(
                Figure(
                    f"export-{kind}",
                    "Export",
                    f"{count:,} events exported as {kind}",
                    f"{took:.1f} s, {peak:,.0f} MB of memory",
                    asked=f"≤ {allowed_s:g} s, ≤ {MEMORY_MB} MB",
                    holds=took <= allowed_s and peak <= MEMORY_MB,
                )
            )
            if took > allowed_s:
                wrong.append(f"{kind} took {took:.1f} s")
            if peak > MEMORY_MB:
                wrong.append(f"{kind} took {peak:,.0f} MB, {MEMORY_MB} allowed")
            if peak > GROWTH * before:
                wrong.append(f"{kind}: {before:,.0f} MB of a tenth, {peak:,.0f} MB of all")
        rows.append(row("json.loads", *timed([sys.executable, "-c", JSON, str(log)]), None))
        if find_spec("duckdb"):
            out = workspace / "peer.parquet"
            took, peak = timed([sys.executable, "-c", DUCKDB, str(log), str(out)])
            rows.append(row("DuckDB's read_json", took, peak, size(out)))
        print(f"{count:,} events, {size(log):.0f} MB")
    print(table(rows))
    report(figures, options.json)
    return verdict(wrong, options.check)


if __name__ == "__main__":
    sys.exit(main())
