"""Families of runs: trees from the parents that they name, whatever they name."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue.lineage import MAX_NODES, Member, family, parents
from engine.comparing.difference import Difference
from tests.engine.comparing.kit import DAY


def judge(parent: str, child: str) -> Difference:
    return Difference("better", f"{child} after {parent}")


def members(*pairs: tuple[str, str | None], **settings: int) -> dict[str, Member]:
    return {
        name: Member(name, parent, DAY + timedelta(hours=hour), {"rank": settings.get(name, 0)})
        for hour, (name, parent) in enumerate(pairs)
    }


def test_a_tree_with_what_each_child_varied_and_did() -> None:
    known = members(("a", None), ("b", "a"), ("c", "a"), ("d", "b"), ("x", None), b=8, d=8)
    found = family("d", known, judge)
    assert [(n.run_id, n.depth, n.rails, n.last) for n in found.nodes] == [
        ("a", 0, (), True),
        ("b", 1, (), False),
        ("d", 2, (True,), True),
        ("c", 1, (), True),
    ]
    root, b, d, _c = found.nodes
    assert root.varied is None and root.against is None
    assert [(one.name, one.before, one.after) for one in b.varied or ()] == [("rank", 0, 8)]
    assert d.varied == ()
    assert d.against is not None and d.against.reason == "d after b"


def test_a_parent_that_is_gone_is_said_and_a_circle_is_cut() -> None:
    found = family("b", members(("b", "gone")), judge)
    assert [(node.lost, node.parent) for node in found.nodes] == [(True, "gone")]
    circle = members(("a", "c"), ("b", "a"), ("c", "b"), ("s", "s"))
    assert len(parents(circle)) == 2
    assert {node.run_id for node in family("b", circle, judge).nodes} == {"a", "b", "c"}
    assert [node.run_id for node in family("s", circle, judge).nodes] == ["s"]


def test_a_family_without_bounds_is_bounded() -> None:
    known = members(("r0", None), *((f"r{n}", f"r{n - 1}") for n in range(1, 700)))
    found = family("r699", known, judge)
    assert len(found.nodes) == MAX_NODES
    assert found.left_out == 700 - MAX_NODES


@given(st.lists(st.integers(0, 14), min_size=1, max_size=15))
def test_every_run_stands_in_one_tree_once(above: list[int]) -> None:
    known = members(*((f"r{n}", f"r{parent}") for n, parent in enumerate(above)))
    for run in known:
        found = [node.run_id for node in family(run, known, judge).nodes]
        assert run in found
        assert len(found) == len(set(found))
