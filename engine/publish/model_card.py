"""The card of a published adapter (``README.md`` of its repository): what the records say, and what
they do not. Derived, never typed; the same records give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.publish.markdown import escape, paragraph, table
from engine.publish.numbers import NOT_RECORDED, interval, score


@dataclass(frozen=True, slots=True)
class Result:
    """Scores on a suite, each with its 95 % interval. ``told`` holds the two against each other."""

    suite: str
    n: int | None
    base: float | None
    base_interval: tuple[float, float] | None
    tuned: float | None
    tuned_interval: tuple[float, float] | None
    told: str = ""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card is made of. None is "not recorded"."""

    name: str
    goal: str | None
    base: str
    base_on_hub: bool
    method: Mapping[str, str] = field(default_factory=dict)
    train_rows: int | None = None
    origins: Mapping[str, int] = field(default_factory=dict)
    """The rows of canonical that were there for it, by the kind of who wrote them."""
    writers: Mapping[str, int] = field(default_factory=dict)
    dev: Result | None = None
    gold: Result | None = None
    others: tuple[Result, ...] = ()
    recorded: float | None = None
    """What ``best_score.json`` says, where the run itself is not here."""
    run: str | None = None
    decision: str | None = None
    routing: str | None = None
    limits: tuple[str, ...] = ()


SETTINGS = ("lora", "iters", "batch_size", "grad_accumulation", "learning_rate", "schedule", "seed")
"""The settings of a training that a card names."""


def method_of(config: Mapping[str, Any]) -> dict[str, str]:
    """How a run was trained, from what its ``config.json`` holds: setting → value."""
    settings = config.get("hyperparameters")
    found: dict[str, str] = {}
    for name in SETTINGS:
        value = settings.get(name) if isinstance(settings, dict) else None
        value = config.get("seed") if name == "seed" else value
        if isinstance(value, dict):
            for key in ("rank", "scale", "dropout", "keys"):
                if value.get(key) is not None:
                    found[f"{name} {key}"] = _word(value[key])
        elif value is not None:
            found[name.replace("_", " ")] = _word(value)
    return found


def _word(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else f"{value}"


def model_card(facts: CardFacts) -> str:
    """The text of ``README.md``, with the header that the hub reads."""
    return "\n".join(_lines(facts)) + "\n"


def _lines(facts: CardFacts) -> Iterator[str]:
    yield "---"
    if facts.base_on_hub:
        yield f"base_model: {json.dumps(facts.base)}"
    yield from ("library_name: mlx", "pipeline_tag: text-generation", "tags:")
    yield from ("- mlx", "- lora", "---", "")
    yield from (f"# {escape(facts.name)}", "")
    if facts.goal:
        yield from (paragraph(facts.goal), "")
    where = escape(facts.base) + ("" if facts.base_on_hub else " (a local model)")
    yield from (f"A LoRA adapter for {where}, made with MLX.", "")
    if facts.routing:
        yield from (f"**Use it only here:** {paragraph(facts.routing)}", "")
    yield from _results(facts)
    yield from _limits(facts)
    yield from ("## Training", "")
    yield from table(("setting", "value"), [(escape(k), escape(v)) for k, v in _method(facts)])
    yield ""
    yield from _data(facts)


def _results(facts: CardFacts) -> Iterator[str]:
    yield from ("## Results", "")
    found = [
        ("dev", facts.dev),
        ("gold", facts.gold),
        *(("kept skill", one) for one in facts.others),
    ]
    rows = [
        (
            kind,
            escape(one.suite),
            f"{score(one.base)}{interval(one.base_interval)}",
            f"{score(one.tuned)}{interval(one.tuned_interval)}",
            NOT_RECORDED if one.n is None else str(one.n),
        )
        for kind, one in found
        if one is not None
    ]
    if rows:
        yield from table(("judged on", "suite", "before", "after (95 % interval)", "n"), rows, 1)
    else:
        yield f"Recorded: {score(facts.recorded)}. The answers behind it are not here."
    yield ""
    for kind, one in found:
        if one is not None and one.told:
            yield f"- {kind} ({escape(one.suite)}): {paragraph(one.told)}"
    if any(one is not None and one.told for _, one in found):
        yield ""


def _limits(facts: CardFacts) -> Iterator[str]:
    yield from ("## Limits", "")
    if facts.gold is None:
        yield "- It was not judged on gold, the rows that nothing was chosen by."
    if facts.decision is None:
        yield "- Nobody has decided yet whether it is good enough."
    else:
        yield f"- Decision on record: {escape(facts.decision)}."
    yield from (f"- {paragraph(one)}" for one in facts.limits)
    yield ""


def _method(facts: CardFacts) -> Iterator[tuple[str, str]]:
    yield "base", facts.base
    yield from facts.method.items()
    yield "run", facts.run or NOT_RECORDED


def _data(facts: CardFacts) -> Iterator[str]:
    yield from ("## Data", "")
    rows = NOT_RECORDED if facts.train_rows is None else f"{facts.train_rows:,}"
    yield from (
        f"Training rows: {rows}. The rows of the task that were there for it, by origin:",
        "",
    )
    if facts.origins:
        counts = [(escape(kind), f"{count:,}") for kind, count in sorted(facts.origins.items())]
        yield from table(("origin", "rows"), counts, 1)
    else:
        yield NOT_RECORDED[0].upper() + NOT_RECORDED[1:] + "."
    if facts.writers:
        yield ""
        said = ", ".join(f"{escape(who)} ({n:,})" for who, n in sorted(facts.writers.items()))
        yield f"Written by programs and models: {said}."
