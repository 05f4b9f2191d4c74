"""The signs of a run: what a person should know about it, each once, in words, with its time.

Some the worker or the supervisor said (``message`` events), others the numbers say: a loss that is
no number, a validation loss that rises or is flat, a speed that fell, a supervisor that went quiet.
They are found when somebody looks, not with each event. Where both say the same the sent words win.

    book = SignBook()
    book.take_in(projection)                  # again and again, while the run goes on
    book.tell(projection, now=time.time())
    signs(projection)                         # once, of a run as it stands

Signs of the numbers have the codes ``nan-loss``, ``rising-val-loss``, ``flat-val-loss``, ``slow``,
``memory-limit`` and ``quiet``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine import numbers
from engine.live.projected import MessageView, StageView
from engine.live.projection import MEMORY, RunProjection
from engine.live.series import Series
from engine.live.sign_rules import Found, NotANumber, Rule, Throughput, Validation, is_loss

QUIET_S = 60.0
"""A running stage of which no event comes for so long, not even a memory sample (due every 5 s)."""
MEMORY_SHARE = 0.9
"""A process tree that holds so much of the machine's memory is said to be at its limit."""
BUDGET = 20_000
"""Points that are taken in at once: some 10 ms, so that nobody waits long for a lock."""

_FEW, _MANY = 16, 512
"""Points that a rule is fed one by one before it is asked whether the next ones change anything,
and how many these are."""

_SAME: dict[str, frozenset[str]] = {
    "nan-loss": frozenset({"nan-loss"}),
    "early-stop": frozenset({"rising-val-loss", "flat-val-loss"}),
    "no-gain": frozenset({"rising-val-loss", "flat-val-loss"}),
    "memory-pressure": frozenset({"memory-limit"}),
    "oom": frozenset({"memory-limit"}),
}
"""What a message of this code says as well, so that the numbers need not."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Something to be read once.

    ``t`` is when it became true (seconds since the epoch), None where that is not known; ``level``
    is info, warning or error; ``times`` counts the same words; ``over`` says that it is no longer
    so; ``derived`` that nobody sent it, the numbers say it.
    """

    t: float | None
    stage: str
    level: str
    code: str
    text: str
    times: int = 1
    over: bool = False
    derived: bool = False


def signs(
    projection: RunProjection, *, now: float | None = None, machine_bytes: int | None = None
) -> list[Sign]:
    """All signs of a run, oldest first. See ``SignBook.tell``."""
    book = SignBook()
    while book.take_in(projection):
        pass
    return book.tell(projection, now=now, machine_bytes=machine_bytes)


class SignBook:
    """The signs of one run that is looked at again and again; each point is looked at once.

    One thread may ``take_in`` while another calls ``tell``.
    """

    def __init__(self) -> None:
        self._watches: dict[tuple[str, str], _Watch] = {}
        self._projection: RunProjection | None = None

    def take_in(self, projection: RunProjection, budget: int = BUDGET) -> bool:
        """Look at ``budget`` new points at most; whether there was any.

        For whoever feeds the projection: its series must not change meanwhile.
        """
        if projection is not self._projection:
            self._projection, self._watches = projection, {}
        left = budget
        for stage in list(projection.stages.values()):
            for name, series in _watched(stage):
                watch = self._watches.get((stage.name, name))
                if watch is None:
                    watch = self._watches[stage.name, name] = _Watch(name)
                left -= watch.take(series, left)
                if left <= 0:
                    return True
        return left < budget

    def tell(
        self,
        projection: RunProjection,
        *,
        now: float | None = None,
        machine_bytes: int | None = None,
    ) -> list[Sign]:
        """All signs of what was taken in, as of now, oldest first.

        ``now`` (seconds since the epoch) is for a run that is under way: without it nothing is
        said of quiet. ``machine_bytes`` is the memory of the machine that the run is on, where
        that is known.
        """
        said = [_of(message) for message in projection.messages]
        return _merged(said, list(self._derived(projection, now, machine_bytes)))

    def _derived(
        self, projection: RunProjection, now: float | None, machine_bytes: int | None
    ) -> Iterator[Sign]:
        for (name, _), watch in list(self._watches.items()):
            stage = projection.stages.get(name)
            if stage is not None:
                yield from (
                    Sign(
                        stage.when(one.seconds),
                        name,
                        one.level,
                        one.code,
                        one.text,
                        over=one.over,
                        derived=True,
                    )
                    for one in watch.found()
                )
        for stage in projection.stages.values():
            full = _memory_limit(stage, machine_bytes)
            if full is not None:
                yield full
        quiet = _quiet(projection, now)
        if quiet is not None:
            yield quiet


class _Watch:
    """The rules over one metric of one stage, and how many of its points they have seen."""

    def __init__(self, name: str) -> None:
        self.seen = 0
        self._last_step = float("-inf")
        self._rules: list[Rule] = [NotANumber(name)] if is_loss(name) else []
        if name == "val_loss":
            self._rules.append(Validation())
        elif name in _SPEEDS:
            self._rules.append(Throughput(_SPEEDS[name]))

    def take(self, series: Series, budget: int) -> int:
        """Feed the rules what is new, ``budget`` points at most; returns how many it was."""
        fresh = min(series.count - self.seen, len(series))
        if fresh <= 0:
            self.seen = series.count
            return 0
        start = len(series) - fresh
        stop = min(len(series), start + budget)
        steps, values = series.step[start:stop].tolist(), series.value[start:stop].tolist()
        rises = sorted(steps) == steps and steps[0] >= self._last_step
        seconds = series.seconds[start:stop].tolist()
        for rule in self._rules:
            self._feed(rule, steps, seconds, values, rises)
        self._last_step = steps[-1]
        self.seen = series.count - (len(series) - stop)
        return stop - start

    def _feed(
        self,
        rule: Rule,
        steps: list[float],
        seconds: list[float],
        values: list[float],
        rises: bool,
    ) -> None:
        """Feed points to one rule; most of a long course at once."""
        before, at = self._last_step, 0
        while at < len(values):
            if rises and (unmoved := rule.unmoved(values[at : at + _MANY])):
                at += unmoved
                continue
            for place in range(at, min(at + _FEW, len(values))):
                if steps[place] < before:
                    rule.rewind()
                before = steps[place]
                rule.feed(before, seconds[place], values[place])
            at += _FEW

    def found(self) -> Iterator[Found]:
        for rule in self._rules:
            yield from rule.found


_SPEEDS = {"tok_s": "tok/s", "it_s": "it/s"}


def _watched(stage: StageView) -> list[tuple[str, Series]]:
    """The metrics of a stage that say something; it/s only where there is no tok/s."""
    speed = "tok_s" if "tok_s" in stage.series else "it_s"
    return [(n, series) for n, series in stage.series.items() if is_loss(n) or n == speed]


def _memory_limit(stage: StageView, machine_bytes: int | None) -> Sign | None:
    series = stage.series.get(MEMORY)
    peak = stage.peak_tree_rss_bytes
    if not machine_bytes or series is None or peak is None or peak < MEMORY_SHARE * machine_bytes:
        return None
    at = next((i for i, v in enumerate(series.value) if v >= MEMORY_SHARE * machine_bytes), None)
    text = (
        f"The process tree holds {numbers.size(peak)} of the machine's "
        f"{numbers.size(machine_bytes)} memory at its peak. A smaller batch_size or max_seq_len "
        "needs less."
    )
    when = None if at is None else stage.when(series.seconds[at])
    return Sign(when, stage.name, "warning", "memory-limit", text, derived=True)


def _quiet(projection: RunProjection, now: float | None) -> Sign | None:
    stage = projection.running
    if stage is None or now is None or projection.last_t is None:
        return None
    if now - projection.last_t < QUIET_S:
        return None
    text = (
        f"No event for more than {QUIET_S:.0f} s, not even a sample of memory: the supervisor "
        "hangs, or the machine slept."
    )
    return Sign(projection.last_t + QUIET_S, stage.name, "warning", "quiet", text, derived=True)


def _of(message: MessageView) -> Sign:
    return Sign(message.t, message.stage, message.level, message.code, message.text, message.times)


def _merged(said: list[Sign], derived: list[Sign]) -> list[Sign]:
    """Both by their time. What was sent covers what the numbers say; the same words are one."""
    covered: set[tuple[str, str]] = set()
    for one in said:
        covered |= {(one.stage, code) for code in _SAME.get(one.code, ())}
    once: dict[tuple[str, str, str], Sign] = {}
    for one in said:
        key = (one.stage, one.code, one.text)
        before = once.get(key)
        once[key] = one if before is None else replace(before, times=before.times + one.times)
    kept = list(once.values())
    first: set[tuple[str, str]] = set()
    for one in derived:
        key_of = (one.stage, one.code)
        if one.code == "nan-loss" and key_of in first:
            continue  # loss and validation loss: one trouble
        first.add(key_of)
        if key_of not in covered or (one.over and one.code != "nan-loss"):
            kept.append(one)
    return _by_time(kept)


def _by_time(found: list[Sign]) -> list[Sign]:
    """Oldest first; a sign without a time stays behind the one that it came after."""
    keyed, last = [], float("-inf")
    for one in found:
        last = one.t if one.t is not None else last
        keyed.append((last, one))
    return [one for _, one in sorted(keyed, key=lambda pair: pair[0])]
