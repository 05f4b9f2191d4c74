"""The files of a run with what was found in each, as one list to move through."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from engine.checks.finding import Finding
from tui.views.cells import Cell
from tui.views.findings_view import FOLDER, FileGroup, place_like, sign
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
        self._shown: tuple[object, ...] = ()

    @property
    def place(self) -> Place | None:
        """Where the cursor stands."""
        at = self.highlighted
        return None if at is None or at >= len(self._places) else self._places[at]

    def put(self, groups: list[FileGroup], fixable: frozenset[Finding] = frozenset()) -> None:
        """Show these files; the cursor stays on its place, and begins on the first finding.

        ``fixable`` are the findings that a fix answers.
        """
        shown = (fixable, [(one.name, one.exists, one.findings) for one in groups])
        if shown == self._shown:
            return
        self._shown = shown
        before, scrolled = self.place, self.scroll_offset.y
        self._places = []
        options = []
        for one in groups:
            self._places.append(Place(one.name, None))
            options.append(Option(paint(one.sign, " ", _title(one))))
            for finding in one.findings:
                self._places.append(Place(one.name, finding))
                mend = Cell("✎ ", "accent") if finding in fixable else Cell("")
                message = plain(finding.message, clip=2000)
                options.append(Option(paint("   ", sign(finding.severity), " ", mend, message)))
        self.clear_options()
        self.add_options(options)
        if not self._places:
            return
        keep = None
        if before is not None:
            places = [(place.file, place.finding) for place in self._places]
            keep = place_like(before.finding, before.file, places)
        if keep is not None:
            self.scroll_to(y=scrolled, animate=False, force=True)
            self.highlighted = keep
        else:
            first = next((i for i, place in enumerate(self._places) if place.finding), 0)
            self.highlighted = first

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
