"""What each dependency costs, measured here, into the tables of ``docs/dependencies.md``.

Size is what pip wrote for the package, and with everything that no other dependency needs. Import
time is the median of processes that import it alone, taken in turns, each with the standard library
warm; ``-X importtime`` says the same in more lines. Prints the tables; ``--write`` puts them there.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "dependencies.md"
COSTS, BROUGHT = "costs", "brought"
MODULES = {
    "textual": "textual.app",
    "mlx": "mlx.core",
    "mlx-lm": "mlx_lm.utils",
    "markdown-it-py": "markdown_it",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def plain_name(name: str) -> str:
    """A distribution's name as all spellings of it have it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needs(name: str) -> set[str]:
    """What an installed distribution needs on this machine, itself not counted; only what is
    installed. An extra counts where its packages are there."""
    found = set()
    for one in metadata.requires(name) or ():
        wanted, _, marker = one.partition(";")
        if "extra" in marker and "[cpu]" not in one and not _asked(name, marker):
            continue
        match = _NAME.match(wanted.strip())
        if match and installed(match[0]):
            found.add(plain_name(match[0]))
    return found


def _asked(name: str, marker: str) -> bool:
    return plain_name(name) == "mlx" and "cpu" in marker


def installed(name: str) -> bool:
    """Whether a distribution of this name is installed."""
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def closure(names: Iterable[str]) -> set[str]:
    """These distributions and all that they need."""
    found: set[str] = set()
    waiting = [plain_name(name) for name in names if installed(name)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needs(name)
    return found


def size(name: str) -> int:
    """Bytes that pip wrote for a distribution."""
    files = metadata.files(name) or ()
    paths = (Path(str(one.locate())) for one in files)
    return sum(path.stat().st_size for path in paths if path.is_file())


def licence(name: str) -> str:
    """What a distribution's metadata says of its licence, in a few words."""
    found = metadata.metadata(name)
    if said := found.get("License-Expression"):
        return said
    ways = [one for one in found.get_all("Classifier") or () if one.startswith("License ::")]
    if ways:
        return ways[0].rpartition("::")[2].strip()
    lines = (found.get("License") or "").strip().splitlines()
    return lines[0][:40] if lines else "not recorded"


def import_ms(modules: list[str], rounds: int) -> dict[str, float]:
    """Module to milliseconds of its import, beyond those of an interpreter that imports nothing."""
    code = "import sys, time; b = time.perf_counter(); __import__(sys.argv[1]); "
    code += "print((time.perf_counter() - b) * 1000)"
    taken: dict[str, list[float]] = {one: [] for one in modules}
    for _ in range(rounds + 1):
        for one in modules:
            done = subprocess.run(
                [sys.executable, "-c", code, one], capture_output=True, text=True, check=True
            )
            taken[one].append(float(done.stdout.split()[-1]))
    return {one: statistics.median(values[1:]) for one, values in taken.items()}


def megabytes(count: int) -> str:
    """Bytes as the tables have them."""
    return f"{count / 1e6:.1f} MB" if count < 1e7 else f"{count / 1e6:.0f} MB"


def table_of(text: str) -> list[list[str]]:
    """The rows of the table of costs: package, what for, size, import, licence, when, who."""
    lines = between(text, COSTS).strip().splitlines()
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def between(text: str, name: str) -> str:
    """What stands between the marks of one table."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    return text[text.index(begin) + len(begin) : text.index(end)]


def costs(rows: list[list[str]], rounds: int) -> list[list[str]]:
    """The rows with size, import time and licence measured anew."""
    names = [row[0] for row in rows[2:]]
    taken = import_ms([MODULES.get(name, name) for name in names], rounds)
    made = rows[:2]
    for name, row in zip(names, rows[2:], strict=True):
        alone = size(name)
        only = closure([name]) - closure(one for one in names if one != name)
        brings = sum(size(one) for one in only - {plain_name(name)})
        told = megabytes(alone) + (f", {megabytes(alone + brings)} with its own" if brings else "")
        spent = f"{taken[MODULES.get(name, name)]:.0f} ms"
        made.append([name, row[1], told, spent, licence(name), *row[5:]])
    return made


def brought(names: list[str]) -> str:
    """The packages that others bring, with size and licence, one a line."""
    others = sorted(closure(names) - {plain_name(name) for name in names})
    lines = [f"| {one} | {megabytes(size(one))} | {licence(one)} |" for one in others]
    return "\n".join(["| package | size | licence |", "|---|---|---|", *lines])


def main() -> None:
    """Measure; print, or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into the page")
    parser.add_argument("--rounds", type=int, default=7, help="imports of each, in turns")
    wish = parser.parse_args()
    text = PAGE.read_text("utf-8")
    rows = costs(table_of(text), wish.rounds)
    names = [row[0] for row in rows[2:]]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    for name, made in ((COSTS, table), (BROUGHT, brought(names))):
        before, after = f"<!-- {name} -->", f"<!-- /{name} -->"
        text = text.replace(f"{before}{between(text, name)}{after}", f"{before}\n{made}\n{after}")
        print(made, end="\n\n")
    if wish.write:
        PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
