"""Which run another one is best seen beside. No Textual in here."""

from __future__ import annotations

from collections.abc import Iterable

from engine.catalogue.summary import RunSummary


def other_run(this: RunSummary, runs: Iterable[RunSummary]) -> str | None:
    """The best other run of the same target by its recorded score, else the newest; None if none.

    Scores are only compared where both runs say the same direction.
    """
    others = [one for one in runs if one.target == this.target and one.run_id != this.run_id]
    scored = [
        (one.primary_candidate, one.run_id)
        for one in others
        if one.primary_candidate is not None and one.direction == this.direction
    ]
    if scored:
        best = max(scored) if this.direction == "higher" else min(scored)
        return best[1]
    return max((one.run_id for one in others), default=None)
