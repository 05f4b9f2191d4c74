"""What is said before rows leave a run: what they are, and what they must not become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.answers.trace_export import Chosen
from tui.views.cells import Cell
from tui.views.plain import plain

SHOWN_SUITES = 4


def export_words(chosen: Sequence[Chosen], marked: bool, in_gold: int | None) -> list[list[Cell]]:
    """The lines of the question where to. ``in_gold`` is how many of the rows the data stage would
    leave out, None where the gold files are not here."""
    suites = Counter(one.file.suite for one in chosen)
    names = [
        f"{plain(name, clip=40)} {count:,}" for name, count in suites.most_common(SHOWN_SUITES)
    ]
    more = f" and {len(suites) - SHOWN_SUITES} more" if len(suites) > SHOWN_SUITES else ""
    n = len(chosen)
    rows = "1 row" if n == 1 else f"{n:,} rows"
    which = "marked" if marked else "all that are listed"
    lines = [
        [Cell(f"{rows} ({which}): "), Cell(", ".join(names) + more, "strong")],
        [],
        [
            Cell("⚠ Held-out rows must not be trained on: ", "warn"),
            Cell(
                "a model that has seen them has a score that means nothing. Use them to write new "
                "rows of the same kind. Each is marked "
            ),
            Cell('"origin": "gold:<suite>"', "strong"),
            Cell("."),
        ],
    ]
    if in_gold is None:
        what = "The gold files are not on this machine: nobody can say what it would leave out."
    else:
        what = f"Of these {n:,} it would leave out {in_gold:,}."
    lines.append(
        [Cell("The data stage leaves out every row whose prompt stands in gold. " + what, "muted")]
    )
    return [*lines, []]
