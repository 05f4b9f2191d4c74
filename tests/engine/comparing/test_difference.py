"""Two scores of one suite: paired where they can be, and words that say what may be concluded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.comparing.difference import difference
from engine.judge import stats
from tests.engine.comparing.kit import rows, scored


def test_the_same_rows_are_paired_with_the_exact_test() -> None:
    found = difference(scored(rows(20)), scored(rows(35)))
    assert (found.word, found.fixed, found.broken, found.n) == ("better", 15, 0, 40)
    assert found.p == stats.mcnemar(15, 0)
    assert found.delta == pytest.approx(15 / 40)
    assert found.interval == pytest.approx(stats.newcombe_paired(20, 15, 0, 5)[1:])
    assert difference(scored(rows(35)), scored(rows(20))).word == "worse"


def test_a_few_flips_are_within_the_noise() -> None:
    found = difference(scored(rows(30)), scored(rows(33)))
    assert found.word == "within the noise"
    assert "3 fixed, 0 broken of 40 rows, p = 0.25" in found.reason
    assert difference(scored(rows(30)), scored(rows(30))).word == "equal"


def test_where_lower_is_better_fewer_is_better() -> None:
    before, after = scored(rows(35), direction="lower"), scored(rows(10), direction="lower")
    found = difference(before, after)
    assert (found.word, found.fixed, found.broken) == ("better", 25, 0)
    assert found.delta is not None and found.delta < 0
    assert found.interval is not None and found.interval[0] < found.delta < found.interval[1] < 0


def test_other_suites_examples_and_scorers_are_not_comparable() -> None:
    one = scored(rows(20))
    for other in (
        scored(rows(30), suite="silver"),
        scored(rows(30), sha256="b"),
        scored(rows(30), scorer="json_cmd"),
        scored(rows(30), direction="lower"),
    ):
        found = difference(one, other)
        assert found.word == "not comparable"
        assert (found.delta, found.p, found.interval) == (None, None, None)


def test_what_cannot_be_paired_says_so_and_has_no_p() -> None:
    one = scored(rows(20))
    for other, why in (
        (scored(rows(20, 41)), "not of the same examples"),
        (scored(None, score=0.9, n=40), "no rows are recorded"),
    ):
        found = difference(one, other)
        assert (found.word, found.p, found.fixed) == ("not the same rows", None, None)
        assert why in found.reason
        assert found.interval is not None


def test_the_same_ids_of_other_examples_are_not_the_same_rows() -> None:
    """Without a hash of the suite the examples themselves are compared."""
    one = scored(rows(20), sha256=None, content=1)
    assert difference(one, scored(rows(30), sha256=None, content=2)).word == "not the same rows"
    assert difference(one, scored(rows(30), sha256=None, content=1)).word == "better"


def test_absent_is_not_zero() -> None:
    one = scored(rows(20))
    for pair in ((one, None), (None, one), (one, scored(None)), (None, None)):
        found = difference(*pair)
        assert found.word == "not recorded"
        assert found.delta is None


def test_graded_scores_have_the_interval_of_their_pairs() -> None:
    before = scored([0.2, 0.5, 0.5, 0.4] * 10)
    after = scored([0.6, 0.7, 0.5, 0.9] * 10)
    found = difference(before, after)
    assert (found.word, found.fixed, found.broken) == ("better", 30, 0)
    assert found.interval is not None and 0.2 < found.interval[0] < 0.275 < found.interval[1] < 0.4
    assert difference(scored([0.5]), scored([0.7])).interval == (-1.0, 1.0)
    losses = difference(scored([2.0] * 9), scored([1.0] * 9))
    assert losses.interval is None and losses.p == stats.mcnemar(0, 9)


def test_rows_of_one_source_are_one_witness() -> None:
    sources = {f"r{index}": f"document {index // 10}" for index in range(40)}
    before, after = scored(rows(0)), scored(rows(30))
    assert difference(before, after).word == "better"
    assert before.answers is not None and after.answers is not None
    one, other = (
        replace(score, answers=replace(score.answers, sources=sources))
        for score in (before, after)
        if score.answers is not None
    )
    found = difference(one, other)
    assert found.word == "within the noise" and found.p == 0.25


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_turning_the_pair_round_turns_the_word_round(pairs: list[tuple[bool, bool]]) -> None:
    one, other = scored([int(a) for a, _ in pairs]), scored([int(b) for _, b in pairs])
    there, back = difference(one, other), difference(other, one)
    turned = {"better": "worse", "worse": "better"}
    assert back.word == turned.get(there.word, there.word)
    assert (back.fixed, back.broken, back.p) == (there.broken, there.fixed, there.p)
    assert there.delta is not None and back.delta == pytest.approx(-there.delta)
