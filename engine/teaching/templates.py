"""The prompts, as files beside this module: ``{{name}}`` is filled in, in one pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "prompts"
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def fill(name: str, values: Mapping[str, str]) -> str:
    """The prompt ``name`` with its places filled in. A value may hold ``{{…}}``: it stays.

    KeyError for a place without a value: that is a fault of this program.
    """
    return _PLACE.sub(lambda place: values[place[1]].strip(), _template(name)).strip() + "\n"


@cache
def _template(name: str) -> str:
    return (_FOLDER / f"{name}.md").read_text("utf-8")
