"""The log of a run as a pane with keys of its own: follow, search, filter, copy, open elsewhere."""

from __future__ import annotations

from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from engine.supervise.train_log import LOG
from tui.acting import hand_over, say
from tui.bindings import bindings_for
from tui.log.find import Pattern, PatternError, Wanted, compile_pattern
from tui.log.line import clean
from tui.log.reader import LogReader
from tui.views.log_words import Place, title
from tui.widgets.log_lines import LogLines

MOST_COPIED = 10_000
STREAMS = (None, "stdout", "stderr")


class LogPane(Vertical):
    """``LogPane(run_folder)``: reads ``train.log`` there by itself, while it is mounted.

    ``name`` is that of the log in a folder that is no run's.
    """

    BINDINGS = bindings_for("log")
    KEYS_OF = "log"
    DEFAULT_CSS = """
    LogPane > LogLines {
        height: 1fr; width: 1fr; padding: 0;
        scrollbar-size-vertical: 1; overflow-x: hidden; overflow-y: scroll;
    }
    LogPane > Input { display: none; height: 1; border: none; padding: 0; }
    LogPane > Input.-open { display: block; }
    """

    class Frame(Message):
        """The reader has something new."""

    def __init__(self, folder: Path, *, name: str = LOG, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = " log "
        self.reader = LogReader(folder, self._changed, name)
        self._lines = LogLines(self.reader)
        self._ask = Input(compact=True)
        self._asking: str | None = None
        self._pattern: Pattern | None = None
        self._filter: Pattern | None = None
        self._wish = 0
        """Which way to go to a match as soon as there is one; 0 is none to go to."""
        self._generation = 0
        self._told: str | None = None
        self._of = ""

    def compose(self) -> ComposeResult:
        yield self._lines
        yield self._ask

    def on_mount(self) -> None:
        self.reader.start()

    def on_unmount(self) -> None:
        self.reader.stop()

    def _changed(self) -> None:
        self.post_message(self.Frame())

    def focus(self, scroll_visible: bool = True) -> LogPane:
        """The lines get the focus: the pane itself has nothing to type into."""
        self._lines.focus(scroll_visible)
        return self

    def turn_to(self, file: Path, of: str) -> None:
        """Show another log from here on; ``of`` says whose in the title."""
        self._of = f" of {of}"
        self.reader.turn_to(file)
        self._changed()

    @property
    def following(self) -> bool:
        """Whether the end of the log is followed."""
        return self._lines.following

    # --- news ---------------------------------------------------------------------

    def on_log_pane_frame(self) -> None:
        if self._generation != self.reader.generation:
            self._generation = self.reader.generation
            self._lines.forget()
        self._lines.empty = self._empty()
        self._lines.reread()
        if self._wish:
            self._go_to_match()
        self._say_where()

    def _empty(self) -> str:
        reader = self.reader
        if reader.file.trouble:
            return reader.file.trouble
        if reader.filtered is not None and reader.index.counts.total:
            return (
                "looking for lines …" if reader.filtered.busy else "no line is left by the filter"
            )
        return "nothing printed yet"

    @on(LogLines.Moved)
    def _say_where(self) -> None:
        reader, lines = self.reader, self._lines
        with reader.lock:
            found = reader.found
            at = 0
            if found is not None and lines.cursor is not None and found.has(lines.cursor):
                at = found.number_of(lines.cursor) + 1
            place = Place(
                following=lines.following,
                reading=None if reader.index.whole else reader.index.share,
                rows=reader.total,
                pattern=self._pattern,
                matches=found.counts.total if found is not None else 0,
                match=at,
                searched=found.share if found is not None and found.busy else None,
                stopped=found is not None and found.stopped,
                filter=self._filter,
                filtered=reader.filtered.share
                if reader.filtered is not None and reader.filtered.busy
                else None,
                wanted=reader.wanted,
                chosen=lines.mark is not None,
                column=lines.column,
                marks=lines.marks,
            )
        whole = title(place, max(10, self.size.width - 4 - len(self._of)))
        text = "log" + self._of + whole.removeprefix("log")
        if text != self._told:
            self._told = text
            self.border_title = Content(f" {text} ")

    # --- asking -------------------------------------------------------------------

    def action_search(self) -> None:
        """Ask what to look for."""
        given = self._pattern.given if self._pattern else ""
        self._open_input("search", "search: a regular expression or a text", given)

    def action_filter(self) -> None:
        """Ask which lines to show."""
        given = self._filter.given if self._filter else ""
        self._open_input("filter", "only lines that match; ! in front: only the others", given)

    def _open_input(self, what: str, words: str, value: str) -> None:
        self._asking = what
        self._ask.placeholder = words
        self._ask.value = value
        self._ask.add_class("-open")
        self._ask.focus()
        self._ask.action_select_all()

    def _close_input(self) -> None:
        self._asking = None
        self._ask.remove_class("-open")
        self._lines.focus()

    @on(Input.Submitted)
    def _answered(self, event: Input.Submitted) -> None:
        event.stop()
        asked = self._asking
        try:
            pattern = compile_pattern(event.value, filtering=asked == "filter")
        except PatternError as error:
            say(self, str(error), "warning")
            return
        self._close_input()
        nothing = event.value in ("", "!")
        if asked == "search":
            self.search(None if nothing else pattern)
        else:
            self._filter = None if nothing else pattern
            self._want()

    def search(self, pattern: Pattern | None) -> None:
        """Look for a pattern from the cursor, or the end, upwards."""
        self._pattern = self._lines.pattern = pattern
        with self.reader.lock:
            self.reader.search(pattern)
        self._wish = -1 if pattern is not None else 0
        if pattern is not None:
            self.reader.look()  # of a small log the answer is there at once
            self._go_to_match()
        self._lines.refresh()
        self._say_where()

    def action_match(self, direction: int) -> None:
        """Go to the next match down (1) or up (-1), round the end."""
        if self._pattern is None:
            say(self, "Nothing was searched yet: / asks what to look for.")
            return
        self._wish = direction
        self._go_to_match(onwards=True)

    def _go_to_match(self, onwards: bool = False) -> None:
        """Go where the wish leads, if that was read already; else it stays a wish."""
        with self.reader.lock:
            found = self.reader.found
            start = self._match(onwards) if found is not None else None
            done = found is None or not found.busy
        if start is not None:
            self._wish = 0
            self._lines.go(start)
        elif done and not self._searching_newer():
            self._wish = 0
            if self._pattern is not None:
                say(self, f"“{self._pattern.given}” is in no line that is shown.")

    def _searching_newer(self) -> bool:
        found = self.reader.found
        return found is not None and not found.started

    def _match(self, onwards: bool) -> int | None:
        """Where the match begins that is wished for; None where none is known yet."""
        found = self.reader.found
        assert found is not None
        total = found.counts.total
        cursor = self._lines.cursor
        if not total:
            return None
        if cursor is None:
            number = total - 1 if self._wish < 0 else 0
        elif self._wish > 0:
            number = found.number_of(cursor) + (found.has(cursor) and onwards)
        else:
            number = found.number_of(cursor) - (not found.has(cursor) or onwards)
        if number < 0 and found.busy:
            return None
        return found.start_of(number % total)

    # --- what is shown ------------------------------------------------------------

    def _want(self) -> None:
        with self.reader.lock:
            wanted = self.reader.wanted
            patterns = (self._filter,) if self._filter is not None else ()
            self.reader.want(Wanted(wanted.stream, wanted.stage, patterns))
        self._after_want()

    def _after_want(self) -> None:
        self._lines.mark = None
        self.reader.look()
        self._lines.empty = self._empty()
        self._lines.reread()
        self._say_where()

    def action_stream(self) -> None:
        """The next of both streams, stdout and stderr."""
        with self.reader.lock:
            wanted, streams = self.reader.wanted, self.reader.spans.streams
            if streams:
                at = STREAMS.index(wanted.stream) + 1
                stream = STREAMS[at % len(STREAMS)]
                self.reader.want(Wanted(stream, wanted.stage, wanted.patterns))
        if not streams:
            say(self, "What was stdout and what stderr is not recorded for this log.")
        self._after_want()

    def action_stage(self) -> None:
        """The next stage that printed something, or all of them."""
        with self.reader.lock:
            wanted, stages = self.reader.wanted, [None, *self.reader.spans.stages]
            at = stages.index(wanted.stage) if wanted.stage in stages else 0
            self.reader.want(Wanted(wanted.stream, stages[(at + 1) % len(stages)], wanted.patterns))
        if len(stages) < 2:
            say(self, "Which stage printed what is not recorded for this log.")
        self._after_want()

    def action_follow(self) -> None:
        """Go to the end and follow it."""
        self._lines.follow()
        self._say_where()

    def action_top(self) -> None:
        """Go to the first line."""
        self._lines.to_top()

    def action_mark(self) -> None:
        """Begin or end a choice of several lines."""
        self._lines.action_toggle_mark()

    # --- taking it elsewhere ------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the chosen lines to the clipboard (OSC 52, which works over ssh)."""
        chosen = self._lines.chosen()
        if chosen is None:
            say(self, "There is no line to copy.")
            return
        with self.reader.lock:
            shown = self.reader.shown
            first, last = (shown.number_of(start) for start in chosen)
            count = last - first + 1
            rows = self.reader.rows(first, min(count, MOST_COPIED))
        self.app.copy_to_clipboard("\n".join(clean(raw) for _, raw, _ in rows))
        self._lines.mark = None
        self._lines.refresh()
        lines = "1 line" if len(rows) == 1 else f"{len(rows):,} lines"
        cut = f" of {count:,}; more are not copied at once" if count > len(rows) else ""
        say(self, f"Copied {lines}{cut}.")
        self._say_where()

    def action_page(self) -> None:
        """Open the log in the pager, at this line."""
        from tui.log.pager import page

        start = (self._lines.chosen() or (0, 0))[0]
        if problem := page(self.app, self.reader.file.path, start):
            say(self, problem, "error")

    def action_edit(self) -> None:
        """Open the log in the editor, at this line."""
        self._find_line((self._lines.chosen() or (0, 0))[0])

    @work(thread=True, group="log", exclusive=True)
    def _find_line(self, start: int) -> None:
        """Counting the lines of a large log takes a while."""
        hand_over(self, self._edit_at, self.reader.line_number(start))

    def _edit_at(self, line: int) -> None:
        from tui.editing import edit

        if problem := edit(self.app, self.reader.file.path, line):
            say(self, problem, "error")

    # --- one step back ------------------------------------------------------------

    def holds(self, widget: Widget | None) -> bool:
        """Whether the focus is in this pane."""
        return widget is not None and self in widget.ancestors_with_self

    def step_back(self) -> bool:
        """Close the question, break off a search, or take back choice, search, filter: one each."""
        if self._asking is not None:
            self._close_input()
            return True
        with self.reader.lock:
            broken = self.reader.break_off()
        if broken:
            self._wish = 0
        elif self._lines.mark is not None:
            self._lines.mark = None
            self._lines.refresh()
        elif self._pattern is not None:
            self.search(None)
        elif not self.reader.wanted.everything:
            self._filter = None
            with self.reader.lock:
                self.reader.want(Wanted())
            self._after_want()
        else:
            return False
        self._say_where()
        return True
