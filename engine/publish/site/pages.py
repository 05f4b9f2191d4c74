"""Views → the HTML of a page, with its style inside; it has no script and loads nothing.

Whatever a model, a person or a file wrote is text in it: escaped, with its control characters made
visible, and cut where it is longer than anyone reads.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.publish.markdown import clip, visible
from engine.publish.site.artifact_view import STATE_MEANING, TONES, ArtifactView
from engine.publish.site.target_view import TargetView

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
LONGEST = 4000
"""Characters of one text; its file has the rest."""

CONTENTS = (
    ("numbers", "Headline"),
    ("evidence", "Evidence"),
    ("competition", "Competition"),
    ("rejected", "Rejected attempts"),
    ("blockers", "Blockers"),
    ("report-card", "Report card"),
    ("provenance", "Provenance"),
    ("next", "Next action"),
)
"""The sections of an artifact's page, in their order."""


@dataclass(frozen=True, slots=True)
class SiteFrame:
    """What every page says of the site around it. ``base_url`` ends with a slash, or is ""."""

    targets: tuple[TargetView, ...]
    feed: bool
    base_url: str = ""

    def canonical(self, address: str) -> str:
        return self.base_url + address if self.base_url else ""


def index_page(site: SiteFrame, entries: list[ArtifactView]) -> str:
    states = [(tone, state.value, STATE_MEANING[state]) for state, tone in TONES.items()]
    return _render("index.html.j2", site, "index.html", entries=entries, states=states)


def artifact_page(site: SiteFrame, view: ArtifactView) -> str:
    reasons = any(one.why for one in view.rejected)
    return _render(
        "artifact.html.j2", site, view.address, one=view, contents=CONTENTS, reasons=reasons
    )


def target_page(site: SiteFrame, view: TargetView) -> str:
    return _render("target.html.j2", site, view.address, one=view)


def _render(template: str, site: SiteFrame, address: str, **more: Any) -> str:
    style, digest = _style()
    return (
        _environment()
        .get_template(template)
        .render(
            site=site,
            here=address,
            root="../" * address.count("/"),
            style=style,
            style_hash=digest,
            **more,
        )
    )


@cache
def _style() -> tuple[str, str]:
    """The style and its hash, by which the page's policy allows it and nothing else."""
    style = (_TEMPLATES / "site.css").read_text("utf-8")
    digest = hashlib.sha256(style.encode("utf-8")).digest()
    return style, base64.b64encode(digest).decode("ascii")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only for a site

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["brief"] = _brief
    return environment


def _shown(value: Any) -> Any:
    """Text as it is shown: bounded, and what cannot be seen or would turn the line has a sign."""
    # Markup is the page's own; only plain text comes from elsewhere.
    if type(value) is not str:
        return value
    rest = len(value) - LONGEST
    shown = visible(value[:LONGEST])
    return f"{shown}… ({rest:,} more characters are in the file)" if rest > 0 else shown


def _brief(text: str, length: int) -> str:
    """The beginning of a text in one line, for a list and a title."""
    return clip(" ".join(text[:LONGEST].split()), length)
