"""Whatever is changed after it was measured blocks a ship, with a sentence of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import checks
from engine.decisions.deciding import Refused, rehearse
from engine.records.run import Decision
from tests.engine import folders
from tests.engine.folders import edit, put, sha256

SHIP = Decision.model_validate(folders.SHIP)
ROWS, RECORD = "rows-candidate.jsonl", "eval-candidate.json"


def make(workspace: Path) -> Path:
    """A run that may be shipped, with everything noted that is noted while it runs."""
    run = folders.make_run(workspace)
    (workspace / "targets" / "router" / "scorer.py").write_text("def score(e, a):\n    return 1\n")
    for name in ("eval-baseline.json", RECORD):
        put(run / name, "/scorer_sha256", sha256(run.parent.parent / "targets/router/scorer.py"))
        put(run / name, "/databases", {"shop.sqlite": "a" * 64})
    (workspace / "targets" / "router" / "dataset" / "shop.sqlite").write_bytes(b"tables")
    digest = sha256(workspace / "targets" / "router" / "dataset" / "shop.sqlite")
    for name in ("eval-baseline.json", RECORD):
        put(run / name, "/databases", {"shop.sqlite": digest})
    folders.witness(run)
    return run


def refused(run: Path) -> list[str]:
    """The reasons why the run cannot be shipped; none where it can."""
    done = rehearse(run, SHIP)
    return list(done.reasons) if isinstance(done, Refused) else []


def target(run: Path) -> Path:
    return run.parent.parent / "targets" / "router"


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def leak_row(prompt: str) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        row = {"prompt": prompt, "completion": "x"}
        append(run / "data" / "train.jsonl", json.dumps(row) + "\n")

    return change


def leak_and_hide(run: Path) -> None:
    """A leaked row, with a search on record that is made to fit."""
    leak_row("fly to point 3")(run)
    put(run / "leakage.json", "/training_sha256", sha256(run / "data" / "train.jsonl"))


def threshold(run: Path) -> None:
    put(run / "config.json", "/eval/threshold/primary_min", 0.5)


def threshold_in_both(run: Path) -> None:
    threshold(run)
    path = run / "events.jsonl"
    path.write_text(path.read_text("utf-8").replace('"primary_min":0.9', '"primary_min":0.5', 1))


def gold(run: Path) -> None:
    append(target(run) / "dataset" / "gold.jsonl", '{"prompt": "new", "completion": "{}"}\n')


def gold_and_config(run: Path) -> None:
    gold(run)
    digest = sha256(target(run) / "dataset" / "gold.jsonl")
    put(run / "config.json", f"/eval/suites/{folders.PRIMARY}", digest)


def rows_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / ROWS).read_text("utf-8").splitlines()]


def with_rows(run: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows, and a record that agrees with them in every number and hash."""
    (run / ROWS).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def change(record: Any) -> None:
        record["score"] = sum(row["score"] for row in rows) / len(rows)
        record["n"] = len(rows)
        record["rows_sha256"] = sha256(run / ROWS)

    edit(run / RECORD, change)


def unwitnessed(change: Callable[[Path], None]) -> Callable[[Path], None]:
    """The change where no event has a hash, as in runs of an earlier version."""

    def both(run: Path) -> None:
        events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
        kept = [folders.strip(event) for event in events if event["kind"] != "record"]
        folders.write_events(run / "events.jsonl", kept)
        change(run)

    return both


def rows_with(**changes: Any) -> Callable[[Path], None]:
    """The rows that were wrong, with other values in all of them."""

    def change(run: Path) -> None:
        rows = rows_of(run)
        for row in rows:
            if not row["correct"]:
                row |= {key: row.get(new[1:]) if str(new).startswith("=") else new
                        for key, new in changes.items()}  # fmt: skip
        with_rows(run, rows)

    return change


def without_the_wrong_ones(run: Path) -> None:
    with_rows(run, [row for row in rows_of(run) if row["correct"]])


def other_adapter(run: Path) -> None:
    (run / "adapters" / "adapters.safetensors").write_bytes(b"another's")


def other_base(run: Path) -> None:
    folders.artifact(run, base_model="another/model", shipped=True)


def no_search(run: Path) -> None:
    (run / "leakage.json").unlink()
    (run / "data" / "train.jsonl").unlink()
    put(run / "dataset.json", "/sources/0", {"kind": "generator", "path": "generator.py"})


def value(file: str, pointer: str, new: Any) -> Callable[[Path], None]:
    return lambda run: put(run / file, pointer, new)


RIGHT = {"score": 1.0, "correct": True, "error": None}

CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a leaked row": (
        leak_row("Fly to  POINT 3"),
        "dataset/gold.jsonl:4 stands, but for case and spaces, in data/train.jsonl:61.",
    ),
    "a leaked row within another": (
        leak_row("Well then: please do fly to point 3 over there now"),
        "data/train.jsonl changed since the data stage wrote it",
    ),
    "a leaked row and a search that fits": (leak_and_hide, "leakage.json is not as it was"),
    "no search for leaks": (no_search, "Leakage was not searched: the training rows are not"),
    "a threshold moved": (threshold, "The bound primary_min is 0.5; when the run was created"),
    "a threshold moved in the log too": (
        threshold_in_both,
        "The first event is not the one that stood there when the run started",
    ),
    "a changed gold file": (
        gold,
        "The suite router-gold (dataset/gold.jsonl) changed since the run was created.",
    ),
    "a changed gold file and its hash": (
        gold_and_config,
        "The config names another version of router-gold than was frozen",
    ),
    "a changed database": (
        lambda run: (target(run) / "dataset" / "shop.sqlite").write_bytes(b"other"),
        "dataset/shop.sqlite changed since router-gold was measured with it",
    ),
    "a changed scorer": (
        lambda run: append(target(run) / "scorer.py", "# more\n"),
        "scorer.py changed since router-gold was measured with it",
    ),
    "a score edited by hand": (
        value(RECORD, "/score", 0.99),
        "eval-candidate.json says 0.9900; its rows give 0.9500.",
    ),
    "score and rows edited together": (
        rows_with(**RIGHT),
        "rows-candidate.jsonl is not as it was measured",
    ),
    "score and rows edited together, without a witness": (
        unwitnessed(rows_with(**RIGHT)),
        "json_cmd gives its answer 0. So it is with 1 more.",
    ),
    "answers edited": (
        rows_with(**RIGHT, got="=expected"),
        "eval-candidate.json is not as it was measured",
    ),
    "expected answers edited, without a witness": (
        unwitnessed(rows_with(**RIGHT, expected='{"cmd": "x"}', got='{"cmd": "x"}')),
        "Example 39 of rows-candidate.jsonl has another expected answer in the suite",
    ),
    "wrong rows left out, without a witness": (
        unwitnessed(without_the_wrong_ones),
        "rows-candidate.jsonl has 38 of the 40 examples of the suite router-gold",
    ),
    "an artifact of another base": (
        other_base,
        "The artifact's base model is another/model; the run's is router/tiny.",
    ),
    "another scorer": (
        value("eval-baseline.json", "/scorer", "exact"),
        "On router-gold one was scored by exact, the other by json_cmd.",
    ),
    "other options": (
        value(RECORD, "/scorer_options", {"ignore": ["args"]}),
        "one was scored with no options, the other with ignore ['args'].",
    ),
    "another adapter": (
        other_adapter,
        "adapters/adapters.safetensors is not the file that the train stage left",
    ),
    "a plan changed": (
        lambda run: append(run / "plan.json", " "),
        "plan.json is not the one that the run was created with.",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_changed_afterwards_blocks_a_ship(tmp_path: Path, name: str) -> None:
    change, sentence = CASES[name]
    run = make(tmp_path)
    assert refused(run) == []
    change(run)
    reasons = refused(run)
    assert any(sentence in reason for reason in reasons), reasons
    assert all(reason.endswith(".") for reason in reasons)


def test_a_decided_run_stands_on_what_was_measured_when_its_target_moves_on(tmp_path: Path) -> None:
    run = make(tmp_path)
    folders.write_json(run / "decision.json", folders.SHIP)
    folders.artifact(run)
    put(run / "run-status.json", "/phase", "decided")
    gold(run)
    append(target(run) / "scorer.py", "# more\n")
    found = {(one.rule, str(one.severity)) for one in checks.check_folder(run)}
    assert ("suite-changed", "warning") in found and ("ruler-changed", "warning") in found
    assert "error" not in {severity for _, severity in found}
