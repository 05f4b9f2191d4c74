"""audit: what rules and a teacher find in training rows, and what is mended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.loops.flywheel.canonical import CanonicalError, read_lines, replace_lines
from tests.engine.loops.project_kit import LAND, chat, lines, make_project, run, write
from tests.engine.teaching.double import Refuse, Say

GOLD = "please bring the drone down near the old barn"


def canonical(target: Path) -> Path:
    return target / "dataset/canonical.jsonl"


def review(index: int, severity: str, fix: Any = None, issue: str = "wrong") -> dict[str, Any]:
    return {"index": index, "severity": severity, "issue": issue, "suggested_fix": fix}


def test_rules_work_alone_and_say_so(tmp_path: Path) -> None:
    target = make_project(tmp_path)
    rows: list[Any] = [
        chat("land"),
        7,
        chat("", LAND),
        chat("up", "I climb."),
        chat("down", f"Sure:\n```json\n{LAND}\n```"),
        chat("LAND ", '{"cmd": "climb"}'),
        chat("land", LAND + " "),
        chat(GOLD),
        {"prompt": "no answer"},
    ]
    write(canonical(target), rows)
    with canonical(target).open("a") as file:
        file.write('{"messages": [')
    before = canonical(target).read_bytes()
    done = run("audit", target, "--json")
    assert done.code == 1 and canonical(target).read_bytes() == before
    found = {(one["line"], one["severity"]): one for one in done.json["findings"]}
    assert set(found) == {
        (2, "error"), (3, "error"), (4, "error"), (5, "error"), (6, "warning"),
        (7, "info"), (8, "error"), (9, "error"), (10, "error"),
    }  # fmt: skip
    assert found[5, "error"]["suggested_fix"] == LAND and found[4, "error"]["suggested_fix"] is None
    assert "gold.jsonl:1" in found[8, "error"]["issue"]
    assert "Line 1 asks the same" in found[6, "warning"]["issue"]
    assert any("ANTHROPIC_API_KEY" in one and "but the rules" in one for one in done.json["said"])
    least = run("audit", target, "--rules", "--min-severity", "warning", "--json").json
    assert {one["severity"] for one in least["findings"]} == {"error", "warning"}
    assert least["said"] == ["Nobody but the rules looked at the rows."]
    table = run("audit", target, "--rules")
    assert table.out.splitlines()[0].split() == ["LINE", "SEVERITY", "ISSUE", "FIX"]


def test_fix_by_rules_unwraps_answers_and_takes_gold_out(tmp_path: Path) -> None:
    target = make_project(tmp_path)
    fenced = chat("down", f"```json\n{LAND}\n```", category="land")
    write(canonical(target), [chat("land"), fenced, chat(GOLD), chat("up", "I climb.")])
    done = run("audit", target, "--rules", "--fix", "--json")
    assert done.code == 1  # line 4 is as it was
    assert (done.json["fixed"], done.json["taken_out"]) == ([2], [3])
    assert list(done.json["left"]) == ["4"]
    first, second, third = lines(canonical(target))
    assert first == chat("land") and third == chat("up", "I climb.")
    assert second["messages"][-1]["content"] == LAND and second["category"] == "land"
    assert second["origin"]["kind"] == "audited" and second["origin"]["was"] == "by hand"
    kept = lines(Path(done.json["kept_in"]))
    assert [json.loads(one["before"]) for one in kept] == [fenced, chat(GOLD)]
    # What a person wrote and an audit mended is not cleaned away as a machine's.
    assert run("clean", target, "--json").json["removed"] == {}


def test_a_teacher_looks_and_its_fixes_are_followed(tmp_path: Path, double: Any) -> None:
    answer = json.dumps(
        [
            review(0, "ok"),
            review(1, "error", '{"cmd": "climb"}'),
            review(2, "error", chat("please bring the drone down near the old barns")),
            review(3, "warning", {"cmd": "hover"}),
            review(4, "error", "I hover."),
        ]
    )
    server = double(Say(answer), key=None)
    name = f"{server.root}/v1"
    target = make_project(tmp_path, name)
    origin = {"kind": "augmented", "by": "m", "loop": "l", "iteration": 3}
    rows = [chat("land"), chat("up", origin=origin), chat("x"), chat("stay"), chat("wait")]
    write(canonical(target), [*rows, chat(GOLD)])
    done = run("audit", target, "--fix", "--json")
    assert done.code == 1
    assert (done.json["teacher"], done.json["reviewed"]) == (name, 5)
    assert (done.json["fixed"], done.json["taken_out"]) == ([2], [6])
    assert "turned away at the door" in done.json["left"]["3"]
    assert "cannot be used" in done.json["left"]["5"]
    after = lines(canonical(target))
    assert [after[0], *after[2:]] == [rows[0], *rows[2:]]
    assert after[1]["messages"][-1]["content"] == '{"cmd": "climb"}'
    stamp = after[1]["origin"]
    assert (stamp["kind"], stamp["by"], stamp["was"]) == ("audited", name, "augmented")
    assert (stamp["loop"], stamp["iteration"]) == ("l", 3) and len(stamp["prompt_sha256"]) == 64
    assert all(GOLD not in one for one in server.prompts())
    warnings = run("audit", target, "--fix", "--min-severity", "warning", "--json").json
    assert 4 in warnings["fixed"]


def test_a_teacher_that_fails_leaves_what_the_rules_found(tmp_path: Path, double: Any) -> None:
    server = double(Refuse(400, "no such model"), key=None)
    target = make_project(tmp_path, f"{server.root}/v1")
    done = run("audit", target)
    assert done.code == 0 and "no such model" in done.err and "Nobody but the rules" in done.err


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", [chat("a"), chat("b")])
    read = read_lines(path)
    write(path, [chat("a"), chat("b"), chat("c")])
    with pytest.raises(CanonicalError, match="was changed meanwhile"):
        replace_lines(path, read, {1: None})
    assert len(read_lines(path)) == 3
