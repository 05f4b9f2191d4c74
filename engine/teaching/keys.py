"""API keys: from the environment, else from the target's ``.env``; in no file, line or sentence.

``.env`` is read into a mapping of its own and never into the environment: a target that came from
elsewhere may name a key, but no address, proxy or library setting of this program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from engine.plain_file import read_plain

ENV_FILE = ".env"
MAX_ENV_BYTES = 64 * 1024

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")


def environment(target: Path | None, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment (``base``, else this process's own), and beneath it the target's ``.env``.

    A ``.env`` that is missing or cannot be read counts as empty: the key that is then not found is
    named where it is needed.
    """
    own = dict(os.environ if base is None else base)
    return _dotenv(target) | own if target is not None else own


def _dotenv(target: Path) -> dict[str, str]:
    try:
        text = read_plain(target / ENV_FILE, MAX_ENV_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return {}
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is not None:
            found[match[1]] = _value(match[2])
    return found


def _value(text: str) -> str:
    if len(text) >= 2 and text[0] in "\"'" and (end := text.find(text[0], 1)) > 0:
        return text[1:end]
    return text.split(" #", 1)[0].rstrip()
