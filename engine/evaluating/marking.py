"""Scores the answers to a suite, with what its scorer needs besides the texts: its options, a
database, a ``scorer.py`` in its child, a teacher to ask."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeVar

from engine.custom_scorer import CustomScorer
from engine.evaluating.asking import POLL_S
from engine.evaluating.teacher import Teacher
from engine.judge.score import Score
from engine.judge.scorers import CUSTOM, has_option, score
from engine.judge.suites import Example, Suite
from engine.judge.teacher import NotJudged

GIVES = ("database", "options", "scorer_file", "teacher")
"""What a Marker hands to a scorer: for ``load_suite``."""

SCORER_FILE = "scorer.py"


class Answered(Protocol):
    """An answer to the example with this index, wherever it came from."""

    @property
    def index(self) -> int: ...
    @property
    def text(self) -> str: ...


AnsweredT = TypeVar("AnsweredT", bound=Answered)


class Marker:
    """Scores answers to one suite. Use it in a ``with``: what it started ends with it."""

    def __init__(
        self,
        suite: Suite,
        scorer_file: Path | None = None,
        forbidden: Collection[str] = (),
        *,
        named: Iterable[str],
    ) -> None:
        """``forbidden`` commands count where the suite's scorer knows them. ``named`` are the
        variables that hold keys of the workspace: ``scorer.py`` does not get them.

        ScorerError for a ``scorer.py`` and Refused for a judge that cannot be used, before any
        answer is had."""
        self.suite = suite
        self._options: dict[str, Any] = dict(suite.options)
        knows = has_option(suite.scorer, "forbidden")
        everything = frozenset([*self._options.get("forbidden", ()), *forbidden])
        if knows and everything:
            self._options["forbidden"] = everything
        self.counts_forbidden = knows and bool(everything or suite.scorer == "forbidden")
        self._stack = ExitStack()
        self.teacher: Teacher | None = None
        self.scorer_sha256: str | None = None
        if suite.judge is not None:
            self.teacher = self._stack.enter_context(Teacher(suite.judge))
        elif suite.scorer == CUSTOM and scorer_file is not None:
            custom = self._stack.enter_context(CustomScorer(scorer_file, named=named))
            custom.start()
            self._options["scorer_file"] = custom
            self.scorer_sha256 = custom.sha256

    def __enter__(self) -> Marker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def options(self) -> dict[str, Any]:
        """What the scorer was told besides the texts, as a record can hold it."""
        return {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in self._options.items()
            if name != "scorer_file"
        }

    def mark(self, example: Example, got: str) -> Score:
        """Score one answer. NotJudged where a judge gives no verdict; ScorerError, Refused where
        the scorer cannot be used at all."""
        options = {**self._options, **example.options()}
        if self.teacher is not None:
            teacher = self.teacher
            options["teacher"] = lambda expected, given: teacher.verdict(
                example.prompt, expected, given
            )
        return score(self.suite.scorer, example.expected, got, **options)

    def mark_each(
        self,
        answers: Iterable[AnsweredT],
        *,
        concurrency: int = 8,
        check: Callable[[], None] = lambda: None,
    ) -> Generator[tuple[AnsweredT, Score | NotJudged]]:
        """Each answer with its score, as it is known; NotJudged stands where there is none.

        A judge is asked ``concurrency`` questions at a time while further answers come in; any
        other scorer gives its score at once. ``check`` ends the wait for a judge by raising.
        """
        if self.teacher is None:
            for answer in answers:
                yield answer, self.mark(self.suite.examples[answer.index], answer.text)
            return
        yield from self._judge_each(answers, concurrency, check)

    def _judge_each(
        self, answers: Iterable[AnsweredT], concurrency: int, check: Callable[[], None]
    ) -> Generator[tuple[AnsweredT, Score | NotJudged]]:
        todo: queue.SimpleQueue[AnsweredT | None] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[AnsweredT, Score | Exception]] = queue.SimpleQueue()

        def work() -> None:
            while (answer := todo.get()) is not None:
                try:
                    done.put((answer, self.mark(self.suite.examples[answer.index], answer.text)))
                except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                    done.put((answer, error))

        def known(answer: AnsweredT, mark: Score | Exception) -> Score | NotJudged:
            if isinstance(mark, Score | NotJudged):
                return mark
            raise mark

        threads = [threading.Thread(target=work, daemon=True) for _ in range(concurrency)]
        for thread in threads:
            thread.start()
        waiting = 0
        try:
            for answer in answers:
                todo.put(answer)
                waiting += 1
                while not done.empty():
                    waiting -= 1
                    marked, mark = done.get()
                    yield marked, known(marked, mark)
            while waiting:
                check()
                try:
                    marked, mark = done.get(timeout=POLL_S)
                except queue.Empty:
                    continue
                waiting -= 1
                yield marked, known(marked, mark)
        finally:
            while not todo.empty():
                todo.get()
            for _ in threads:
                todo.put(None)
