"""What reading somebody's YAML can come to, beside errors of YAML.

The scanner looks at every open bracket for each word that it reads: fifteen hundred brackets, a
file of five kilobytes, take it ten seconds. So depth is looked at before.
"""

from __future__ import annotations

import io

ODD_VALUES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError)
"""What ruamel.yaml raises beside its own: for a list as a key, a 13th month, ``!!int x``."""

MAX_DEPTH = 64
"""Sections and lists within each other; a forge.yaml needs five."""


def too_deep(text: str) -> bool:
    """Whether the text opens more than ``MAX_DEPTH`` levels. False as well for what is no YAML:
    whoever reads it says why."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False  # levels by indentation cost nothing, and recursion ends them
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    depth = 0
    try:
        for event in YAML(typ="safe", pure=True).parse(io.StringIO(text)):
            kind = type(event).__name__
            depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
            if depth > MAX_DEPTH + 2:  # the stream and the document are two
                return True
    except (YAMLError, *ODD_VALUES, RecursionError):
        return False
    return False
