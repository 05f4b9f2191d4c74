"""Where a link may lead: to the web, or to nowhere and be text."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_ADDRESS = 2000


@dataclass(frozen=True, slots=True)
class SourceView:
    """``href`` is a web address; None where the source is a file of the workspace or no address
    that a page may lead to: then ``place`` is shown as text."""

    name: str
    href: str | None
    place: str
    note: str


def source_view(name: str, href: str | None, note: str | None = None) -> SourceView:
    address = web_address(href) if href else None
    place = "" if address or not href or _private(href) else href
    return SourceView(name, address, place, note or "")


def web_address(href: str) -> str | None:
    """``href`` where it is an http(s) address with a host and without a user, else None."""
    if len(href) > MAX_ADDRESS or any(not 0x20 < ord(char) < 0x7F for char in href):
        return None
    try:
        parts = urlsplit(href)
        host, user = parts.hostname, parts.username
    except ValueError:
        return None
    return href if parts.scheme in ("http", "https") and host and user is None else None


def _private(place: str) -> bool:
    """Whether a path is one of this machine and no one else's business."""
    return place.startswith(("/", "~", "\\", "file:")) or place[1:3] in (":\\", ":/")
