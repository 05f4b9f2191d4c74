"""The data stage: what it takes, what it leaves out, what it refuses, what it records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.folder import sha256_file
from engine.records.leakage import Leakage
from engine.records.run import Dataset
from engine.work.chats import BadRow, chat_row, normalise
from engine.work.generators import load_generator
from engine.work.runtime import Refusal
from tests.engine.work.children import Child, make_run

GENERATOR = """
def row(ask, answer, category):
    return {
        "messages": [
            {"role": "user", "content": ask}, {"role": "assistant", "content": answer},
        ],
        "category": category,
    }

def generate(n, focus, seed):
    return [row(f"Say {(seed + i) % 500}", str((seed + i) % 500), "say") for i in range(n)]

def breadth(n, seed):
    return [row(f"Double {seed + i}", str(2 * (seed + i)), "double") for i in range(n)]
"""


def run_data(root: Path, files: dict[str, str], **spec: Any) -> tuple[Path, Child, int]:
    run = make_run(root, "data", spec)
    target = root / "targets" / "tiny"
    for name, text in files.items():
        (target / name).write_text(text, encoding="utf-8")
    child = Child(run)
    for _ in child.follow():
        pass
    return run, child, child.process.wait(30)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def asks(path: Path) -> set[str]:
    return {row["messages"][-2]["content"] for row in rows_of(path)}


def errors(child: Child) -> str:
    return " ".join(event["text"] for event in child.events if event.get("level") == "error")


def test_mixes_replay_and_keeps_the_splits_apart(tmp_path: Path) -> None:
    gold = json.dumps({"prompt": "say 7", "completion": "7"}) + "\n\n"
    run, _, code = run_data(
        tmp_path,
        {"generator.py": GENERATOR, "gold.jsonl": gold},
        generator="generator.py",
        rows=100,
        replay_share=0.4,
        valid_rows=20,
        gold=["gold.jsonl"],
        seed=3,
    )
    assert code == 0
    train = rows_of(run / "data" / "train.jsonl")
    assert len(train) == 100
    assert sum(row["category"] == "double" for row in train) == 40
    ask = {name: asks(run / "data" / f"{name}.jsonl") for name in ("train", "valid")}
    breadth = asks(run / "data" / "valid-breadth.jsonl")
    assert len(ask["valid"]) == len(breadth) == 20
    assert not ask["train"] & (ask["valid"] | breadth)
    assert all(prompt.startswith("Double") for prompt in breadth)
    assert "Say 7" not in ask["train"] | ask["valid"]


def test_completes_the_record(tmp_path: Path) -> None:
    run = make_run(tmp_path, "data", {})
    record = {
        "dataset_id": "kept",
        "sources": [{"kind": "canonical", "path": "rows.jsonl", "sha256": "0" * 64}],
        "theirs": 1,
    }
    (run / "dataset.json").write_text(json.dumps(record))
    rows = "".join(json.dumps({"prompt": f"p{i}", "completion": "c"}) + "\n" for i in range(9))
    gold = json.dumps({"prompt": "P1!", "completion": "c"})
    files = {"rows.jsonl": rows + rows.splitlines()[3] + "\n", "gold.jsonl": gold}
    run, child, code = run_data(
        tmp_path, files, canonical="rows.jsonl", valid_rows=2, gold=["gold.jsonl"]
    )
    assert code == 0
    written = json.loads((run / "dataset.json").read_text())
    Dataset.model_validate(written)
    assert (written["dataset_id"], written["theirs"]) == ("kept", 1)
    counts = written["counts"]
    assert (counts["train_rows"], counts["valid_rows"], counts["heldout_rows"]) == (6, 2, 1)
    assert (counts["duplicate_rows"], counts["gold_rows_left_out"]) == (1, 1)
    assert counts["dropped_rows"] == 2
    target = tmp_path / "targets" / "tiny"
    assert written["sources"][0]["sha256"] == sha256_file(target / "rows.jsonl")
    assert written["files"]["data/train.jsonl"] == sha256_file(run / "data" / "train.jsonl")
    codes = [event["code"] for event in child.events if event["kind"] == "message"]
    assert "source-changed" in codes


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    spec = {"generator": "generator.py", "rows": 50, "replay_share": 0.2, "valid_rows": 5}
    bytes_ = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run, _, code = run_data(tmp_path / name, {"generator.py": GENERATOR}, **spec, seed=seed)
        assert code == 0
        bytes_.append((run / "data" / "train.jsonl").read_bytes())
    assert bytes_[0] == bytes_[1] != bytes_[2]


def test_system_prompt_stands_before_target_rows_only(tmp_path: Path) -> None:
    run, _, code = run_data(
        tmp_path,
        {"generator.py": GENERATOR, "system_prompt.md": "Be brief.\n"},
        generator="generator.py",
        rows=20,
        replay_share=0.5,
        valid_rows=3,
        system_prompt="system_prompt.md",
    )
    assert code == 0
    for row in rows_of(run / "data" / "train.jsonl"):
        first = row["messages"][0]
        assert (first == {"role": "system", "content": "Be brief."}) == (row["category"] == "say")


def test_every_bad_line_is_named_at_once(tmp_path: Path) -> None:
    lines = ['{"prompt": "a", "completion": "b"}', "", "{", '"text"', '{"messages": []}', "\x00"]
    _, child, code = run_data(tmp_path, {"rows.jsonl": "\n".join(lines)}, canonical="rows.jsonl")
    assert code == 3
    for number in (3, 4, 5, 6):
        assert f"rows.jsonl:{number}: " in errors(child)
    assert "rows.jsonl:2" not in errors(child)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def generate(n, focus, seed):\n    return [][1]\n", "line 2"),
        ("def generate(n, focus seed):\n", "SyntaxError, line 1"),
        ("x = 1\n", "no function generate"),
        ("def generate(n, focus, seed):\n    return [{'prompt': 3}] * n\n", "row 0 of generate"),
    ],
)
def test_a_broken_generator_is_a_sentence(tmp_path: Path, source: str, says: str) -> None:
    _, child, code = run_data(tmp_path, {"generator.py": source}, generator="generator.py")
    assert code == 3
    assert says in errors(child)
    assert "Traceback" not in (child.log.read_text())


def test_replay_needs_breadth(tmp_path: Path) -> None:
    rows = "".join(json.dumps({"prompt": f"p{i}", "completion": "c"}) + "\n" for i in range(9))
    _, child, code = run_data(
        tmp_path, {"rows.jsonl": rows}, canonical="rows.jsonl", valid_rows=2, replay_share=0.3
    )
    assert code == 3
    assert "breadth(n, seed)" in errors(child)


def test_a_generator_that_runs_dry_is_told(tmp_path: Path) -> None:
    run, child, code = run_data(
        tmp_path, {"generator.py": GENERATOR}, generator="generator.py", rows=900, valid_rows=10
    )
    assert code == 0
    assert len(rows_of(run / "data" / "train.jsonl")) == 490
    assert "few-rows" in [event.get("code") for event in child.events]


def test_loading_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "generator.py").write_text(GENERATOR)
    assert load_generator(tmp_path / "generator.py").has("breadth")
    assert [path.name for path in tmp_path.iterdir()] == ["generator.py"]
    with pytest.raises(Refusal, match="is not in the target"):
        load_generator(tmp_path / "other.py")


@pytest.mark.parametrize("same", ["fly to b4", " Fly  to B4! ", "fly, to “B4”", "FLY TO B4?"])
def test_normalise_ignores_what_a_careless_copy_changes(same: str) -> None:
    assert normalise(same) == "fly to b4"


def test_normalise_keeps_signs_of_arithmetic() -> None:
    assert len({normalise(f"3 {sign} 4") for sign in "+*/=<>%"}) == 7


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["messages", "role", "content", "prompt"]), inner)
    ),
)


@given(json_values)
def test_any_json_is_a_row_or_a_reason(value: Any) -> None:
    try:
        row = chat_row(value)
    except BadRow as error:
        assert str(error)
    else:
        assert row["messages"][-1]["role"] == "assistant"
        assert all(isinstance(turn["content"], str) for turn in row["messages"])


# --- leakage ------------------------------------------------------------------------------------

NEARLY = """
WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike".split()

def generate(n, focus, seed):
    rows = [
        "Please send the courier from the north gate to the old harbour",
        "please send the courier from the north gate to the OLD harbour",
        "please send a courier from the north gate to the old harbour",
        "Hello. Please send the courier from the north gate to the old harbour right now",
    ]
    rows += [f"Spell {WORDS[i % 13]} and {WORDS[i // 13 % 13]}" for i in range(160)]
    return [{"prompt": rows[(seed + i) % len(rows)], "completion": "ok"} for i in range(n)]
"""

HELD = {
    "messages": [
        {
            "role": "user",
            "content": "Please send the courier from the north gate to the old harbour",
        },
        {"role": "assistant", "content": "ok"},
    ]
}


def test_rows_near_gold_are_refused_by_kind_and_what_is_left_is_searched(tmp_path: Path) -> None:
    run, child, code = run_data(
        tmp_path,
        {"generator.py": NEARLY, "gold.jsonl": "\n" + json.dumps(HELD) + "\n"},
        generator="generator.py",
        rows=100,
        valid_rows=20,
        gold=["gold.jsonl"],
    )
    assert code == 0
    found = Leakage.model_validate_json((run / "leakage.json").read_bytes())
    assert found.refused == {"exact": 1, "normalised": 1, "near": 1, "inside": 1}
    assert (found.training_file, found.training_rows) == ("data/train.jsonl", 100)
    assert found.training_sha256 == sha256_file(run / "data" / "train.jsonl")
    (suite,) = found.suites
    assert (suite.suite, suite.rows, suite.count, suite.hits) == ("gold.jsonl", 1, 0, [])
    assert suite.sha256 == sha256_file(tmp_path / "targets" / "tiny" / "gold.jsonl")
    assert (found.threshold, found.gram, found.numbers_matter) == (0.7, 5, True)
    written = {event["file"]: event["sha256"] for event in child.events if "file" in event}
    assert written["leakage.json"] == sha256_file(run / "leakage.json")
    assert written["data/train.jsonl"] == found.training_sha256
    counts = json.loads((run / "dataset.json").read_text())["counts"]
    assert counts["gold_rows_left_out"] == 4
    assert "courier" not in (run / "data" / "train.jsonl").read_text()
    (text,) = [event["text"] for event in child.events if event.get("code") == "data"]
    assert "1 to the letter" in text and "1 nearly" in text


def test_a_generator_that_runs_dry_because_its_rows_are_refused_says_so(tmp_path: Path) -> None:
    source = NEARLY.replace("range(160)", "range(30)")
    asked = [f"Spell {word} and alpha" for word in ("alpha", "bravo", "charlie", "delta", "echo")]
    gold = "".join(json.dumps({"prompt": ask, "completion": "ok"}) + "\n" for ask in asked)
    run, child, code = run_data(
        tmp_path,
        {"generator.py": source, "gold.jsonl": gold + json.dumps(HELD)},
        generator="generator.py",
        rows=60,
        valid_rows=5,
        gold=["gold.jsonl"],
    )
    assert code == 0
    (text,) = [event["text"] for event in child.events if event.get("code") == "few-rows"]
    refused = Leakage.model_validate_json((run / "leakage.json").read_bytes()).refused
    assert sum(refused.values()) > 20
    assert f"and {sum(refused.values()):,} came near a gold prompt" in text
    assert "65 were asked for" in text


def test_gold_of_every_form_is_kept_out(tmp_path: Path) -> None:
    forms = [
        {"suite": {"name": "tools", "scorer": "tool_calls"}},
        {"id": "a", "prompt_text": "Spell alpha and alpha", "expected_keywords": ["x"]},
        {
            "messages": [{"role": "user", "content": "Spell bravo and alpha"}],
            "expected_keywords": [],
        },
        {"question": "Spell charlie and alpha", "schema": "create table t (a)", "query": "x"},
    ]
    run, child, code = run_data(
        tmp_path,
        {"generator.py": NEARLY, "gold.jsonl": "\n".join(map(json.dumps, forms))},
        generator="generator.py",
        rows=60,
        valid_rows=5,
        gold=["gold.jsonl"],
    )
    assert code == 0, errors(child)
    found = Leakage.model_validate_json((run / "leakage.json").read_bytes())
    assert found.suites[0].rows == 3 and found.refused["exact"] == 3
    (tmp_path / "targets" / "tiny" / "gold.jsonl").write_text('{"theirs": 1}\n[]\n')
    _, child, code = run_data(tmp_path, {}, generator="generator.py", gold=["gold.jsonl"])
    assert code == 3
    assert "gold.jsonl:1: has no prompt; gold.jsonl:2: is no JSON object" in errors(child)


def test_gold_rows_that_the_generator_was_shown_are_marked(tmp_path: Path) -> None:
    run, child, code = run_data(
        tmp_path,
        {
            "generator.py": GENERATOR,
            "gold.jsonl": json.dumps(HELD)
            + "\n"
            + json.dumps({"prompt": "x y", "completion": "z"}),
            "seed.jsonl": json.dumps(HELD).replace("Please", "please"),
        },
        generator="generator.py",
        rows=50,
        valid_rows=5,
        gold=["gold.jsonl"],
        shown=["seed.jsonl"],
    )
    assert code == 0
    assert Leakage.model_validate_json((run / "leakage.json").read_bytes()).suites[0].shown == 1
    assert json.loads((run / "dataset.json").read_text())["shown"] == ["seed.jsonl"]
    texts = [event["text"] for event in child.events if event.get("code") == "gold-shown"]
    assert texts == ["1 prompt of gold.jsonl was shown to the data generator."]
