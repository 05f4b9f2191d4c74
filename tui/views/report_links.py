"""Where the links of a report lead, and which of a run's files it names. Plain values."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from engine.publish.sections import reader

Kind = Literal["web", "place", "file", "refused"]

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*\.[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Link:
    """``text`` is what is shown; ``to`` an address, a place in the report, or a file's name in
    the run's folder; for a refused one the reason."""

    text: str
    kind: Kind
    to: str


def link_to(href: str, run: Path) -> Link:
    """What a link of a report of ``run`` leads to. A file outside the workspace is refused."""
    address = href.strip()
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", address)
    if scheme and scheme[1].lower() in ("http", "https"):
        return Link(address, "web", address)
    if scheme:
        return Link(address, "refused", f"Links of the kind {scheme[1]}: are not opened.")
    if address.startswith("#"):
        return Link(address, "place", address[1:])
    name = unquote(address.partition("#")[0])
    try:
        path = (run / name).resolve()
        inside = path.is_relative_to(run.resolve().parent.parent)
    except (OSError, RuntimeError, ValueError):
        inside = False
    if not name or not inside:
        return Link(address, "refused", f"{name or address} lies outside the workspace.")
    return Link(address, "file", name)


def links_of(text: str, run: Path, names: Collection[str]) -> list[Link]:
    """The links of a report, then the files of the run (``names``) that it names, each once."""
    found: dict[str, Link] = {}
    for token in reader().parse(text):
        for child in token.children or []:
            if child.type == "link_open":
                link = link_to(str(child.attrGet("href") or ""), run)
                found.setdefault(link.to if link.kind != "refused" else link.text, link)
    known = set(names)
    unescaped = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)
    for match in _NAME.finditer(unescaped):
        if match[0] in known:
            found.setdefault(match[0], Link(match[0], "file", match[0]))
    return list(found.values())
