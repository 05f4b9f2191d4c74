"""What reading somebody's YAML can come to, beside errors of YAML.

The scanner looks at every open bracket for each word that it reads: fifteen hundred brackets, a
file of five kilobytes, take it ten seconds. And ten aliases of ten aliases, nine times over, are a
thousand million values in three hundred bytes. So both are looked at before.
"""

from __future__ import annotations

import io

ODD_VALUES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError)
"""What ruamel.yaml raises beside its own: for a list as a key, a 13th month, ``!!int x``."""

MAX_DEPTH = 64
"""Sections and lists within each other; a forge.yaml needs five."""

MAX_VALUES = 100_000
"""Values that a text with aliases may come to, each alias counted as what it stands for."""


def unbounded(text: str) -> str | None:
    """Why the text must not be read, as the end of a sentence about it: it opens more than
    ``MAX_DEPTH`` levels, or its aliases come to more than ``MAX_VALUES`` values.

    None as well for what is no YAML: whoever reads it says why.
    """
    deep = text.count("[") + text.count("{") > MAX_DEPTH
    # Levels by indentation cost nothing, and recursion ends them.
    if not deep and not ("&" in text and "*" in text):
        return None
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.events import AliasEvent, NodeEvent

    anchors: dict[str, int] = {}
    open_ones: list[tuple[str | None, int]] = [(None, 0)]
    try:
        for event in YAML(typ="safe", pure=True).parse(io.StringIO(text)):
            kind = type(event).__name__
            anchor = event.anchor if isinstance(event, NodeEvent) else None
            size = 1
            if kind.endswith("StartEvent"):
                open_ones.append((anchor, 1))
                if len(open_ones) > MAX_DEPTH + 3:  # the outermost, the stream and the document
                    return "its sections lie too deep in each other"
                continue
            if kind.endswith("EndEvent"):
                anchor, size = open_ones.pop()
            elif isinstance(event, AliasEvent):
                if anchor in (one for one, _ in open_ones):
                    return f"*{anchor} stands for itself"
                anchor, size = None, anchors.get(str(anchor), 0)
            if anchor is not None:
                anchors[str(anchor)] = size
            outer, before = open_ones[-1]
            open_ones[-1] = outer, before + size
            if before + size > MAX_VALUES and anchors:
                return f"its aliases stand for over {MAX_VALUES:,} values"
    except (YAMLError, *ODD_VALUES, RecursionError):
        return None
    return None
