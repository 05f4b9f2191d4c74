"""Rows come in through one door, with their origin, and go out by it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.loops.flywheel.canonical import (
    CanonicalError,
    add_rows,
    clean,
    count_by_origin,
    read_lines,
    remove_rows,
    rows_of,
    seeds_to_take,
)
from engine.loops.flywheel.door import Door
from engine.loops.flywheel.writing import take_seeds
from engine.records.loop import Origin
from engine.target import load_target
from tests.engine.loops.project_kit import make_project


def chat(user: str, answer: str = "ok", **more: Any) -> dict[str, Any]:
    return {
        **more,
        "messages": [
            {"role": "user", "content": user},
            {"role": "assistant", "content": answer},
        ],
    }


def augmented(loop: str, iteration: int) -> Origin:
    return Origin(kind="augmented", by="generator.py", loop=loop, iteration=iteration, seed=3)


@pytest.fixture
def canonical(tmp_path: Path) -> Path:
    path = tmp_path / "dataset/canonical.jsonl"
    path.parent.mkdir()
    path.write_bytes(b'{"prompt":"by hand","completion":"x"}\r\n\nnot a row\n{"a": 1}')
    return path


def test_rows_are_added_with_their_origin_and_nothing_else_moves(canonical: Path) -> None:
    before = canonical.read_bytes()
    assert add_rows(canonical, [chat("a"), chat("b")], augmented("l", 1)) == 2
    assert canonical.read_bytes().startswith(before + b"\n")
    lines = read_lines(canonical)
    assert count_by_origin(lines) == {"by hand": 2, "augmented": 2}
    assert [one.row["messages"][0]["content"] for one in rows_of(lines, "l", 1) if one.row] == [
        "a",
        "b",
    ]
    origin = json.loads(canonical.read_text().splitlines()[-1])["origin"]
    assert origin.keys() == {"kind", "by", "loop", "iteration", "seed", "added"}


def test_clean_removes_exactly_what_machines_wrote(canonical: Path) -> None:
    hand = canonical.read_bytes()
    add_rows(canonical, [chat("s")], Origin(kind="seed", by="seed.jsonl"))
    for kind in ("generated", "augmented", "patched"):
        add_rows(canonical, [chat(kind)], Origin.model_validate({"kind": kind, "by": "m"}))
    whole = canonical.read_bytes()
    found = clean(canonical, dry_run=True)
    assert found.removed == {"generated": 1, "augmented": 1, "patched": 1}
    assert canonical.read_bytes() == whole
    assert clean(canonical) == found
    left = canonical.read_bytes()
    assert [one for one in hand.split(b"\n") if one] == left.split(b"\n")[:3]
    assert clean(canonical, keep_seed_only=True).kept == {"seed": 1}


def test_one_iteration_is_taken_back(canonical: Path) -> None:
    add_rows(canonical, [chat("a")], augmented("l", 1))
    whole = read_lines(canonical)
    add_rows(canonical, [chat("b"), chat("c")], augmented("l", 2))
    assert remove_rows(canonical, "l", 2).removed == {"augmented": 2}
    assert [one.raw for one in read_lines(canonical)] == [one.raw for one in whole]


def test_seed_rows_go_in_once_and_through_the_door(tmp_path: Path) -> None:
    target = load_target(make_project(tmp_path))
    seed, canonical = target.path / "dataset/seed.jsonl", target.path / "dataset/canonical.jsonl"
    gold = json.loads((target.path / "dataset/gold.jsonl").read_text())
    rows = [chat("a", origin={"kind": "generated", "by": "m"}), gold, chat("b")]
    seed.write_text("".join(json.dumps(row) + "\n" for row in rows) + "broken\n")
    before = len(read_lines(canonical))
    first = take_seeds(target)
    assert len(first.rows) == 2 and first.counts == {"held out": 1}
    assert take_seeds(target).rows == []
    lines = read_lines(canonical)
    assert len(lines) == before + 2
    assert count_by_origin(lines) == {"by hand": before, "seed": 2}
    seed.unlink()
    assert take_seeds(target).counts == {}
    assert seeds_to_take(canonical, seed) == []


def test_a_full_or_closed_disk_leaves_the_file_as_it_was(
    canonical: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    before = canonical.read_bytes()
    monkeypatch.setattr("engine.loops.flywheel.canonical.write_bytes_atomic", full)
    with pytest.raises(CanonicalError, match="No space left"):
        add_rows(canonical, [chat("a")], augmented("l", 1))
    assert canonical.read_bytes() == before


HELD_OUT = [
    ("gold.jsonl:1", "Fly the drone to waypoint B4 and hold there, please."),
    ("gold.jsonl:2", "Climb to 40 m."),
]


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("Fly the drone to waypoint B4 and hold there, please.", "held out"),
        ("  fly the DRONE to waypoint B4 and hold there, please. ", "held out"),
        ("Fly the drone to waypoint B4 and hold there please!", "nearly held out"),
        ("Now fly the drone to waypoint B4 and hold there, please.", "nearly held out"),
        (
            "So: fly the drone to waypoint B4 and hold there, please. Then come home at once by "
            "the shortest way that there is, and tell me when you are back again.",
            "nearly held out",
        ),
        ("Turn the lights off in the kitchen.", None),
        ("Climb to 45 m.", None),
        ("   ", "no prompt"),
    ],
)
def test_the_door(prompt: str, why: str | None) -> None:
    found = Door(HELD_OUT).admit([chat(prompt)])
    assert found.counts == ({why: 1} if why else {})
    assert len(found.rows) == (why is None)
    if why and "held" in why:
        assert found.turned[0].against == "gold.jsonl:1"
        assert "gold.jsonl:1" in (found.sentence or "")


def test_a_row_goes_in_once_and_is_known_when_it_stands_there() -> None:
    door = Door(HELD_OUT, known=[chat("Land now")])
    found = door.admit([chat("land  now"), chat("Go up"), chat("go up", "another answer"), {}])
    assert [row["messages"][0]["content"] for row in found.rows] == ["Go up"]
    assert found.counts == {"there already": 2, "no prompt": 1}


def test_who_adds_at_the_same_time_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "canonical.jsonl"
    code = (
        "import sys; from pathlib import Path\n"
        "from engine.loops.flywheel.canonical import add_rows\n"
        "from engine.records.loop import Origin\n"
        "for i in range(25):\n"
        "    row = {'prompt': f'{sys.argv[2]} {i}', 'completion': 'x'}\n"
        "    add_rows(Path(sys.argv[1]), [row], Origin(kind='generated', by='m'))\n"
    )
    root = Path(__file__).parents[3]
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(n)], cwd=root)
        for n in range(3)
    ]
    assert [child.wait(120) for child in children] == [0, 0, 0]
    prompts = [line.row["prompt"] for line in read_lines(path) if line.row]
    assert sorted(prompts) == sorted(f"{n} {i}" for n in range(3) for i in range(25))
