"""Examples without a score are said to be missing, and are no hole in the rows."""

from __future__ import annotations

import json
from pathlib import Path

from engine import checks
from tests.engine import folders


def without_one(run: Path, *, said: bool) -> str:
    """Take the first row out of the candidate's evaluation, as if nobody had answered it."""
    rows_file = run / "rows-candidate.jsonl"
    first, *rest = rows_file.read_text().splitlines(keepends=True)
    rows_file.write_text("".join(rest))
    example = str(json.loads(first)["id"])
    scores = [json.loads(line)["score"] for line in rest]

    def change(record: dict[str, object]) -> None:
        record["n"] = len(rest)
        record["score"] = sum(scores) / len(scores)
        record["rows_sha256"] = folders.sha256(rows_file)
        if said:
            record["unscored"] = {example: "not answered: it took over 600 s"}

    folders.edit(run / "eval-candidate.json", change)
    folders.witness(run)
    return example


def test_what_is_said_to_be_missing_is_a_warning(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    example = without_one(run, said=True)
    found = {one.rule: one for one in checks.check_folder(run)}
    assert "rows-suite" not in found
    assert str(found["unscored"].severity) == "warning"
    assert f"1 example has no score in eval-candidate.json (the first is {example}: not" in (
        found["unscored"].message
    )


def test_what_is_missing_in_silence_is_an_error(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    without_one(run, said=False)
    rules = [one.rule for one in checks.check_folder(run)]
    assert "rows-suite" in rules and "unscored" not in rules
