"""Serve and a target: its examples as prompts, its system prompt, a prompt for its suites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from textual import work
from textual.content import Content
from textual.widgets import Input

from engine.answers.by_hand import SuitePlace, Written, add_example, places
from engine.answers.target_suites import TargetSuite, read_suites, system_prompt
from engine.target import Target, load_target
from tui.acting import ask, attempt, hand_over, say
from tui.screens.pick import MAX_OPTIONS, Pick
from tui.screens.serve_asking import Asking
from tui.screens.serve_suite import Row, ToSuite
from tui.screens.serve_text import TextDialog
from tui.views.plain import plain
from tui.views.serve_question import Question, example_line, question_of
from tui.views.serve_suite import frozen_words, written_words


class SuiteActs(Asking):
    """A target's suites beside the prompt."""

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self.target: Target | None = None
        self.targets_system: str | None = None

    def draw_question(self) -> None:
        """What is asked besides the typed prompt is another."""
        raise NotImplementedError

    def pair_is_known(self) -> None:
        """The run's target gives the system prompt and how long answers are."""
        if self.pair is not None and self.pair.target is not None:
            self._use(self.pair.target)

    def _use(self, target: Target) -> None:
        self.target = target
        self.targets_system = system_prompt(target)
        self.question = replace(self.question, system=self.targets_system)
        self.query_one("#tokens", Input).value = str(target.forge.eval.max_new_tokens)
        self.draw_question()

    def _with_target(self, go_on: Callable[[Target], object]) -> None:
        """Go on with the run's target; without a run, with the one that is chosen."""
        if self.target is not None:
            go_on(self.target)
            return
        if self.pair is not None and self.pair.why_no_target:
            say(self, self.pair.why_no_target, "warning")
            return
        paths = self.place.target_paths()
        if not paths:
            say(self, "This workspace has no target: a folder below targets/ with a forge.yaml.")
            return

        def chosen(number: int | None) -> None:
            if number is None:
                return
            found: list[Target] = []
            try:
                found.append(load_target(paths[number]))
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it has a sentence
                say(self, str(error), "warning")
                return
            self._use(found[0])
            go_on(found[0])

        if len(paths) == 1:
            chosen(0)
        else:
            lines = [Content(plain(path.name)) for path in paths]
            self.app.push_screen(Pick("of which target", lines), chosen)

    # --- examples -----------------------------------------------------------------------

    def action_example(self) -> None:
        """Choose an example of a suite as prompt."""
        self._with_target(self._read_examples)

    @work(thread=True, group="suites", exclusive=True)
    def _read_examples(self, target: Target) -> None:
        found: list[tuple[list[TargetSuite], list[str]]] = []
        if attempt(self, lambda: found.append(read_suites(target)), ""):
            hand_over(self, self._pick_example, *found[0])

    def _pick_example(self, suites: list[TargetSuite], troubles: list[str]) -> None:
        for trouble in troubles:
            say(self, trouble, "warning")
        choices = [(suite, example) for suite in suites for example in suite.suite.examples]
        choices = choices[:MAX_OPTIONS]
        if not choices:
            if not troubles:
                say(self, "The suites of this target have no examples.")
            return
        lines = [Content(example_line(suite, example)) for suite, example in choices]

        def picked(number: int | None) -> None:
            if number is not None:
                self._take_example(question_of(*choices[number]))

        ask(self, Pick("examples", lines, long=True), picked)

    def _take_example(self, question: Question) -> None:
        self.question = question
        self.prompt.load_text(question.text)
        self.prompt.move_cursor(self.prompt.document.end)
        self.prompt.focus()
        self.draw_question()

    # --- the system prompt ----------------------------------------------------------------

    def action_system(self) -> None:
        """Edit the system prompt; the target's is offered."""
        offers = [("none", "")]
        if self.targets_system:
            offers.insert(0, ("the target's", self.targets_system))

        def answered(text: str | None) -> None:
            if text is not None:
                self.question = replace(self.question, system=text.strip() or None)
                self.draw_question()

        dialog = TextDialog(
            "system prompt",
            "It goes before the prompt, to both sides. Empty is none.",
            self.question.system or "",
            offers,
        )
        self.app.push_screen(dialog, answered)

    # --- into a suite ---------------------------------------------------------------------

    def action_to_suite(self) -> None:
        """Put the prompt, and the right answer to it, into a suite of the target."""
        text = self.prompt.text
        if not text.strip():
            say(self, "There is no prompt yet that could go into a suite.")
            return
        self._with_target(lambda target: self._find_places(target, self.question.typed(text)))

    @work(thread=True, group="suites", exclusive=True)
    def _find_places(self, target: Target, question: Question) -> None:
        found: list[list[SuitePlace]] = []
        if attempt(self, lambda: found.append(places(target)), ""):
            hand_over(self, self._ask_row, question, found[0])

    def _ask_row(self, question: Question, found: list[SuitePlace]) -> None:
        same = self.asked is not None and self.asked.text == question.text
        offers = [
            (name, one.scored_text) for name, one in self.answers.items() if same and one.whole
        ]
        expected = question.expected or (self.better_answer() if same else "")

        def answered(row: Row | None) -> None:
            if row is not None:
                self._write_row(question, row)

        ask(self, ToSuite(question.text, expected, found, offers), answered)

    @work(thread=True, group="write")
    def _write_row(self, question: Question, row: Row) -> None:
        written: list[Written] = []

        def write() -> None:
            tools = question.tools
            written.append(add_example(row.place, question.messages(), row.expected, tools))

        if attempt(self, write, ""):
            text = written_words(written[0])
            if row.place.frozen:
                text += " " + frozen_words(written[0])
            self.app.call_from_thread(say, self, text)
