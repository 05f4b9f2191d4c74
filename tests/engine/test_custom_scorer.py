"""A target's scorer.py runs in a child: whatever it does, the evaluation goes on or is told why."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.custom_scorer import CustomScorer
from engine.judge.custom import score_of
from engine.judge.scorers import Score, ScorerError, score

Make = Callable[..., CustomScorer]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def one(body: str, seconds: float = 20.0) -> CustomScorer:
        (tmp_path / "scorer.py").write_text(body, "utf-8")
        return CustomScorer(tmp_path / "scorer.py", seconds, named=())

    return one


def test_it_is_asked_pair_by_pair_in_one_child(make: Make) -> None:
    body = """
import json, os
def score(expected, actual):
    print("noise", flush=True)
    if actual == "pid":
        return {"correct": False, "error": str(os.getpid())}
    return json.loads(actual) == json.loads(expected)
"""
    with make(body) as scorer:
        assert score("custom", "[1]", " [1] ", scorer_file=scorer).correct
        assert scorer("[1]", "[2]") == Score(0.0, False, "scorer.py says it is wrong")
        assert (scorer("[1]", "{").error or "").startswith("scorer.py raised JSONDecodeError")
        first, second = scorer("[1]", "pid").error, scorer("[1]", "pid").error
        assert first == second and first is not None and psutil.pid_exists(int(first))
        assert scorer("[1]", "\ud800").error is not None
        assert len(scorer.sha256) == 64
    assert not psutil.pid_exists(int(first))


def test_what_lies_beside_it_can_be_imported_and_secrets_are_not_there(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEACHER_API_KEY", "secret")
    (tmp_path / "beside.py").write_text("ANSWER = 'yes'\n", "utf-8")
    body = """
import os
from beside import ANSWER
def score(expected, actual):
    return 0.5 if "TEACHER_API_KEY" not in os.environ and ANSWER == actual else 0.0
"""
    with make(body) as scorer:
        assert scorer("a", "yes") == Score(0.5, False, "scorer.py gives 0.5")


def test_one_answer_that_hangs_is_wrong_and_the_next_is_scored(make: Make) -> None:
    body = """
def score(expected, actual):
    while actual == "loop":
        pass
    return actual == expected
"""
    with make(body, seconds=1.0) as scorer:
        begin = time.monotonic()
        assert scorer("a", "loop").error == "scorer.py took longer than 1 s"
        assert time.monotonic() - begin < 30
        assert scorer("a", "a").correct
        assert not scorer("a", "loop").correct
        assert not scorer("a", "loop").correct
        with pytest.raises(ScorerError, match="3 times one after the other"):
            scorer("a", "loop")


def test_one_answer_that_ends_the_child_is_wrong(make: Make) -> None:
    body = """
import os, sys
def score(expected, actual):
    if actual == "exit":
        sys.exit(7)
    if actual == "dies":
        print("last words", file=sys.stderr, flush=True)
        os._exit(9)
    return True
"""
    with make(body) as scorer:
        assert scorer("a", "exit").error == "scorer.py ended (exit code 7)"
        assert scorer("a", "dies").error == "scorer.py ended (exit code 9: last words)"
        assert scorer("a", "a").correct


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("x = 1", r"has no function score\(expected, actual\)"),
        ("def score(:", "cannot be imported .SyntaxError"),
        ("raise ValueError('no')", "cannot be imported .ValueError: no"),
        ("import os\nos._exit(5)", "ended while it was imported .exit code 5"),
        ("def score(e, a): return None", "scorer.py returned null"),
        ("def score(e, a): return 1.5", "the score 1.5; it must lie from 0 to 1"),
        ("def score(e, a): return float('nan')", "which is no number"),
        ("def score(e, a): return {'error': 'x'}", "it must return"),
    ],
)
def test_a_file_that_cannot_be_used(make: Make, body: str, reason: str) -> None:
    with make(body) as scorer, pytest.raises(ScorerError, match=reason):
        scorer("a", "a")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match=r"scorer\.py cannot be read"):
        CustomScorer(tmp_path / "scorer.py", named=())


def test_what_it_started_ends_with_it(make: Make) -> None:
    body = """
import subprocess, sys
def score(expected, actual):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return {"correct": False, "error": str(child.pid)}
"""
    with make(body) as scorer:
        pid = int(scorer("a", "a").error or "")
        assert psutil.pid_exists(pid)
    until = time.monotonic() + 60
    while _lives(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (True, Score(1.0, True)),
        (1, Score(1.0, True)),
        (0.25, Score(0.25, False, "scorer.py gives 0.25")),
        ({"correct": True}, Score(1.0, True)),
        ({"correct": True, "error": None, "score": 0.9}, Score(0.9, True)),
        ({"correct": False, "error": "no cmd"}, Score(0.0, False, "no cmd")),
        ({"correct": False, "score": 0.5}, Score(0.5, False, "scorer.py says it is wrong")),
    ],
)
def test_what_it_may_return(value: object, found: Score) -> None:
    assert score_of(value, "an answer") == found
    assert score_of(value, " ") == Score(0.0, False, "the answer is empty", False)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["correct", "error", "score"]), inner, max_size=3)
        ),
        max_leaves=4,
    )
)
def test_any_value_is_a_score_or_is_refused(value: object) -> None:
    try:
        found = score_of(value, "an answer")
    except ScorerError as error:
        assert "scorer.py returned" in str(error)
    else:
        assert 0.0 <= found.score <= 1.0 and found.correct is (found.error is None)


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "scorer.py").write_text(
        "import os\n"
        "def score(expected, actual):\n"
        "    if actual == 'pid':\n"
        "        return {'correct': False, 'error': str(os.getpid())}\n"
        "    while True: pass\n",
        "utf-8",
    )
    program = (
        "import sys; from pathlib import Path; from engine.custom_scorer import CustomScorer\n"
        "scorer = CustomScorer(Path(sys.argv[1]), 60, named=())\n"
        "print(scorer('a', 'pid').error, flush=True)\n"
        "scorer('a', 'loop')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "scorer.py")],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.3)  # into its endless loop
        assert _lives(pid)
        parent.kill()
    until = time.monotonic() + 60
    while _lives(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _lives(pid)
