"""Which CUDA build of MLX fits a machine with an NVIDIA card.

Needs are those that MLX's own page of installation states: architecture SM 7.5 or newer, driver
550.54.14 or newer for CUDA 12, 580 or newer for CUDA 13, glibc 2.35 or newer
(ml-explore.github.io/mlx, "Build and Install", read in November 2026).
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

ASK = ["nvidia-smi", "--query-gpu=name,driver_version,compute_cap,memory.total"]
FORMAT = "--format=csv,noheader,nounits"
TIMEOUT_S = 10.0

LEAST_ARCHITECTURE = (7, 5)
DRIVERS = {"cuda13": (580,), "cuda12": (550, 54, 14)}
"""The extra to the oldest driver that it works with; the first that fits is taken."""


@dataclass(frozen=True)
class Card:
    """One card. ``driver`` and ``architecture`` as numbers, ``memory`` in bytes."""

    name: str
    driver: tuple[int, ...]
    architecture: tuple[int, ...]
    memory: int | None


def cards() -> list[Card] | None:
    """The cards that the driver tells of; None where there is no driver, or it does not answer."""
    try:
        done = subprocess.run(
            [*ASK, FORMAT], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse(done.stdout) if done.returncode == 0 else None


def parse(text: str) -> list[Card]:
    """What nvidia-smi printed, a card a line; lines of another form are passed over."""
    found = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) != 4 or not _numbers(parts[1]) or not _numbers(parts[2]):
            continue
        memory = int(parts[3]) * 2**20 if parts[3].isdigit() else None
        found.append(Card(parts[0], _numbers(parts[1]), _numbers(parts[2]), memory))
    return found


def fitting_extra(card: Card) -> str | None:
    """The extra of this program that brings MLX for the card; None where none does."""
    if card.architecture < LEAST_ARCHITECTURE:
        return None
    return next((name for name, least in DRIVERS.items() if card.driver >= least), None)


def why_not(card: Card) -> str:
    """Why no build of MLX fits a card."""
    if card.architecture < LEAST_ARCHITECTURE:
        return f"its architecture is SM {dotted(card.architecture)}, MLX needs SM 7.5 or newer"
    return f"its driver is {dotted(card.driver)}, MLX needs {dotted(DRIVERS['cuda12'])} or newer"


def dotted(numbers: tuple[int, ...]) -> str:
    """(550, 54) as "550.54"."""
    return ".".join(map(str, numbers))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split("."))) if re.fullmatch(r"\d{1,6}(\.\d{1,6})*", text) else ()
