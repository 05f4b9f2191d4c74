"""What every reader promises, as assertions."""

from __future__ import annotations

import re

_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def is_harmless(line: str) -> None:
    bad = _CONTROLS.search(line)
    assert bad is None, f"control characters are shown: {bad!r}"


def is_sentence(text: str) -> None:
    assert text.strip(), "an error says nothing"
    assert "Traceback" not in text, "an error holds a traceback"
