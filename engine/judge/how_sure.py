"""What says how sure the numbers of a run are, beside its gates: seeds, tries, the suite's size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.judge.measured import Measured
from engine.judge.seed_scores import asks_for_seeds, seed_scores
from engine.judge.suite_power import suite_power
from engine.judge.tries import Tries


@dataclass(frozen=True, slots=True)
class Sureness:
    """A sentence; ``fine`` is False where it is a warning. ``topic`` is what it is about."""

    fine: bool
    sentence: str
    topic: str


def how_sure(run: str, measured: Measured, tries: Tries | None) -> Iterator[Sureness]:
    """A sentence for each thing that is known; ``tries`` are those up to this run."""
    opened = measured.config.eval.opens
    if opened is not None:
        said = f"The sealed suite {opened} was opened for this run."
        yield Sureness(True, said, "Sealed suite")
    if asks_for_seeds(measured):
        seeds = seed_scores(measured)
        if isinstance(seeds, str):
            yield Sureness(False, f"Not every seed counts. {seeds}", "Training seeds")
        else:
            yield Sureness(True, seeds.sentence, "Training seeds")
    if tries is not None:
        yield Sureness(tries.count == 1, tries.sentence(run), "Tries at this gold set")
    reach = suite_power(measured)
    if reach is not None:
        yield Sureness(not reach.too_small, reach.sentence, "Size of the suite")
