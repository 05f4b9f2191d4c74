"""Server-sent events, from bytes as they come to the text of each event. Pure, and bounded.

The format is the HTML standard's (section 9.2.6, "interpreting an event stream"), as far as
completions use it: lines that end with CR, LF or both; ``data:`` lines joined by a line feed; an
empty line ends an event; a line that begins with a colon is a comment. Other fields are skipped.
"""

from __future__ import annotations

MAX_EVENT_BYTES = 2**20
"""An event (or one line) that is larger is no piece of an answer."""


class StreamTooLarge(Exception):
    """A line or an event is larger than MAX_EVENT_BYTES."""


class EventReader:
    """Give it bytes; it gives back the data of the events that are whole by now."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False

    def feed(self, data: bytes) -> list[str]:
        """The data of each event that ``data`` completes; StreamTooLarge for what has no end."""
        events: list[str] = []
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]  # the second half of a CRLF that came in two pieces
            self._after_cr = False
        if not data:
            return events
        self._after_cr = data.endswith(b"\r")
        pieces = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for number, piece in enumerate(pieces):
            self._line += piece
            if len(self._line) + self._size > MAX_EVENT_BYTES:
                raise StreamTooLarge
            if number < len(pieces) - 1:
                line = bytes(self._line)
                self._line.clear()
                if (event := self._end_line(line)) is not None:
                    events.append(event)
        return events

    @property
    def pending(self) -> bool:
        """Whether an event has begun that has not ended."""
        return bool(self._line or self._data)

    def _end_line(self, line: bytes) -> str | None:
        if not line:
            if not self._data:
                return None
            event = b"\n".join(self._data).decode("utf-8", "replace")
            self._data, self._size = [], 0
            return event
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value) + 1
        return None
