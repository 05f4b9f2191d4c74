"""Whether a suite is large enough for what its run asks of it."""

from __future__ import annotations

import pytest

from engine.judge.measured import Measured
from engine.judge.power import power_of, rows_needed
from engine.judge.suite_power import USUAL_FLIPS, planned_power, suite_power
from tests.engine.judge.test_gates import config, evals, paired, record, rows


def test_flips_are_those_that_were_measured() -> None:
    # 64 rows, 12 fixed, 9 broken; the bound of 0.9 asks for 41.6 pp.
    before, after = [k < 31 for k in range(64)], [9 <= k < 43 for k in range(64)]
    reach = suite_power(Measured(config(), *paired(before, after)))
    assert reach is not None and reach.n == 64
    assert reach.wanted == pytest.approx(0.9 - 31 / 64)
    assert reach.discordance == pytest.approx(max(21 / 64, 0.9 - 31 / 64))
    assert not reach.too_small and reach.smallest is not None
    assert power_of(64, reach.smallest, reach.discordance) == pytest.approx(0.8, abs=0.01)


def test_a_suite_that_is_too_small_says_how_many_it_needs() -> None:
    made = {name: one.model_copy(update={"n": 20}) for name, one in evals((0.8, 0.9)).items()}
    reach = suite_power(Measured(config(), made, {}))
    assert reach is not None and reach.too_small
    assert reach.discordance == pytest.approx(0.8 * 0.1 + 0.9 * 0.2)
    assert reach.needed == rows_needed(reach.wanted or 0, reach.discordance)
    assert f"it needs {reach.needed}" in reach.sentence


def test_what_cannot_be_said_is_none() -> None:
    graded = {"eval-baseline.json": rows([0.5] * 8), "eval-candidate.json": rows([0.7] * 8)}
    assert suite_power(Measured(config(), evals((0.5, 0.7)), graded)) is None
    assert suite_power(Measured(config(), evals(), {})) is None
    assert suite_power(Measured(config(), {}, {})) is None
    losses = {"eval-baseline.json": record(2.0, n=9), "eval-candidate.json": record(1.0, n=9)}
    assert suite_power(Measured(config(), losses, {})) is None


@pytest.mark.parametrize("n", [1, 2, 6, 180])
def test_before_the_run(n: int) -> None:
    known = planned_power(config().eval, n, 0.2)
    guessed = planned_power(config().eval, n)
    assert known is not None and guessed is not None
    assert known.wanted == pytest.approx(0.7) and guessed.wanted is None
    assert guessed.discordance == USUAL_FLIPS
    assert known.too_small is (n < (known.needed or 0))
    assert (guessed.smallest is None) is (n < 30)
    strict = config(threshold={"primary_min": 0.9, "confidence": 0.99}).eval
    sure = planned_power(strict, 180, 0.2)
    assert sure is not None and sure.alpha == pytest.approx(0.01)


def test_nothing_is_said_without_rows_or_shares() -> None:
    assert planned_power(config().eval, 0) is None
    assert planned_power(config(threshold={"primary_min": 2.0}).eval, 10) is None
    assert planned_power(config().eval, 10, 1.5) is None
    assert planned_power(config().eval, 10, 0.95) is not None
