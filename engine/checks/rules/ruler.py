"""The suites themselves: can they be solved at all?"""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, info, warning
from engine.checks.rulers import judged_rulers
from engine.judge.ruler import Ruler


def ceilings(contents: RunContents) -> Iterator[Finding]:
    """No suite has a ceiling so low that it is broken, not hard."""
    for one in judged_rulers(contents):
        if one.ceiling is None or one.finding.ruler not in (Ruler.BROKEN, Ruler.DOUBTFUL):
            continue
        make = warning if one.finding.ruler is Ruler.BROKEN else info
        yield make(
            "ruler-broken" if one.finding.ruler is Ruler.BROKEN else "ruler-doubtful",
            "ceilings.json",
            f"/ceilings/{one.place}/score",
            f"{one.suite}: {one.finding.sentence}",
            "Look at the examples that the stronger model got wrong; mend the suite, then make a "
            "new run.",
        )
