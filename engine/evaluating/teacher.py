"""A teacher model as judge: asked over an OpenAI-compatible endpoint, once more where its reply is
no verdict. What it is asked and what its reply means is ``engine.judge.teacher``'s.

Questions and answers leave this machine here, to the address that the suite's header names and to
nobody else. The key is read from the environment and is in no record.
"""

from __future__ import annotations

from types import TracebackType

from engine.evaluating.asking import Asker, Patience, Refused
from engine.judge.score import Score
from engine.judge.teacher import NotJudged, TeacherSettings, again, read_verdict
from engine.records.evaluation import TeacherJudge
from engine.serving.chat import Ask, Message
from engine.serving.endpoint import Endpoint, EndpointError, address_of, is_loopback, key_of
from engine.serving.exchange import Timeouts

MAX_TOKENS = 1024
"""Of a verdict: room for a model that thinks before it answers."""


class Teacher:
    """One judge, from any number of threads. Use it in a ``with``, or ``close`` it."""

    def __init__(
        self,
        settings: TeacherSettings,
        timeouts: Timeouts | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Refused for an address or a key that cannot be used; asks nothing yet."""
        self.settings = settings
        endpoint = Endpoint(
            settings.url, settings.model, settings.key_variable, f"The judge {settings.model}"
        )
        try:
            address = address_of(endpoint)
            key_of(endpoint, address)
        except EndpointError as error:
            raise Refused(str(error)) from error
        self.leaves = not is_loopback(address.host)
        """Whether what it is asked leaves this machine."""
        self._asker = Asker(endpoint, timeouts, patience)

    def __enter__(self) -> Teacher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is under way."""
        self._asker.end()

    def verdict(self, asked: str, expected: str, got: str) -> Score:
        """What the judge says of an answer; blocks.

        NotJudged where it does not answer, or twice with no verdict. Refused where it never will.
        """
        question = self.settings.question(asked, expected, got)
        messages: list[Message] = [{"role": "user", "content": question}]
        reply = self._ask(messages)
        try:
            return read_verdict(reply, self.settings.scale)
        except NotJudged as error:
            messages.append({"role": "assistant", "content": reply or "…"})
            messages.append({"role": "user", "content": again(str(error))})
        return read_verdict(self._ask(messages), self.settings.scale)

    def _ask(self, messages: list[Message]) -> str:
        try:
            return self._asker.ask(messages, Ask(MAX_TOKENS, extra=self.settings.extra)).text
        except EndpointError as error:
            raise NotJudged(str(error)) from error

    @property
    def record(self) -> TeacherJudge:
        """Who judged, as the evaluation's record holds it."""
        one = self.settings
        return TeacherJudge(
            model=one.model,
            address=one.url,
            prompt=one.prompt,
            prompt_sha256=one.prompt_sha256,
            extra=one.extra,
        )

    @property
    def where(self) -> str:
        """A sentence that says where questions and answers go."""
        shown = f"the judge {self.settings.model} at {self.settings.url}"
        if self.leaves:
            return f"Each question, its ideal answer and the model's answer are sent to {shown}."
        return f"Each answer is judged on this machine, by {shown}."
