"""Where a link may lead: to the web, or to nowhere and be text."""

from __future__ import annotations

from dataclasses import dataclass

from engine.web_address import web_address


@dataclass(frozen=True, slots=True)
class SourceView:
    """``href``: a web address, None where a page may not lead there. ``place``: a path within the
    workspace, which is shown as text, else ""."""

    name: str
    href: str | None
    place: str
    note: str


def source_view(name: str, href: str | None, note: str | None = None) -> SourceView:
    address = web_address(href) if href else None
    place = href if href and _of_the_workspace(href) else ""
    return SourceView(name, address, place, note or "")


def _of_the_workspace(place: str) -> bool:
    """Whether a place is a path within the workspace: one of this machine is nobody's business,
    and an address that a page may not lead to may hold a password."""
    return not place.startswith(("/", "~", "\\")) and ":" not in place
