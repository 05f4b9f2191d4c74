"""What the filter language may ask of a run: its summary as named facts, made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from engine.catalogue.run_filter import FactValue
from engine.catalogue.summary import RunSummary

_FACTS: dict[str, Callable[[RunSummary], FactValue]] = {
    "run": lambda run: run.run_id,
    "target": lambda run: run.target or None,
    "model": lambda run: run.base_model,
    "phase": lambda run: run.phase,
    "decision": lambda run: run.decision,
    "is": lambda run: _states(run),
    "tag": lambda run: run.tags,
    "score": lambda run: run.primary_candidate,
    "baseline": lambda run: run.primary_baseline,
    "delta": lambda run: None if run.primary_delta is None else 100 * run.primary_delta,
    "breadth": lambda run: run.breadth_delta_pp,
    "tok_s": lambda run: run.train_tok_s or run.eval_tok_s,
    "loss": lambda run: run.loss,
    "peak": lambda run: run.peak_bytes,
    "seed": lambda run: run.seed,
    "n": lambda run: run.n,
    "duration": lambda run: run.duration_s,
}

_OTHER_NAMES = {
    "learning_rate": ("lr",),
    "batch_size": ("batch",),
    "lora.rank": ("lora_rank", "rank", "r"),
    "iters": ("steps", "max_steps"),
    "num_layers": ("lora_layers",),
}
"""A setting's name here, to what other tools call it."""


class RunFacts(Mapping[str, FactValue]):
    """The facts of a run; ``gates`` is its worst verdict, where known.

    None is "not recorded": nothing is smaller, larger or equal to it. The age is counted up to
    ``now``, which whoever keeps the facts may move on.
    """

    __slots__ = ("_text", "gates", "now", "summary")

    def __init__(self, summary: RunSummary, now: datetime, gates: str | None = None) -> None:
        self.summary = summary
        self.now = now
        self.gates = gates
        self._text: str | None = None

    def __getitem__(self, name: str) -> FactValue:
        fact = _FACTS.get(name)
        if fact is not None:
            return fact(self.summary)
        if name == "age":
            created = self.summary.created
            return None if created is None else (self.now - created).total_seconds()
        if name == "gates":
            return self.gates
        found = setting(self.summary, name.removeprefix("set."))
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        yield from _FACTS
        yield from ("age", "gates")
        yield from (f"set.{name}" for name in settings_of(self.summary))

    def __len__(self) -> int:
        return len(_FACTS) + 2 + len(settings_of(self.summary))

    @property
    def text(self) -> str:
        """All texts of the run, without regard to case, one below the other."""
        if self._text is None:
            run = self.summary
            parts = [run.run_id, run.target, run.base_model, run.phase, run.decision, self.gates]
            parts += [*_states(run), *run.tags]
            parts += [value for value in run.hyperparameters.values() if isinstance(value, str)]
            self._text = "\n".join(part for part in parts if part).casefold()
        return self._text


def facts(summary: RunSummary, now: datetime, gates: str | None = None) -> RunFacts:
    """The facts of a run at the moment ``now``."""
    return RunFacts(summary, now, gates)


def settings_of(summary: RunSummary) -> dict[str, float | str]:
    """A run's settings by name, without regard to case, those of a group as ``group.name``."""
    values: dict[str, float | str] = {}
    for name, value in summary.hyperparameters.items():
        inner = value if isinstance(value, dict) else {"": value}
        for key, one in inner.items():
            if isinstance(one, int | float | str):
                values[(f"{name}.{key}" if key else name).casefold()] = one
    for name, others in _OTHER_NAMES.items():
        for other in others:
            if other in values:
                values.setdefault(name, values[other])
    return values


def setting(summary: RunSummary, name: str) -> float | str | None:
    """One setting by its name in lower case; None where it was not recorded.

    Asked of ten thousand runs at each key of a filter, so what stands there as it is called is
    found at once.
    """
    known = summary.hyperparameters
    found = known.get(name)
    if found is None and "." in name:
        group, _, inner = name.partition(".")
        held = known.get(group)
        found = held.get(inner) if isinstance(held, dict) else None
    if isinstance(found, int | float | str):
        return found
    return settings_of(summary).get(name)


def _states(summary: RunSummary) -> list[str]:
    states = {"running": ["live"], "waiting": ["waiting"], "dead": ["lost"], "idle": []}[
        summary.liveness
    ]
    if summary.decision is not None:
        states.append("decided")
    elif summary.awaits_decision:
        states.append("undecided")
    if summary.phase in ("failed", "cancelled"):
        states.append(summary.phase)
    return states
