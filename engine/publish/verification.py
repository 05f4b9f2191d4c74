"""Whether a run is verified, as its report and card say it. Pure."""

from __future__ import annotations

from engine.checks.contents import RunContents
from engine.checks.verified import Verified, verify

_OF_ITSELF = "report"
"""This link says whether the report is there and right; a report says nothing of itself."""


def verified(contents: RunContents) -> Verified:
    """Every link of the run but that to its report."""
    found = verify(contents)
    return Verified(tuple(link for link in found.links if link.name != _OF_ITSELF))
