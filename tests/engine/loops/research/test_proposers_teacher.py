"""A teacher proposes, by the real protocols on 127.0.0.1."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.loops.asking import Asking
from engine.loops.research.proposers.proposed import Proposed, ProposerError
from engine.loops.research.proposers.teacher import by_teacher
from engine.loops.research.worktree import Worktree
from engine.teaching.budget import Budget, Caps
from engine.teaching.ledger import spent_in
from engine.workspace import Workspace
from tests.engine.loops.research.proposer_kit import make_tree
from tests.engine.loops.teaching import KEY_NAME, name_teacher
from tests.engine.teaching.double import KEY, Double, Refuse, Say, Silence, Step

DIFF = "--- a/train.py\n+++ b/train.py\n@@ -1,4 +1,4 @@\n import prepare\n \n-DEPTH = 4\n+DEPTH = 2\n RATE = 0.1\n"  # noqa: E501


def change(**words: Any) -> Say:
    return Say(json.dumps({"description": "shallower", "rationale": "More steps.", **words}))


@pytest.fixture
def doubles() -> Iterator[list[Double]]:
    made: list[Double] = []
    yield made
    for one in made:
        one.close()


@pytest.fixture
def worktree(tmp_path: Path) -> Worktree:
    return make_tree(tmp_path, tmp_path / "worktree")


@pytest.fixture
def propose(
    tmp_path: Path, worktree: Worktree, doubles: list[Double], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Proposed]:
    """Asks a double."""
    monkeypatch.setenv(KEY_NAME, KEY)

    def run(
        *script: Step, limit_s: float = 30, budget: Budget | None = None, api: str = "anthropic"
    ) -> Proposed:
        doubles.append(Double(script))
        (tmp_path / "factory.toml").write_text("")
        workspace = Workspace(tmp_path)
        url = doubles[-1].root + ("" if api == "anthropic" else "/v1")
        name_teacher(workspace, doubles[-1], api=api, url=url)
        asking = Asking("wise", tmp_path / "teachers.jsonl", workspace, budget)
        return by_teacher(asking, "Improve it.", worktree, limit_s=limit_s)

    return run


@pytest.mark.parametrize("api", ["anthropic", "openai"])
def test_what_it_answers_is_applied(
    api: str, propose: Callable[..., Proposed], tmp_path: Path, doubles: list[Double]
) -> None:
    found = propose(change(diff=DIFF), api=api)
    assert found.by == "wise"
    assert (found.description, found.rationale) == ("shallower", "More steps.")
    assert found.tokens == 18
    assert found.usd == pytest.approx(11e-3 + 14e-3)
    assert "DEPTH = 2" in (tmp_path / "worktree" / "train.py").read_text()
    assert doubles[0].prompts() == ["Improve it.\n"] or doubles[0].prompts() == ["Improve it."]


def test_it_is_asked_again_for_a_diff(propose: Callable[..., Proposed], tmp_path: Path) -> None:
    found = propose(
        Say("I would make it shallower."),
        change(diff=""),
        change(diff=["Here it is:", "```diff", *DIFF.splitlines(), "```"], description=None),
    )
    assert found.description == "train.py: +1 −1"
    assert spent_in(tmp_path / "teachers.jsonl").calls == 3


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (change(diff=DIFF.replace("DEPTH = 4", "WIDTH = 4")), "apply"),
        (change(diff="make it shallower"), "apply"),
        (change(diff=DIFF.replace("+DEPTH = 2", "+DEPTH = 4")), "empty"),
        (Say("No."), "unusable"),
        (Refuse(401, "who are you"), "refused"),
        (Silence(), "limit"),
    ],
)
def test_why_there_is_no_proposal(
    step: Step, code: str, propose: Callable[..., Proposed], worktree: Worktree
) -> None:
    with pytest.raises(ProposerError) as caught:
        propose(step, limit_s=1 if isinstance(step, Silence) else 30)
    assert caught.value.code == code
    assert worktree.is_clean()


def test_it_costs_no_more_than_it_may(propose: Callable[..., Proposed]) -> None:
    with pytest.raises(ProposerError, match="It was not made") as caught:
        propose(change(diff=DIFF), budget=Budget(Caps(tokens=10)))
    assert caught.value.code == "budget"
