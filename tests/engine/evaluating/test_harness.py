"""What the lm-eval harness writes, as mlx-lm 0.32 and lm-eval 0.4.13 wrote it, and what it says."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from engine.evaluating import harness
from engine.evaluating.harness import HarnessError, harness_version, read_results

TASK = {
    "name": "local_words",
    "alias": "local_words",
    "sample_len": 20,
    "acc,none": 0.5,
    "acc_stderr,none": 0.11470786693528086,
}
OTHER = {
    "name": "arc_easy",
    "alias": "arc_easy",
    "sample_len": 60,
    "acc,none": 0.7,
    "acc_stderr,none": 0.05965,
    "acc_norm,none": 0.65,
    "acc_norm_stderr,none": 0.062,
}


def table(**tasks: dict[str, Any]) -> str:
    return json.dumps(tasks, indent=4)


def test_one_task() -> None:
    found = read_results(table(local_words=TASK), ["local_words"], "acc,none")
    assert (found["score"], found["n"], found["metric"]) == (0.5, 20, "accuracy")
    reach = 1.959964 * 0.11470786693528086
    assert found["interval"].low == pytest.approx(0.5 - reach, abs=1e-6)
    assert found["interval"].high == pytest.approx(0.5 + reach, abs=1e-6)
    assert "standard errors" in found["interval"].method
    assert found["slices"] == {"local_words": {"score": 0.5, "n": 20}}


def test_several_tasks_are_their_mean_and_others_are_left_out() -> None:
    text = table(local_words=TASK, arc_easy=OTHER, more={"acc,none": 1.0})
    found = read_results(text, ["local_words", "arc_easy"], "acc,none")
    assert (found["score"], found["n"]) == (pytest.approx(0.6), 80)
    error = math.hypot(0.11470786693528086, 0.05965) / 2
    assert found["interval"].high - found["score"] == pytest.approx(1.959964 * error, rel=1e-5)
    near = TASK | {"acc,none": 0.95}
    assert read_results(table(x=near), ["x"], "acc,none")["interval"].high == 1.0
    norm = read_results(text, ["arc_easy"], "acc_norm,none")
    assert (norm["score"], norm["metric"]) == (0.65, "acc_norm,none")


def test_what_the_harness_does_not_say_is_not_made_up() -> None:
    """Older ones count no examples; some metrics have no standard error ("N/A")."""
    old = {"alias": "x", "acc,none": 0.5, "acc_stderr,none": "N/A"}
    found = read_results(table(x=old), ["x"], "acc,none")
    assert (found["score"], found["n"], found["interval"], found["slices"]) == (0.5, None, None, {})
    sure = TASK | {"acc,none": 1.0, "acc_stderr,none": 0.0}
    assert read_results(table(x=sure), ["x"], "acc,none")["interval"] is None
    half = read_results(table(a=TASK, b=old), ["a", "b"], "acc,none")
    assert (half["n"], half["interval"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "metric", "why"),
    [
        ("", "acc,none", "is not JSON"),
        ("[1]", "acc,none", "no table"),
        ("{", "acc,none", "is not JSON"),
        ("[" * 100_000, "acc,none", "is not JSON"),
        ("{}", "acc,none", "no task local_words; they have none"),
        (table(arc=TASK), "acc,none", "no task local_words; they have arc"),
        (table(local_words=TASK), "f1,none", "has no number f1,none; it has acc,none"),
        (table(local_words=TASK | {"acc,none": None}), "acc,none", "it has none"),
        ('{"local_words": {"acc,none": NaN}}', "acc,none", "has no number"),
        ('{"local_words": {"acc,none": true}}', "acc,none", "has no number"),
        ('{"local_words": 3}', "acc,none", "no task local_words"),
    ],
)
def test_results_that_cannot_be_used_are_a_sentence(text: str, metric: str, why: str) -> None:
    with pytest.raises(HarnessError) as caught:
        read_results(text, ["local_words"], metric)
    assert why in str(caught.value)


def test_without_the_harness_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "find_spec", lambda name: None)
    with pytest.raises(HarnessError, match=r"pip install 'factory-tui\[lm-eval\]'"):
        harness_version()
