"""The runs of a comparison, side by side in as many lines as they need: letter, name, value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from tui.views.plain import fit, middle
from tui.widgets.ink import Ink

_GAP = 2


@dataclass(frozen=True, slots=True)
class StripRun:
    """A run of the strip. ``sign`` says what it does (▶ for one that runs), "" for nothing."""

    run_id: str
    letter: str
    role: str
    name: str
    value: str = ""
    sign: str = ""
    reference: bool = False
    looked_at: bool = False


class RunStrip(Ink):
    """Flows the runs into lines; a click looks at one."""

    ALLOW_SELECT = False

    @dataclass
    class Chosen(Message):
        """A run was clicked."""

        run_id: str

    def __init__(self, *, id: str | None = None, most: int = 3) -> None:
        """``most`` is the highest number of lines that it takes."""
        super().__init__(id=id)
        self._runs: Sequence[StripRun] = ()
        self._most = most
        self._lines: list[list[tuple[StripRun, str]]] = []
        self._left_out = 0

    def put(self, runs: Sequence[StripRun]) -> None:
        if list(runs) != list(self._runs):
            before = len(self._lines)
            self._runs = runs
            self._flow(self.size.width)
            self.refresh(layout=len(self._lines) != before)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        self._flow(width)
        return max(1, len(self._lines))

    def on_resize(self, event: events.Resize) -> None:
        self._flow(event.size.width)
        self.refresh()

    def _flow(self, width: int) -> None:
        """Names are cut until all runs fit into the lines that there are; then what fits stays.

        How many more there are is said at the end.
        """
        self._left_out = 0
        for longest in (48, 32, 24, 18, 14, 10, 6, 0):
            self._lines = _flowed(self._runs, width, longest)
            if len(self._lines) <= self._most:
                return
        self._left_out = sum(map(len, self._lines[self._most :]))
        self._lines = self._lines[: self._most]

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        row: list[tuple[str, str]] = []
        for run, name in self._lines[y] if y < len(self._lines) else ():
            head = "◆" if run.reference else "›" if run.looked_at else " "
            row += [(head, "accent"), (run.letter, run.role)]
            if name:
                row.append((f" {name}", "strong" if run.looked_at else "plain"))
            if run.sign:
                row.append((f" {run.sign}", "accent"))
            if run.value and name:
                row.append((f" {run.value}", "muted"))
            row.append((" " * _GAP, "plain"))
        if self._left_out and y == len(self._lines) - 1:
            more = f" +{self._left_out} more"
            return Strip.join(
                [
                    self.strip(row, width - len(more)),
                    self.strip([(more, "warn")], len(more)),
                ]
            )
        return self.strip(row, width)

    def on_click(self, event: events.Click) -> None:
        spot = event.get_content_offset(self)
        if spot is None or spot.y >= len(self._lines):
            return
        left = 0
        for run, name in self._lines[spot.y]:
            left += _size(run, name) + _GAP
            if spot.x < left:
                self.post_message(self.Chosen(run.run_id))
                return


def _flowed(runs: Sequence[StripRun], width: int, longest: int) -> list[list[tuple[StripRun, str]]]:
    lines: list[list[tuple[StripRun, str]]] = [[]]
    left = width
    for run in runs:
        # The end tells runs apart where there is room for little.
        cut = run.name if cell_len(run.name) <= longest else fit(run.name, longest, align="path")
        name = middle(run.name, longest) if longest > 14 else cut.strip() if longest else ""
        size = _size(run, name)
        if lines[-1] and size > left:
            lines.append([])
            left = width
        lines[-1].append((run, name))
        left -= size + _GAP
    return lines if lines[0] else []


def _size(run: StripRun, name: str) -> int:
    size = 1 + cell_len(run.letter)
    size += 1 + cell_len(name) if name else 0
    size += 1 + cell_len(run.sign) if run.sign else 0
    return size + (1 + cell_len(run.value) if run.value and name else 0)
