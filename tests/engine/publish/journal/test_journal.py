"""JOURNAL.md: an entry for everything that ran, its records' numbers, and nobody's text lost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.cli.app import main
from engine.publish.journal.listing import listed
from engine.publish.journal.making import Made, make_all
from engine.publish.journal.trend import trend_of
from engine.publish.journal.writing import HandWritten, find_journal, write_journal
from engine.records.loop import LoopPhase
from engine.workspace import Workspace
from tests.engine import folders
from tests.engine.loops.make_loops import Turn, make_loop_folder


def made_of(place: Path) -> list[Made]:
    return list(make_all(listed(Workspace(place))))


def write(place: Path, *, force: bool = False) -> str:
    write_journal(Workspace(place), made_of(place), force=force)
    return (place / "JOURNAL.md").read_text("utf-8")


def entry(text: str, name: str) -> str:
    """What stands below the heading of an entry, with its notes."""
    return text.split(f"\n### {name}\n", 1)[1].split("\n### ")[0]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A run that was shipped, one that failed, and one of another tool."""
    run = folders.make_shipped(tmp_path)
    folders.edit(run / "config.json", lambda one: one.update(hypothesis="It will route."))
    other = folders.make_run(tmp_path, run_id="2026-11-21-router-2", phase="failed")
    for name in ("eval-candidate.json", "eval-regression-candidate.json"):
        (other / name).unlink()
    message = "Loss was NaN at step 40."
    error = {"stage": "train", "message": message, "fix": "Lower the rate."}
    day = "2026-11-21T08:00:00Z"
    folders.edit(other / "run-status.json", lambda one: one.update(last_error=error, created=day))
    reason = {"decision": "ship", "reason": "Grounds actions.", "next_action": "Try the 8B."}
    folders.make_foreign(tmp_path, {**reason, "lesson": "Short prompts are enough."})
    return tmp_path


def test_each_run_has_its_entry_newest_first_with_what_its_records_say(place: Path) -> None:
    text = write(place)
    names = re.findall(r"^### (2026\S+)$", text, re.MULTILINE)
    assert names == ["2026-11-21-router-2", folders.RUN_ID, folders.FOREIGN_ID]
    shipped = entry(text, folders.RUN_ID)
    for said in (
        "**Goal:** Route a sentence to a command.",
        "$ factory-tui run router --seed 0",
        "Hypothesis: It will route.",
        "primary score ≥ 0.900",
        "0.950 (0.835 to 0.986)",
        "**ship**",
        f"[train.log](runs/{folders.RUN_ID}/train.log)"
        if (place / "runs" / folders.RUN_ID / "train.log").exists()
        else "[report.md](",
    ):
        assert said in shipped, said
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (place / target).exists(), target
    failed = entry(text, "2026-11-21-router-2")
    assert "Failed in train: Loss was NaN at step 40." in failed
    assert "Decision: not recorded" in failed and "| 0.200" in failed
    foreign = entry(text, folders.FOREIGN_ID)
    assert "Trained sft-lora on Qwen/Qwen3-4B-Instruct-2507." in foreign
    assert "Hypothesis: not recorded" in foreign and "$ tinygpt sft ..." in foreign
    assert "Lesson: Short prompts are enough." in foreign and "**Next:** Try the 8B." in foreign


def test_a_table_a_target_begins_with_its_baseline_and_knows_no_false_zero(place: Path) -> None:
    text = write(place)
    tables = text.split("## Entries")[0].split("\n### ")[1:]
    assert [one.split("\n")[0] for one in tables] == ["pace-planner", "router"]
    rows = [line for line in tables[1].split("\n") if line.startswith("| ")][2:]
    first = [cell.strip() for cell in rows[0].strip("|").split("|")]
    assert first[0] == "Baseline" and first[3] == "0.200" and first[1] == "—"
    assert [row.split("|")[1].strip() for row in rows[1:]] == [
        folders.RUN_ID,
        "2026-11-21-router-2",
    ]
    failed = [cell.strip() for cell in rows[2].strip("|").split("|")]
    assert failed[3] == "—" and failed[-1] == "failed: Loss was NaN at step 40."
    header = next(line for line in tables[1].split("\n") if line.startswith("| Step"))
    assert folders.BREADTH in header.replace("\\", "")


def test_the_same_runs_give_the_same_bytes(place: Path) -> None:
    first = write(place)
    again = write_journal(Workspace(place), made_of(place))
    assert not again.changed and (place / "JOURNAL.md").read_text("utf-8") == first
    (place / "JOURNAL.md").unlink()
    assert write(place) == first and str(place) not in first


def noted(text: str, key: str, words: str) -> str:
    mark = f"<!-- notes:{key} -->"
    assert mark in text
    return text.replace(mark, f"{mark}\n{words}")


def test_notes_stay_also_of_a_run_that_is_gone_and_comes_back(place: Path) -> None:
    journal = place / "JOURNAL.md"
    text = noted(write(place), "2026-11-21-router-2", "The rate was a typing error.\n\n- mine")
    journal.write_text(noted(text, "journal", "We began in November."), "utf-8")
    text = write(place)
    assert "The rate was a typing error.\n\n- mine" in entry(text, "2026-11-21-router-2")
    run = place / "runs" / "2026-11-21-router-2"
    run.rename(place / "aside")
    text = write(place)
    assert "## Notes to entries that are gone" in text
    assert "The rate was a typing error.\n\n- mine" in entry(text, "2026-11-21-router-2")
    assert "**Goal:**" not in entry(text, "2026-11-21-router-2")
    (place / "aside").rename(run)
    text = write(place)
    assert "Notes to entries that are gone" not in text
    assert "The rate was a typing error.\n\n- mine" in entry(text, "2026-11-21-router-2")
    assert text.count("We began in November.") == 1


def test_text_outside_of_notes_is_refused_and_kept_by_force(place: Path) -> None:
    journal = place / "JOURNAL.md"
    edited = write(place).replace("**Next:** Try the 8B.", "**Next:** Try the 8B, in May.")
    journal.write_text(edited, "utf-8")
    with pytest.raises(HandWritten, match=rf"the entry of {folders.FOREIGN_ID} \(line \d+\)"):
        write(place)
    assert journal.read_text("utf-8") == edited
    assert "in May" not in write(place, force=True)
    assert (place / "JOURNAL.md.bak").read_text("utf-8") == edited
    journal.write_text("# My diary\n", "utf-8")
    with pytest.raises(HandWritten, match="was not made by this command"):
        write(place)
    write(place, force=True)
    assert (place / "JOURNAL.md.bak-2").read_text("utf-8") == "# My diary\n"
    journal.unlink()
    journal.symlink_to(place / "elsewhere.md")
    (place / "elsewhere.md").write_text("")
    with pytest.raises(HandWritten, match="is a link"):
        write(place)
    journal.unlink()
    journal.write_bytes(b"\xff\xfe")
    with pytest.raises(HandWritten, match="not UTF-8"):
        write(place)


def test_a_file_with_other_line_ends_keeps_them_and_its_notes(place: Path) -> None:
    text = noted(write(place), "journal", "mine")
    (place / "JOURNAL.md").write_bytes(text.replace("\n", "\r\n").encode())
    write(place)
    data = (place / "JOURNAL.md").read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n") and b"\r\nmine\r\n" in data
    assert find_journal(Workspace(place)).problem == ""


def test_broken_and_hostile_runs_have_entries_that_are_text(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    (run / "eval-candidate.json").write_text('{"score": 0.5')
    hostile = "x\n<!-- /notes -->\n# Not a heading <script>alert(1)</script> [a](javascript:x)"
    folders.edit(run / "config.json", lambda one: one.update(owner_goal=hostile))
    secret = "HF_TOKEN=hf_abcdefgh python -m train --api-key sk-abcdefgh /home/somebody/data"
    folders.edit(run / "config.json", lambda one: one["candidate"].update(training_command=secret))
    (tmp_path / "runs" / "2026-11-30-broken").mkdir()
    (tmp_path / "runs" / "2026-11-30-broken" / "config.json").write_text("[1]")
    text = write(tmp_path)
    shipped, broken = entry(text, folders.RUN_ID), entry(text, "2026-11-30-broken")
    assert "eval-candidate.json is cut off" in shipped and "config.json has" in broken
    assert "hf_abcdefgh" not in text and "sk-abcdefgh" not in text and "somebody" not in text
    assert "HF_TOKEN=***" in text and "--api-key ***" in text
    assert find_journal(Workspace(tmp_path)).problem == "" and "\n# Not" not in text
    assert write(tmp_path) == text


def test_a_loop_is_one_entry_with_its_tries(tmp_path: Path) -> None:
    name = "2026-11-20-counter-flywheel"
    turns = [Turn(score=0.5, before=0.4), Turn("dropped", 0.48, 0.5), Turn("crashed", None, 0.5)]
    folder = make_loop_folder(tmp_path, turns, name, phase=LoopPhase.COMPLETED)
    for number in (1, 2, 3):
        run = tmp_path / "runs" / ("2026-11-20-counter" + (f"-{number}" if number > 1 else ""))
        mark = {"id": name, "iteration": number}
        folders.write_json(run / "config.json", {"target": "counter", "loop": mark})
    lost = {"target": "counter", "loop": {"id": "gone-loop", "iteration": 1}}
    folders.write_json(tmp_path / "runs" / "2026-11-19-lost" / "config.json", lost)
    (folder.iteration(3) / "plan.json").write_text("{")
    text = write(tmp_path)
    loop = entry(text, name)
    assert "3 iterations (1 kept, 1 dropped), 3 runs." in loop
    assert "| 1 | A higher rate learns the rare commands. |" in loop and "cannot be read" in loop
    assert (
        "Best: [2026-11-20-counter](runs/2026-11-20-counter), 0.500; before it began 0.400" in loop
    )
    assert "### 2026-11-20-counter-2" not in text
    assert "The folder of this loop is not there" in entry(text, "gone-loop")
    keys = [one.key for one in listed(Workspace(tmp_path))]
    assert keys == [f"loop:{name}", "loop:gone-loop"]


def test_the_trend_has_the_numbers_of_the_entries(place: Path) -> None:
    steps = [one.step for one in reversed(made_of(place)) if one.step.target == "router"]
    trend = trend_of(steps)
    assert [one.after for one in trend.points] == [0.95] and trend.baseline == 0.2
    assert trend.goal == 0.9 and trend.points[0].low == pytest.approx(0.835, abs=0.001)
    assert trend_of([]).sentence == "No step has a score."


def run_command(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["journal", *map(str, words)])
    return int(str(ended.value.code))


def test_the_command(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("-w", place) == 0
    written = (place / "JOURNAL.md").read_bytes()
    assert run_command("-w", place, "--target", "router", "--since", "2026-11-21") == 0
    shown = capsys.readouterr().out
    assert "### 2026-11-21-router-2" in shown and f"### {folders.RUN_ID}" not in shown
    assert "<!--" not in shown and (place / "JOURNAL.md").read_bytes() == written
    for words in (["--target", "x"], ["--since", "May"], ["--out", place / "JOURNAL.md"]):
        assert run_command("-w", place, *words) in (2, 3)
    (place / "mine.md").write_text("mine")
    assert run_command("-w", place, "--out", place / "mine.md") == 1
    assert run_command("-w", place, "--out", place / "copies" / "x.md") == 0
    copy = (place / "copies" / "x.md").read_text("utf-8")
    assert f"](../runs/{folders.RUN_ID}/" in copy and "### pace-planner" in copy
    capsys.readouterr()
    assert run_command("-w", place, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["target"] for row in rows] == ["router", "router", "pace-planner"]
    assert rows[0]["after"] is None and rows[1]["after"] == 0.95
    (place / "JOURNAL.md").write_bytes(written + b"\nby hand\n")
    assert run_command("-w", place) == 1 and run_command("-w", place, "--force") == 0


def test_the_page_has_a_chart_a_target_and_no_script(place: Path) -> None:
    second = folders.make_run(place, run_id="2026-11-22-router-3", right=(8, 39))
    goal = "<script>alert(1)</script>"
    folders.edit(second / "config.json", lambda one: one.update(owner_goal=goal))
    assert run_command("-w", place, "--html") == 0
    page = (place / "JOURNAL.html").read_text("utf-8")
    assert page.count("<svg") == 1 and page.count("<circle") == 2
    assert "2 steps, oldest first: from 0.95 to 0.975, best 0.975; baseline 0.20." in page
    assert "<script" not in page and "&lt;script&gt;" in page.replace("\\", "")
    assert page.index("<svg") > page.index(">router</h3>") and 'th scope="col"' in page
    first = (place / "JOURNAL.html").read_bytes()
    assert run_command("-w", place, "--html") == 0
    assert (place / "JOURNAL.html").read_bytes() == first


def test_a_campaign_begins_with_its_own_measurement(tmp_path: Path) -> None:
    """Its metric is no share, and its first iteration is held against nothing."""
    turns = [
        Turn(score=3.25, before=None),
        Turn("dropped", 3.4, 3.25),
        Turn(score=3.1, before=3.25),
    ]
    words = {
        "kind": "research",
        "planner": "settings",
        "spec": {"proposer": {"goal": "Less loss."}},
    }
    make_loop_folder(tmp_path, turns, "2026-11-20-tiny-research", loop=words, target="tiny")
    text = write(tmp_path)
    loop = entry(text, "2026-11-20-tiny-research")
    assert "research campaign" in loop and "**Goal:** Less loss." in loop
    assert "before it began 3.250 (−0.15)" in loop and "](runs/" not in loop
    table = [line for line in text.split("\n") if line.startswith("| 2026-11-20-tiny")]
    assert len(table) == 1 and "| 3.100 |" in table[0]
