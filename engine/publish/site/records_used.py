"""The records that a page's numbers were read from, each once, numbered as they are met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.publish.site.inputs import MISSING, Inputs, at_pointer


@dataclass(frozen=True, slots=True)
class RecordUsed:
    """``value``: the number or text at the pointer, None where it holds none."""

    anchor: str | None
    file: str
    pointer: str
    sha256: str
    value: float | int | str | None

    @property
    def there(self) -> bool:
        return self.anchor is not None


class RecordsUsed:
    """``runs/<id>/eval-candidate.json#/score`` → its value and a place in the list of records."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._by_name: dict[str, RecordUsed] = {}

    def note(self, name: str) -> RecordUsed:
        if name not in self._by_name:
            file, _, pointer = name.partition("#")
            value = _plain(at_pointer(self._inputs.json(file), pointer))
            there = self._inputs.seen[file] != MISSING and value is not None
            number = len(self.all()) + 1
            self._by_name[name] = RecordUsed(
                f"record-{number}" if there else None,
                file,
                pointer,
                self._inputs.seen[file],
                value,
            )
        return self._by_name[name]

    def all(self) -> list[RecordUsed]:
        """Those that are there, as they were met."""
        return [one for one in self._by_name.values() if one.there]


def _plain(value: Any) -> float | int | str | None:
    plain = isinstance(value, int | float | str) and not isinstance(value, bool)
    return value if plain else None
