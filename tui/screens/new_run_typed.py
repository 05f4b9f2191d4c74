"""What was typed in New run: from the parent, from the last time, emptied and brought back."""

from __future__ import annotations

from collections.abc import Mapping

from tui.remembered import Remembered
from tui.screens.new_run_work import Parent
from tui.views.setting import SEED
from tui.views.settings_form import typed_from


class Typed:
    """The fields of New run before and between typing, by key. Holds no widget.

    Without a parent, what is left in the fields is remembered for each target; with one, the
    fields start from the parent's settings each time.
    """

    def __init__(self, remembered: Remembered) -> None:
        self._remembered = remembered
        self._emptied: dict[str, str] = {}
        self.parent: Parent | None = None

    def at_first(self, target: str) -> dict[str, str]:
        """What the fields of a target start with."""
        if self.parent is None:
            kept: dict[str, object] = self._remembered.get(_name(target), {})
            return {key: value for key, value in kept.items() if isinstance(value, str)}
        if target != self.parent.target:
            return {}
        config = self.parent.config
        typed = typed_from(config.candidate.training_command)
        if config.seed is not None:
            typed[SEED] = str(config.seed)
        return typed

    def keep(self, target: str, typed: Mapping[str, str]) -> None:
        """Remember what is in the fields; nothing is kept of a run that follows another."""
        if self.parent is None and target:
            self._remembered.put(_name(target), _some(typed))

    def reset(self, target: str, typed: Mapping[str, str]) -> dict[str, str] | None:
        """The fields as at first; where they are so already, what was emptied before, or None."""
        start = self.at_first(target) if self.parent else {}
        now = _some(typed)
        if now != start:
            self._emptied = now
            return start
        emptied, self._emptied = self._emptied, {}
        return emptied or None


def _some(typed: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in typed.items() if value.strip()}


def _name(target: str) -> str:
    return f"new_run.typed.{target}"
