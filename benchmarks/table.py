"""Runs every benchmark and renews the tables of figures in the README and in docs/benchmarks.md.

    python benchmarks/table.py                      all of them: an hour or more
    python benchmarks/table.py --only watched       one or some
    python benchmarks/table.py --only soak          one that takes hours, which "all" leaves out
    python benchmarks/table.py --only soak --take FILE   from what its own --json has written
    python benchmarks/table.py --render             only the pages, from the figures that are kept

What a machine gave is kept in ``docs/benchmarks/<kind>.json``, kind being what MLX computes on:
cpu, metal or cuda. Each kind is a column; what was not measured there is a dash. A benchmark that
fails keeps its older figures, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from engine.costs.bench_store import this_machine

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "docs" / "benchmarks"
PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
MARKS = ("<!-- benchmarks: begin -->", "<!-- benchmarks: end -->")
TIMEOUT_S = 3600
LONG_TIMEOUT_S = 4 * 3600

SCRIPTS = [
    "first_paint",
    "cold_start",
    "many_runs",
    "watched",
    "event_path",
    "stage_start",
    "open_history",
    "screen_memory",
    "log_pane",
    "screen_load",
    "chart",
    "idle_cpu",
    "limits",
    "train_throughput",
    "eval_throughput",
    "export",
    "research_noise",
]
"""In the order of the table."""

LONG = {"soak": "scripts/soak.py"}
"""Those that only run when they are named, and where they are."""

NAMES = [*SCRIPTS, *LONG]

MORE = {"first_paint": ["--peers", str(ROOT / ".cache" / "peers")]}
"""What a script is told besides."""

AREAS = [
    "Start",
    "Training",
    "Evaluation",
    "Events",
    "Workspaces",
    "Logs",
    "Screen",
    "Soak",
    "Export",
]
"""Areas in the order of the table; others follow by name."""

CHOSEN = (
    "first-paint-",
    "help",
    "list-1000",
    "watched-",
    "stage-start",
    "train-tok-s-",
    "eval-25m-",
    "event-pane",
    "event-flood",
    "open-history",
    "many-sorted-table-kept",
    "list-growth",
    "log-large-open",
    "soak-screen",
    "soak-events",
)
"""What the README shows, by the beginnings of keys; and whatever does not hold."""

KINDS = {"cpu": "processor", "metal": "Mac (Metal)", "cuda": "NVIDIA (CUDA)"}

ASK = """
import mlx.core as mx
device = mx.default_device()
if device.type == mx.DeviceType.gpu:
    print("metal" if mx.metal.is_available() else "cuda")
else:
    print("cpu")
"""


def kind() -> str:
    """What MLX computes on here."""
    return subprocess.check_output([sys.executable, "-c", ASK], text=True).strip()


def here() -> dict[str, Any]:
    """The machine and the versions, as the table names them."""
    from importlib.metadata import version

    found = this_machine()
    return {
        "chip": found.chip or platform.machine(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("mlx", "mlx-lm", "textual")},
    }


def script_of(name: str) -> str:
    """Where a benchmark is, from the root."""
    return LONG.get(name, f"benchmarks/{name}.py")


def measure(name: str, quick: bool) -> list[dict[str, Any]] | None:
    """The figures of one benchmark; None where it gave none, which is said."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "figures.json"
        script = str(ROOT / script_of(name))
        command = [sys.executable, script, "--json", str(out), *MORE.get(name, [])]
        limit = LONG_TIMEOUT_S if name in LONG else TIMEOUT_S
        started = time.monotonic()
        print(f"— {name}", flush=True)
        try:
            code = subprocess.run(
                [*command, *(["--quick"] if quick else [])], cwd=ROOT, timeout=limit
            ).returncode
        except subprocess.TimeoutExpired:
            print(f"✘ {name} was given up after {limit} s.", flush=True)
            return None
        print(f"  {time.monotonic() - started:.0f} s", flush=True)
        if not out.is_file():
            print(f"✘ {name} gave no figures (exit code {code}).", flush=True)
            return None
        found: list[dict[str, Any]] = json.loads(out.read_text())
        return found


def keep(path: Path, name: str, figures: list[dict[str, Any]], quick: bool) -> None:
    """Put a benchmark's figures of today in place of its older ones."""
    old = json.loads(path.read_text())["figures"] if path.is_file() else []
    about = {"script": name, "day": f"{datetime.now(UTC):%Y-%m-%d}", "quick": quick}
    merged = [one for one in old if one["script"] != name] + [one | about for one in figures]
    merged.sort(key=lambda one: NAMES.index(one["script"]))
    path.parent.mkdir(exist_ok=True)
    text = json.dumps({"machine": here(), "figures": merged}, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def read_all() -> dict[str, dict[str, Any]]:
    """Kind to what is kept of it."""
    paths = {name: KEPT / f"{name}.json" for name in KINDS}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.is_file()}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _mark(figure: dict[str, Any]) -> str:
    return {True: " ✔", False: " ✘"}.get(figure["holds"], "")


def rows_of(kept: dict[str, dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Area to its figures, each key once, in the order of the table."""
    areas: dict[str, dict[str, dict[str, Any]]] = {}
    for one in kept.values():
        for figure in one["figures"]:
            areas.setdefault(figure["area"], {}).setdefault(figure["key"], figure)
    names = sorted(areas, key=lambda area: (AREAS.index(area) if area in AREAS else 99, area))
    return [(area, list(areas[area].values())) for area in names]


def machine_words(one: dict[str, Any]) -> str:
    """A machine in a line."""
    found = one["machine"]
    days = sorted({figure["day"] for figure in one["figures"]})
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return (
        f"{found['chip']}, {found['cores']} cores, {found['memory_gb']} GB, {found['system']}, "
        f"Python {found['python']}, MLX {found['mlx']}, mlx-lm {found['mlx-lm']}, "
        f"Textual {found['textual']}; {span}"
    )


def page(kept: dict[str, dict[str, Any]]) -> str:
    """docs/benchmarks.md."""
    lines = ["# Benchmarks", ""]
    lines.append(
        "Made by `python benchmarks/table.py`, which runs each script and renews this page and the "
        "README; `--only NAME` runs one. Peers are measured in the same run, in turn with ours. "
        "A dash: nobody has measured that on such a machine yet."
    )
    lines.append("")
    lines += [f"- {KINDS[name]}: {machine_words(one)}" for name, one in kept.items()]
    for area, figures in rows_of(kept):
        lines += ["", f"## {area}", ""]
        lines.append(f"| what | asked | {' | '.join(KINDS.values())} | peers in that run | again |")
        lines.append("|---" * (len(KINDS) + 4) + "|")
        for figure in figures:
            cells = [_cell(figure["what"]), _cell(figure["asked"])]
            peers = []
            for name in KINDS:
                found = _find(kept.get(name), figure["key"])
                cells.append(_cell(found["measured"]) + _mark(found) if found else "–")
                if found and found["against"]:
                    peers.append(_cell(found["against"]))
            short = " --quick" if figure["quick"] else ""
            again = f"`python {script_of(figure['script'])}{short}`"
            lines.append(f"| {' | '.join([*cells, '; '.join(peers), again])} |")
    return "\n".join(lines) + "\n"


def _find(one: dict[str, Any] | None, key: str) -> dict[str, Any] | None:
    figures = one["figures"] if one is not None else []
    return next((figure for figure in figures if figure["key"] == key), None)


def readme_table(kept: dict[str, dict[str, Any]]) -> str:
    """The README's table: the figures that are CHOSEN, on the first machine that is kept."""
    name, one = next(iter(kept.items()))
    asked = [figure["holds"] for figure in one["figures"] if figure["holds"] is not None]
    lines = [
        f"Measured on: {machine_words(one)}. Peers were measured in the same run, in turn. "
        f"[All figures](docs/benchmarks.md), with a column for each kind of accelerator: "
        f"{sum(asked)} of {len(asked)} are what was asked for.",
        "",
        f"| what | {KINDS[name]} | asked | peers in the same run |",
        "|---|---|---|---|",
    ]
    for _, figures in rows_of({name: one}):
        for figure in figures:
            if figure["key"].startswith(CHOSEN) or figure["holds"] is False:
                words = (figure["what"], figure["measured"] + _mark(figure), figure["asked"])
                lines.append(f"| {' | '.join(map(_cell, (*words, figure['against'])))} |")
    return "\n".join(lines)


def render() -> None:
    """Write the pages from what is kept."""
    kept = read_all()
    if not kept:
        sys.exit("No figures are kept yet: python benchmarks/table.py measures them.")
    PAGE.write_text(page(kept), encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    README.write_text(
        f"{before}{MARKS[0]}\n{readme_table(kept)}\n{MARKS[1]}{after}", encoding="utf-8"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=NAMES, default=SCRIPTS, metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="the short forms; for trying it out")
    parser.add_argument("--take", type=Path, metavar="FILE", help="figures that --only ONE wrote")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    options = parser.parse_args()
    if options.take is not None and len(options.only) != 1:
        parser.error("--take is for the figures of one: name it with --only NAME")
    failed = []
    if not options.render:
        path = KEPT / f"{kind()}.json"
        for name in options.only:
            taken = options.take
            figures = json.loads(taken.read_text()) if taken else measure(name, options.quick)
            if figures:
                keep(path, name, figures, options.quick)
            else:
                failed.append(name)
    render()
    for name in failed:
        print(f"✘ {name}: its older figures stand, where there are any.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
