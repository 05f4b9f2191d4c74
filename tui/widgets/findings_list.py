"""The files of a run with what was found in each, as one list to move through."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from engine.checks.finding import Finding
from tui.views.cells import Cell
from tui.views.findings_view import FOLDER, FileGroup, sign
from tui.views.plain import plain
from tui.widgets.tones import paint


@dataclass(frozen=True, slots=True)
class Place:
    """A file, and the finding in it where the cursor stands on one."""

    file: str
    finding: Finding | None


class FindingsList(OptionList):
    """One line a file and one a finding."""

    @dataclass
    class Moved(Message):
        """The cursor stands on another place."""

        place: Place

    @dataclass
    class Asked(Message):
        """Enter or a click: the place is to be opened."""

        place: Place

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._places: list[Place] = []

    @property
    def place(self) -> Place | None:
        """Where the cursor stands."""
        at = self.highlighted
        return None if at is None or at >= len(self._places) else self._places[at]

    def put(self, groups: list[FileGroup]) -> None:
        """Show these files; the cursor stays on its place, and begins on the first finding."""
        before = self.place
        self._places = []
        options = []
        for one in groups:
            self._places.append(Place(one.name, None))
            options.append(Option(paint(one.sign, " ", _title(one))))
            for finding in one.findings:
                self._places.append(Place(one.name, finding))
                text = paint("   ", sign(finding.severity), " " + plain(finding.message))
                options.append(Option(text))
        self.clear_options()
        self.add_options(options)
        first = next((i for i, place in enumerate(self._places) if place.finding), 0)
        same = self._places.index(before) if before in self._places else first
        self.highlighted = min(same, len(self._places) - 1) if self._places else None

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if self.place is not None:
            self.post_message(self.Moved(self.place))

    @on(OptionList.OptionSelected)
    def _asked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self.place is not None:
            self.post_message(self.Asked(self.place))


def _title(one: FileGroup) -> Cell:
    name = plain(one.name) if one.name else FOLDER
    return Cell(
        name if one.exists else f"{name}  (not there)", "strong" if one.findings else "plain"
    )
