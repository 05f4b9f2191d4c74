"""Examples: every scored row of a run, expected against got, and what kind of failure it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content

from engine.answers.scored_examples import Row
from engine.answers.scored_rows import RowIndex
from engine.answers.trace_export import (
    Chosen,
    default_path,
    gold_prompts,
    in_gold,
    refusal,
    write_export,
)
from engine.answers.trace_review import Answered, Reviews, RowKey, is_current
from tui.acting import ask, attempt, hand_over, say
from tui.bindings import bindings_for
from tui.reviewing import Reviewing
from tui.screens.ask_text import AskText
from tui.screens.base import RoomScreen
from tui.screens.panes import Edge
from tui.screens.pick import Pick
from tui.styles import style_paths
from tui.views.cells import Cell
from tui.views.examples_classes import class_items, class_note, suggested, suggestion_for
from tui.views.examples_export import export_words
from tui.views.examples_list import (
    Choice,
    class_cells,
    class_counts,
    facet_cells,
    facets,
    shown_row,
)
from tui.views.examples_page import Page
from tui.views.plain import plain
from tui.widgets.choice_line import ChoiceLine
from tui.widgets.example_browser import ExampleBrowser
from tui.widgets.example_page import ExamplePage
from tui.widgets.example_rows import ExampleRows
from tui.widgets.key_bar import KeyBar
from tui.widgets.tones import lines, paint
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.app import FactoryApp

MAX_TAGGED = 1_000
"""How many examples get a class at once."""


def open_examples(
    app: FactoryApp, run_id: str, view: str = "failing", id: str | None = None
) -> None:
    """Open the examples of a run with one of ``VIEWS`` first, on the example of that id."""
    app.show("examples", run_id)
    if isinstance(app.screen, ExamplesScreen):
        app.screen.look(view, id)


class ExamplesScreen(RoomScreen):
    """The rows of one run; what was found in them is kept in its ``trace-review.json``."""

    ROOM = "examples"
    CSS_PATH = style_paths("examples")
    BINDINGS = bindings_for("examples")
    EDGES = (Edge("#list", "right"), Edge("#list", "bottom"))
    AUTO_FOCUS = "#list"

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._first: tuple[str, str | None] | None = None

    def compose(self) -> ComposeResult:
        self._reviewing = Reviewing(self.run_path)
        as_text = self.factory.remembered.get("examples.as_text", False)
        yield TopBar("factory", "examples", plain(self.run_id), right="reading …")
        yield ExampleBrowser(self.run_path, self._reviewing.read, as_text)
        yield ChoiceLine(id="classes")
        yield KeyBar("examples")

    def on_mount(self) -> None:
        if self._first is not None:
            self._browser.look(*self._first)
        self._show_classes()

    def look(self, view: str, id: str | None = None) -> None:
        """Show one of ``VIEWS``, with the cursor on the example of that id."""
        self._first = (view, id)
        if self.is_mounted:
            self._browser.look(view, id)

    @property
    def _browser(self) -> ExampleBrowser:
        return self.query_one(ExampleBrowser)

    # --- what is shown ------------------------------------------------------------

    @on(ExampleBrowser.State)
    def _state(self, event: ExampleBrowser.State) -> None:
        self.query_one(TopBar).put("factory", "examples", plain(self.run_id), right=event.text)

    @on(ExampleBrowser.Changed)
    def _changed(self) -> None:
        self._show_classes()

    def _show_classes(self) -> None:
        """The classes with the one that the shown answer has, or might have."""
        browser = self._browser
        page, reviews = browser.page, browser.reviews
        review = reviews.get(page.answered.key) if page is not None else None
        stale = (
            page is not None and review is not None and not is_current(review, page.shown.text.got)
        )
        offered = suggestion_for(page, browser.index.names) if page is not None else None
        counts = class_counts(reviews.values())
        self.query_one("#classes", ChoiceLine).put(
            class_items(review, offered, counts, stale),
            paint(*class_note(review, offered, stale)) if page is not None else None,
        )

    # --- moving about ---------------------------------------------------------------

    def action_view(self, by: int) -> None:
        """The next view, or the one before."""
        self._browser.step_view(by)

    def action_step(self, by: int) -> None:
        """The next example, wherever the focus is."""
        self._browser.rows.action_move(by)

    def action_pane(self, by: int) -> None:
        """To the other pane."""
        page = self.query_one(ExamplePage)
        if page.has_focus and not self.has_class("-whole"):
            self._browser.rows.focus()
        else:
            page.focus()

    def action_whole(self) -> None:
        """The example on the whole screen, and back."""
        whole = not self.has_class("-whole")
        self.set_class(whole, "-whole")
        if whole:
            self.query_one(ExamplePage).focus()
        else:
            self._browser.rows.focus()

    @on(ExampleRows.Opened)
    def _opened(self) -> None:
        self.action_whole()

    def step_back(self) -> bool:
        """From the whole page to the list, then away with search, marks, slice and side."""
        if self.has_class("-whole"):
            self.action_whole()
            return True
        return self._browser.step_back()

    def action_search(self) -> None:
        """Look for a text."""
        if self.has_class("-whole"):
            self.action_whole()
        self._browser.open_search()

    def action_slices(self) -> None:
        """Choose a suite, a slice, or a class that was given."""
        browser = self._browser
        found = facets(browser.index, browser.choice.side)
        if not found:
            say(self, "There are no scored rows to choose from yet.")
            return
        choices = [Choice(), *(Choice(suite=one.suite, slice=one.slice) for one in found)]
        rows = [paint("all suites and slices"), *(paint(*facet_cells(one)) for one in found)]
        for name, count in class_counts(browser.reviews.values()).items():
            choices.append(Choice(view="tagged", failure_class=name))
            rows.append(paint(*class_cells(name, count)))
        now = browser.choice
        places = [(one.suite, one.slice, one.failure_class) for one in choices]
        here = (now.suite, now.slice, now.failure_class)

        def picked(number: int | None) -> None:
            if number is None:
                return
            suite, piece, failure_class = places[number]
            view = choices[number].view if failure_class else browser.choice.view
            browser.choose(
                replace(
                    browser.choice,
                    view=view,
                    suite=suite,
                    slice=piece,
                    failure_class=failure_class,
                )
            )

        at = places.index(here) if here in places else 0
        self.app.push_screen(Pick("suite, slice or class", rows, at), picked)

    def action_side(self) -> None:
        """Judge the answers of the other side."""
        self._browser.turn_side()

    def action_text(self) -> None:
        """Compare JSON as text, or field by field."""
        self._browser.as_text = not self._browser.as_text
        self.factory.remembered.put("examples.as_text", self._browser.as_text)
        self._browser.show_page()

    def action_mark(self) -> None:
        """Mark the example at the cursor, or not any more."""
        self._browser.mark_here()

    def action_mark_all(self) -> None:
        """Mark all that are listed, or none."""
        self._browser.mark_all()

    # --- what was found -------------------------------------------------------------

    @on(ChoiceLine.Chosen, "#classes")
    def _class_clicked(self, event: ChoiceLine.Chosen) -> None:
        self.action_tag(event.name)

    def action_tag(self, failure_class: str) -> None:
        """Give the marked answers (or the one at the cursor) a class; again takes it off."""
        self._change(lambda answers, _: self._reviewing.tag(answers, failure_class))

    def action_accept(self) -> None:
        """Tag each of the marked answers as the evidence suggests for it."""
        browser = self._browser
        names = browser.index.names

        def accept(answers: list[Answered], chosen: list[Chosen]) -> Reviews:
            found = [
                (answer, offered)
                for answer, one in zip(answers, chosen, strict=True)
                if (offered := suggested(one, names)) is not None
            ]
            if not found:
                raise LookupError("The evidence suggests no class here. The keys 1 to 7 give one.")
            return self._reviewing.tag_each(found)

        self._change(accept)

    def _change(self, change: Callable[[list[Answered], list[Chosen]], Reviews]) -> None:
        """Change the reviews of the answers that are selected now: the next key may select others
        before a thread has begun."""
        selected = self._browser.selected
        if len(selected) > MAX_TAGGED:
            said = (
                f"{len(selected):,} examples are marked, and at most {MAX_TAGGED:,} are tagged at "
                "once: a class says that somebody read the answer."
            )
            say(self, said, "warning")
        elif not (rows := self._rows_of(selected)):
            say(self, "There is no example at the cursor.")
        else:
            self._change_rows(self._browser.index, rows, change)

    @work(thread=True, group="tag")
    def _change_rows(
        self,
        index: RowIndex,
        rows: list[Row],
        change: Callable[[list[Answered], list[Chosen]], Reviews],
    ) -> None:
        chosen = _chosen(index, rows)
        answers = [
            Answered(
                RowKey(one.file.record, one.text.id), one.file.suite, one.file.stage, one.text.got
            )
            for one in chosen
        ]
        self._attempt(lambda: change(answers, chosen))

    def _attempt(self, change: Callable[[], Reviews | None]) -> None:
        made: list[Reviews | None] = []
        if attempt(self, lambda: made.append(change()), "") and made[0] is not None:
            hand_over(self, self._take_reviews, made[0])

    def _take_reviews(self, reviews: Reviews) -> None:
        self._browser.take_reviews(reviews)

    def _rows_of(self, positions: list[int]) -> list[Row]:
        """The rows of these examples, of the side that is judged."""
        index, side = self._browser.index, self._browser.choice.side
        return [shown_row(index.examples[at], side) for at in positions if at < len(index.examples)]

    @work(thread=True, group="tag")
    def action_undo(self) -> None:
        """Take the last change of this screen back."""

        def undo() -> Reviews:
            found = self._reviewing.undo()
            if found is None:
                raise LookupError("There is nothing to undo: no tag was given on this screen.")
            return found

        self._attempt(undo)

    def action_note(self) -> None:
        """Write a line about the answer at the cursor."""
        page = self._browser.page
        if page is None:
            say(self, "There is no example at the cursor.")
            return
        review = self._browser.reviews.get(page.answered.key)

        def written(text: str | None) -> None:
            if text is not None:
                self._note(page, text)

        about = Content.styled(
            f"Example {plain(page.id, clip=60)} of {plain(page.suite, clip=60)}. "
            "The line is kept beside the run; an empty one takes it away.",
            "$muted",
        )
        old = (review.note if review else None) or ""
        self.app.push_screen(
            AskText("What is there to say about this answer?", about, old), written
        )

    @work(thread=True, group="tag")
    def _note(self, page: Page, text: str) -> None:
        self._attempt(lambda: self._reviewing.note(page.answered, text))

    # --- export ---------------------------------------------------------------------

    def action_export(self) -> None:
        """Write the marked rows, or all that are listed, as JSONL."""
        browser = self._browser
        positions = sorted(browser.rows.marked) or list(browser.listing.shown)
        if not positions:
            say(self, "There is nothing to write: no example is marked, and none is listed.")
            return
        self._prepare(browser.index, self._rows_of(positions), bool(browser.rows.marked))

    @work(thread=True, exclusive=True, group="export")
    def _prepare(self, index: RowIndex, rows: list[Row], marked: bool) -> None:
        """Look at the rows and at the gold files, then ask where to."""
        chosen = _chosen(index, rows)
        gold = gold_prompts(self.run_path)
        known = None if gold is None else in_gold(chosen, gold)
        words = export_words(chosen, marked, known)
        hand_over(self, self._ask_path, chosen, words, default_path(self.run_path))

    def _ask_path(self, chosen: list[Chosen], words: list[list[Cell]], path: Path) -> None:
        workspace = self.factory.workspace
        shown = str(path.relative_to(workspace) if path.is_relative_to(workspace) else path)

        def where(text: str) -> Path:
            return workspace / Path(text.strip()).expanduser()

        def check(text: str) -> str | None:
            if not text.strip():
                return "Say where to: a file that ends with .jsonl."
            return refusal(where(text), self.run_path)

        def answered(text: str | None) -> None:
            if text is not None:
                self._export(where(text), chosen, self._browser.reviews)

        said = lines(paint(*line) for line in words)
        ask(self, AskText("Export rows", said, shown, check=check), answered)

    @work(thread=True, group="export")
    def _export(self, path: Path, chosen: list[Chosen], reviews: Reviews) -> None:
        count = f"{len(chosen):,} rows" if len(chosen) != 1 else "1 row"
        attempt(
            self,
            lambda: write_export(path, self.run_path, chosen, reviews),
            f"{count} written to {path}. They are held out: write new ones after them.",
        )


def _chosen(index: RowIndex, rows: list[Row]) -> list[Chosen]:
    """The rows with their texts; reads the disk."""
    return [Chosen(index.file(row), row.slice, row.correct, index.fetch(row)) for row in rows]
