"""The suites of a target as a person looks at them: read one, score one answer by its scorer."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.custom_scorer import CustomScorer
from engine.judge import scorers
from engine.judge.score import Score
from engine.judge.suites import Example, Suite, SuiteError, load_suite
from engine.records.target import SuiteRef
from engine.target import Target, TargetError

SYSTEM_PROMPT = "system_prompt.md"
SCORER = "scorer.py"
HANDED = ("database", "options", "scorer_file")
"""What ``score_answers`` hands to a scorer besides the texts."""

DEFAULT_SCORER = "json_cmd"
"""Of a suite whose scorer neither the target nor the file's header names."""


@dataclass(frozen=True, slots=True)
class TargetSuite:
    """A suite of a target, and where the target says that it is."""

    ref: SuiteRef
    path: Path
    suite: Suite
    scorer_file: Path


def system_prompt(target: Target) -> str | None:
    """What the target's own system prompt says; None where it has none that can be read."""
    try:
        return (target.path / SYSTEM_PROMPT).read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def read_suites(
    target: Target, gives: Collection[str] = HANDED, wanted: Sequence[SuiteRef] | None = None
) -> tuple[list[TargetSuite], list[str]]:
    """The suites of a target but the sealed one, and a sentence for each that cannot be used.

    The first is the primary one; only that has the target's system prompt, as in an evaluation.
    ``wanted`` are others than those: the sealed one, where it is opened.
    ``gives`` is what the caller hands to scorers, as in ``load_suite``. Each file is read once.
    """
    found, troubles = [], []
    for number, ref in enumerate(target.suites if wanted is None else wanted):
        prompt = system_prompt(target) if number == 0 else None
        try:
            path = target.file(ref.file)
            suite = load_suite(
                path,
                ref.name,
                ref.scorer,
                ref.direction,
                prompt,
                gives=gives,
                otherwise=DEFAULT_SCORER,
            )
        except TargetError as error:
            troubles.append(str(error))
        except SuiteError as error:
            troubles.append(f"{target.path.name}: the suite {ref.name} cannot be used: {error}.")
        else:
            found.append(TargetSuite(ref, path, suite, target.path / SCORER))
    return found, troubles


def answer_text(text: str, calls: Sequence[tuple[str, str]] = ()) -> str:
    """An answer as scorers read it: its text, or the whole message where it calls tools.

    ``calls`` are names and arguments (JSON text).
    """
    if not calls:
        return text
    named = [{"function": {"name": name, "arguments": given}} for name, given in calls]
    return json.dumps({"content": text, "tool_calls": named}, ensure_ascii=False)


def score_answers(
    suite: TargetSuite, example: Example, answers: Mapping[str, str], *, named: Iterable[str]
) -> dict[str, Score]:
    """The suite's scorer on one example's answers, by their names.

    A target's own ``scorer.py`` runs in a child with a time limit and without keys; ``named`` are
    the variables that hold those of the workspace (``key_names``). ScorerError where it cannot be
    used, or a gold query fails. Blocks.
    """
    name = suite.suite.scorer
    options: dict[str, Any] = {**suite.suite.options, **example.options()}

    def each() -> dict[str, Score]:
        return {
            side: scorers.score(name, example.expected, text, **options)
            for side, text in answers.items()
        }

    if name != scorers.CUSTOM:
        return each()
    with CustomScorer(suite.scorer_file, named=named) as custom:
        options["scorer_file"] = custom
        return each()
