"""The texts: nothing in them is private, secret, hidden, or for a program and not for a reader."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.checks.finding import Finding, error
from engine.checks.public.around import Around
from engine.checks.public.entry import Entry, clipped
from engine.records.public import PublicArtifact

MOST_CHARS = 10_000
"""Characters of one text; a page is to be read."""

_ADDRESS = re.compile(r"https?://[^\s<>\"')\]]+")
_PRIVATE = re.compile(
    r"""(?<![\w.])(?:
        /(?:Users|home)/[^/\s]+         # of a person
      | /(?:root|private|tmp|Volumes|mnt|media|opt|etc|var/folders)/[^\s]*
      | [A-Za-z]:[\\/]+(?i:Users|Documents)\b[^\s]*
      | \$(?:HOME\b|\{HOME\}|USER\b)[^\s]*
      | %(?i:USERPROFILE|APPDATA|LOCALAPPDATA)%[^\s]*
      | ~(?:[A-Za-z_][\w.-]*)?/[^\s]*    # ~/.cache
      | \\\\[\w.-]+\\[^\s]+             # a share of a network
      | file:/+[^\s]*
    )""",
    re.VERBOSE,
)
_SECRET = re.compile(
    r"""(?:
        \b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}
      | \bhf_[A-Za-z0-9]{20,}
      | \bgh[pousr]_[A-Za-z0-9]{20,}
      | \bgithub_pat_[A-Za-z0-9_]{20,}
      | \bglpat-[A-Za-z0-9_-]{16,}
      | \bxox[abprs]-[A-Za-z0-9-]{10,}
      | \bAKIA[0-9A-Z]{16}\b
      | \bAIza[0-9A-Za-z_-]{30,}
      | \beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{6,}
      | \bBearer\ +[A-Za-z0-9._~+/-]{16,}
      | \b(?!https?:)[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@
      | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
      | \b(?:api[_-]?key|token|secret|password|passwd)\s*[=:]\s*["']?[A-Za-z0-9_\-./+]{12,}
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_MARKUP = re.compile(r"</?[a-zA-Z!][^<>|]{0,300}>|\]\(\s*(?:javascript|data|file|vbscript):", re.I)
_COMMENT = re.compile(r"(?:^|\s)#\s*(\S.*)$")
MOST_COMMENTS = 500
"""So many comments are looked through."""
_SEPARATORS = "\u2028\u2029"


def rules(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    texts = dict.fromkeys(texts_of(entry.value))
    for pointer, text in texts:
        yield from _of_text(entry, pointer, text, around)
    yield from _comments(entry, [text for _, text in texts], around)


def texts_of(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """(pointer, text) of every text in a value, of its keys too, whoever knows them."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            below = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
            yield below, str(key)
            yield from texts_of(one, below)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from texts_of(one, f"{pointer}/{number}")


def private_path(text: str, around: Around) -> str | None:
    """A path of this machine that the text holds; None without one. Web addresses do not count:
    their pages may be called /home/somebody."""
    plain = _ADDRESS.sub(" ", text)
    for home in around.homes:
        if re.search(rf"(?<![\w.]){re.escape(home)}(?![\w.-])", plain):
            return home
    found = _PRIVATE.search(plain)
    if found is not None:
        return found[0].rstrip(".,;:)'\"")
    if around.login:
        named = re.search(
            rf"(?:^|[\s\"'(=])((?:[\w.~-]*[/\\])+{re.escape(around.login)})(?:[/\\]|$|\s)", plain
        )
        return named[1] if named else None
    return None


def hidden_characters(text: str) -> list[str]:
    """The characters that are not shown or change how others are: controls, and marks of
    direction and of no width."""
    return sorted({char for char in set(text) if _is_hidden(char)})


def _of_text(entry: Entry, pointer: str, text: str, around: Around) -> Iterator[Finding]:
    name = pointer[1:].replace("/", ".") or "the file"
    if len(text) > MOST_CHARS:
        yield entry.error(
            "text-long",
            pointer,
            f"{name[:80]} is {len(text):,} characters long; no part of a page is.",
            f"Say it in under {MOST_CHARS:,}, and link the rest.",
        )
        text = text[:MOST_CHARS] + " " + text[-MOST_CHARS:]
    if hidden := hidden_characters(text):
        shown = ", ".join(f"U+{ord(one):04X}" for one in hidden[:4])
        yield entry.error(
            "text-control",
            pointer,
            f"{name[:80]} holds characters that are not shown ({shown}).",
            "Type the text again; they are shown as signs and do nothing.",
        )
    if found := private_path(text, around):
        yield entry.error(
            "text-private",
            pointer,
            f"{name[:80]} names a place of a private machine: {clipped(found)!r}.",
            "Write a path within the workspace, or what lies there in words.",
        )
    if _SECRET.search(text) or around.hide(text) != text:
        # What it is, is not said again.
        yield entry.error(
            "text-secret",
            pointer,
            f"{name[:80]} holds what looks like a key or a password.",
            "Take it out, and have it replaced where it is from: it has been in a file.",
        )
    if markup := _MARKUP.search(text):
        yield entry.warning(
            "text-markup",
            pointer,
            f"{name[:80]} holds markup, {clipped(markup[0], 40)!r}, which is shown as it is typed.",
            "Write it in words.",
        )


def _comments(entry: Entry, texts: list[str], around: Around) -> Iterator[Finding]:
    """Comments are not on the page, but the file is public as well."""
    said, looked = "\n".join(texts), 0
    for number, line in enumerate(entry.text.split("\n"), 1):
        found = _COMMENT.search(line[:MOST_CHARS])
        if found is None:
            continue
        looked += 1
        if looked > MOST_COMMENTS:
            text = f"There are over {MOST_COMMENTS} comments; the others were not looked through."
            yield error("comments-many", entry.name, "", text, "Take them out.", number)
            return
        if found[1] in said:
            continue
        if place := private_path(found[1], around):
            yield error(
                "text-private",
                entry.name,
                "",
                f"A comment names a place of a private machine: {clipped(place)!r}.",
                "Take it out: the file is public as well.",
                number,
            )
        if _SECRET.search(found[1]) or around.hide(found[1]) != found[1]:
            yield error(
                "text-secret",
                entry.name,
                "",
                "A comment holds what looks like a key or a password.",
                "Take it out, and have it replaced where it is from: it has been in a file.",
                number,
            )


def _is_hidden(char: str) -> bool:
    if char in "\n\t":
        return False
    code = ord(char)
    if code < 0x20 or 0x7F <= code < 0xA0 or char in _SEPARATORS:
        return True
    marks = (0x00AD, 0x180E, 0xFEFF)
    spans = ((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xD800, 0xDFFF))
    tags = 0xE0000 <= code <= 0xE007F
    return code in marks or tags or any(low <= code <= high for low, high in spans)
