"""One prompt to both sides of Serve: asked, streamed, given up, compared, scored, copied."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping

from textual import work
from textual.widgets import Input

from engine.answers.target_suites import score_answers
from engine.judge.score import Score
from engine.secrecy import key_names
from engine.serving.chat import Ask
from engine.serving.endpoint import Endpoint
from engine.serving.side_by_side import Failed, side_by_side
from tui.acting import at_work, attempt, hand_over, say
from tui.clipboard import copy
from tui.screens.serve_sides import SideActs
from tui.views.serve_answer import AnswerSoFar, Compared, compare
from tui.views.serve_question import MAX_KEPT, Question, with_prompt
from tui.views.serve_settings import SettingsError, ask_of
from tui.widgets.prompt_box import PromptBox

HISTORY = "serve.history"


class Asking(SideActs):
    """The question and the answers."""

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self.question = Question("")
        """What is asked next; its text is that of the prompt box when it is sent."""
        self.asked: Question | None = None
        self.answers: dict[str, AnswerSoFar] = {}
        self.compared: Compared | None = None
        self.with_marks = True

    def draw_answers(self) -> None:
        """The answers are others, or go on."""
        raise NotImplementedError

    @property
    def prompt(self) -> PromptBox:
        return self.query_one(PromptBox)

    @property
    def asking(self) -> bool:
        """Whether an answer is on its way."""
        return at_work(self, "ask")

    # --- asking -----------------------------------------------------------------------

    def action_ask(self) -> None:
        """Send the prompt to the sides that answer."""
        if self.asking:
            say(self, "An answer is on its way. esc gives it up.")
            return
        text = self.prompt.text
        if not text.strip():
            say(
                self,
                "There is nothing to ask yet: type a prompt, or take an example "
                f"({self.key('example')}).",
            )
            return
        ends = {name: one.endpoint for name, one in self.sides.items() if one.endpoint is not None}
        if not ends:
            starting = any(one.state == "starting" for one in self.sides.values())
            wait = "the servers are still starting."
            why = wait if starting else f"{self.key('servers')} starts the servers."
            say(self, f"No side answers yet: {why}", "warning")
            return
        self.question = self.question.typed(text)
        try:
            how = ask_of(
                self.query_one("#tokens", Input).value,
                self.query_one("#temperature", Input).value,
                self.question.tools,
            )
        except SettingsError as error:
            say(self, str(error), "warning")
            return
        self._remember(text)
        self._ask(self.question, {name: end for name, end in ends.items() if end}, how)

    def _remember(self, text: str) -> None:
        history = with_prompt(self.factory.remembered.get(HISTORY, []), text)
        self.prompt.remember(history)
        self.factory.remembered.put(HISTORY, [one for one in history if len(one) <= MAX_KEPT])

    @work(group="ask", exclusive=True)
    async def _ask(self, question: Question, ends: Mapping[str, Endpoint], how: Ask) -> None:
        now = time.monotonic()
        self.asked, self.compared = question, None
        answers = self.answers = {name: AnswerSoFar(now) for name in ends}
        self.draw_answers()
        try:
            updates = side_by_side(ends, question.messages(), how)
            async with contextlib.aclosing(updates):
                async for update in updates:
                    answers[update.side].take(update.what)
        finally:
            for one in answers.values():
                if one.end is None:
                    one.end = Failed("Given up.", "cancelled", one.text)
            if self.there:
                self.draw_answers()
                self._judge(question, answers)

    def give_up(self) -> bool:
        """Cancel what is on its way; whether something was."""
        asking = self.asking
        self.workers.cancel_group(self, "ask")
        return asking

    # --- judging ------------------------------------------------------------------------

    @work(thread=True, group="judge", exclusive=True)
    def _judge(self, question: Question, answers: dict[str, AnswerSoFar]) -> None:
        """Compare the answers, and score them where an example was asked."""
        compared: list[Compared | None] = []
        scores: dict[str, Score] = {}
        texts = {name: one.scored_text for name, one in answers.items() if one.whole}

        def judge() -> None:
            compared.append(compare(answers, question.expected))
            if question.picked is not None and texts:
                picked = question.picked
                names = key_names(self.factory.workspace)
                scores.update(score_answers(picked.suite, picked.example, texts, named=names))

        attempt(self, judge, "")
        hand_over(self, self._judged, answers, compared, scores)

    def _judged(
        self,
        answers: dict[str, AnswerSoFar],
        compared: list[Compared | None],
        scores: dict[str, Score],
    ) -> None:
        if answers is not self.answers:
            return  # something else was asked meanwhile
        self.compared = compared[0] if compared else None
        for name, score in scores.items():
            if name in answers:
                answers[name].score = score
        self.draw_answers()

    # --- keys ---------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the chosen side's answer, whole."""
        answer = self.answers.get(self.chosen)
        if answer is None or not answer.scored_text:
            say(self, f"{self.chosen.capitalize()} has not answered yet.")
            return
        what = f"The answer of {self.chosen}"
        said, much = copy(self.app, answer.scored_text, what)
        say(self, said, "warning" if much else "information")

    def action_marks(self) -> None:
        """Mark what differs between the answers, or show them as they came."""
        self.with_marks = not self.with_marks
        self.draw_answers()

    def action_newline(self) -> None:
        self.prompt.insert_line()

    def action_history(self, by: int) -> None:
        self.prompt.step(by)

    def better_answer(self) -> str:
        """The answer that is right; where none is known to be, the candidate's, or the other."""
        whole = {name: one for name, one in self.answers.items() if one.whole}
        right = [one for one in whole.values() if one.score is not None and one.score.correct]
        best = right[-1] if right else whole.get("candidate") or next(iter(whole.values()), None)
        return best.scored_text if best is not None else ""
