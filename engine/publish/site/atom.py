"""The Atom feed (RFC 4287) of the public artifacts, from their own dates and never the clock."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from html import escape

from engine.publish.markdown import clip, visible
from engine.publish.site.artifact_view import ArtifactView

FEED = "feed.xml"
_SUMMARY = 600


def atom_feed(entries: Sequence[ArtifactView], base_url: str) -> str | None:
    """The feed, newest first; None where no entry has a date, since Atom asks for one.

    ``base_url`` is "" or ends with a slash. With it, ids and links are addresses; without, ids are
    UUIDs of the artifacts' own names, and links are relative to the feed.
    """
    dated = sorted(
        (one for one in entries if one.updated), key=lambda one: (one.updated, one.id), reverse=True
    )
    if not dated:
        return None
    parts = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">',
        f"<id>{_id(base_url, FEED)}</id>",
        "<title>Public artifacts</title>",
        f"<updated>{dated[0].updated}T00:00:00Z</updated>",
        "<author><name>factory-tui</name></author>",
        f'<link rel="self" type="application/atom+xml" href="{_text(base_url)}{FEED}"/>',
        f'<link rel="alternate" type="text/html" href="{_text(base_url)}index.html"/>',
    ]
    for one in dated:
        parts += _entry(one, base_url)
    return "\n".join([*parts, "</feed>", ""])


def _entry(one: ArtifactView, base_url: str) -> list[str]:
    number = f" {one.headline_label}: {one.headline.text}." if one.headline.number else ""
    summary = f"{one.summary}{number} Next: {one.next_action or 'not recorded'}"
    return [
        "<entry>",
        f"<id>{_id(base_url, one.address)}</id>",
        f"<title>{_text(clip(one.title, 200))}</title>",
        f"<updated>{one.updated}T00:00:00Z</updated>",
        f'<link rel="alternate" type="text/html" href="{_text(base_url + one.address)}"/>',
        f'<category term="{one.state.value}" label="{one.state.value}"/>',
        f"<summary>{_text(clip(summary, _SUMMARY))}</summary>",
        "</entry>",
    ]


def _id(base_url: str, address: str) -> str:
    if base_url:
        return _text(base_url + address)
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'factory-tui:' + address)}"


def _text(value: str) -> str:
    """Text of an XML document: escaped, without the characters that XML has no room for."""
    shown = visible(value)
    return escape("".join("�" if ord(one) & 0xFFFE == 0xFFFE else one for one in shown))
