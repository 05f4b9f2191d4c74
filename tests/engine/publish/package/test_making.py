from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from engine import checks
from engine.checks.finding import Severity
from engine.publish.package.checking import check_package
from engine.publish.package.making import PackageError, make_package
from engine.publish.report import write_report
from engine.workspace import Workspace
from tests.engine.folders import (
    REJECT,
    make_foreign,
    make_run,
    make_shipped,
    put,
    read_json,
    witness,
    write_json,
)
from tests.engine.publish.package.planned import plan_anew
from tests.engine.targets import FORGE, chat

FILES = {"model_card.md", "eval_report.json", "prompt.md", "report.md", "specialist.lock.json"}


def package(run: Path, **options: Any) -> Path:
    return make_package(Workspace.of_run(run), run, **options)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in sorted(folder.rglob("*"))
        if one.is_file()
    }


def card(folder: Path) -> str:
    return (folder / "model_card.md").read_text("utf-8")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = make_shipped(tmp_path)
    witness(run)
    put(run / "decision.json", "/decided", "2026-11-20T10:00:00Z")
    return run


def routed(root: Path, constraint: str | None) -> Path:
    """Shipped over the breadth gate."""
    run = make_shipped(root, breadth=(39, 20))
    write_json(
        run / "decision.json",
        read_json(run / "decision.json")
        | {
            "overrides": [
                {"gate": "breadth_drop_max_pp", "verdict": "fail", "why": "It serves one lane."}
            ]
        },
    )
    put(run / "artifact.json", "/routing_constraint", constraint)
    return run


# --- what is made -----------------------------------------------------------------------------


def test_a_shipped_run_becomes_a_package(run: Path) -> None:
    made = package(run)
    assert made == run.parent.parent / "specialists" / "router"
    assert set(content(made)) == FILES
    lock = read_json(made / "specialist.lock.json")
    assert (lock["id"], lock["run_id"], lock["target"]) == ("router", run.name, "router")
    assert lock["date"] == "2026-11-20T10:00:00Z"
    assert lock["weights"]["path"] == f"runs/{run.name}/adapters"
    assert lock["weights"]["bytes"] == len(b"weights")
    assert lock["weights"]["files"] == {
        "adapters.safetensors": read_json(run / "provenance.json")["adapters"][
            "adapters/adapters.safetensors"
        ]
    }
    assert {one["name"]: one["sha256"] for one in lock["suites"]} == read_json(run / "config.json")[
        "eval"
    ]["suites"]
    numbers = read_json(made / "eval_report.json")
    assert numbers["records"]["eval-candidate.json"]["score"] == 38 / 40
    assert [(one["name"], one["verdict"]) for one in numbers["gates"]] == [
        ("primary_min", "pass"),
        ("beats_baseline", "pass"),
        ("breadth_drop_max_pp", "pass"),
    ]
    assert numbers["differences"][0]["fixed"] == 30
    assert "0.950 (0.835 to 0.986)" in card(made)
    for title in ("For what", "Not for what", "Regression", "Limits", "Routing"):
        assert f"\n## {title}\n" in card(made)


def test_the_run_names_its_package_and_stays_valid(run: Path) -> None:
    made = package(run, package_id="router-v1")
    assert read_json(run / "artifact.json")["package_dir"] == "specialists/router-v1"
    assert made.name == "router-v1"
    errors = [one for one in checks.check_folder(run) if one.severity is Severity.ERROR]
    assert errors == []
    # Without a name it is the one that the run has by now.
    assert package(run) == made


def test_the_same_run_gives_the_same_bytes_and_nothing_is_written_twice(run: Path) -> None:
    made = package(run)
    before = content(made)
    stamps = {name: (made / name).stat().st_mtime_ns for name in before}
    heard: list[str] = []
    package(run, heard=heard.append)
    assert {name: (made / name).stat().st_mtime_ns for name in before} == stamps
    assert any("Nothing changed" in one for one in heard)
    for name in before:
        (made / name).unlink()
    assert content(package(run)) == before
    assert [one.name for one in made.parent.iterdir()] == ["router"]


def test_the_example_is_a_training_row_and_never_one_it_was_judged_on(run: Path) -> None:
    gold = [
        json.loads(line)["messages"][0]["content"]
        for line in (run.parent.parent / "targets/router/dataset/gold.jsonl").open()
    ]
    lock = read_json(package(run) / "specialist.lock.json")
    assert lock["prompt"]["messages"] == [{"role": "user", "content": "training row 0"}]
    assert "training row 0" not in gold
    lock = read_json(package(run, prompt="fly home") / "specialist.lock.json")
    assert lock["prompt"]["messages"] == [{"role": "user", "content": "fly home"}]
    assert lock["prompt"]["origin"] == "asked for"
    (run / "data" / "train.jsonl").unlink()
    with pytest.raises(PackageError, match="--prompt TEXT"):
        package(run)


def test_the_targets_own_rows_come_first_but_none_that_is_near_a_held_out_one(run: Path) -> None:
    target = run.parent.parent / "targets" / "router"
    (target / "forge.yaml").write_text(
        FORGE.replace("name: tiny\n", "name: router\ndataset: {canonical: dataset/own.jsonl}\n", 1)
    )
    held_out = (target / "dataset" / "gold.jsonl").read_text().splitlines()[3]
    rows = [held_out, chat("hover over the barn", "{}"), chat("go home", "{}")]
    (target / "dataset" / "own.jsonl").write_text("\n".join(rows) + "\n")
    (target / "asked.md").write_text("Answer with one command.\n")
    plan_anew(run, {"/stages/3/spec/suites/0/system_prompt": "asked.md"})
    plan_anew(run, {"/stages/1/spec/suites/0/system_prompt": "asked.md"})
    made = package(run)
    prompt = read_json(made / "specialist.lock.json")["prompt"]
    assert prompt["messages"] == [
        {"role": "system", "content": "Answer with one command."},
        {"role": "user", "content": "hover over the barn"},
    ]
    assert prompt["origin"] == "line 2 of the training rows, dataset/own.jsonl"
    assert "Answer with one command." in (made / "prompt.md").read_text("utf-8")
    (target / "asked.md").unlink()
    with pytest.raises(PackageError, match=r"asked\.md, with which it was judged"):
        package(run)


def test_no_row_that_it_was_judged_on_is_in_a_package(run: Path) -> None:
    assert "fly to point 39" in (report := write_report(run).read_text("utf-8"))
    made = package(run)
    for name, data in content(made).items():
        assert b"fly to point" not in data and b"repeat number" not in data, name
    public = (made / "report.md").read_text("utf-8")
    assert "2 of 40 examples are wrong." in public
    assert public.count("are not published") == 2
    assert [line for line in report.split("\n") if line.startswith("## ")] == [
        line for line in public.split("\n") if line.startswith("## ")
    ]


def test_no_path_of_this_machine_is_in_a_package(run: Path, tmp_path: Path) -> None:
    put(run / "config.json", "/base_model/id", "/home/somebody/models/tiny")
    put(run / "eval-candidate.json", "/model_id", "/home/somebody/models/tiny")
    put(run / "decision.json", "/reason", f"Read {tmp_path}/notes and /Users/somebody/x.")
    witness(run)
    put(run / "artifact.json", "/base_model", "/home/somebody/models/tiny")
    for name, data in content(package(run)).items():
        assert b"somebody" not in data, name
        assert str(tmp_path).encode() not in data, name


def test_the_adapter_is_copied_only_when_asked_for_and_then_stays(run: Path) -> None:
    config = {"fine_tune_type": "lora", "model": "/home/somebody/tiny"}
    write_json(run / "adapters" / "adapter_config.json", config)
    made = package(run)
    assert set(content(made)) == FILES
    package(run, weights=True)
    assert (made / "adapter" / "adapters.safetensors").read_bytes() == b"weights"
    assert read_json(made / "adapter" / "adapter_config.json")["model"] == "router/tiny"
    lock = read_json(made / "specialist.lock.json")
    assert lock["weights"]["path"] == "specialists/router/adapter"
    for file in (run / "adapters").iterdir():
        file.unlink()
    put(run / "decision.json", "/next_action", "Another one.")
    package(run)
    assert (made / "adapter" / "adapters.safetensors").read_bytes() == b"weights"


# --- what is said above everything else -------------------------------------------------------


def test_a_routed_one_says_so_first(tmp_path: Path) -> None:
    made = package(routed(tmp_path, "Only file operations."))
    text = card(made).split("## For what")[0]
    assert "**Routed. Use it only here:** Only file operations." in text
    assert "It serves one lane." in text
    assert "Anything outside of: Only file operations." in card(made)


def test_what_cannot_be_traced_stands_at_the_top_whatever_is_forced(tmp_path: Path) -> None:
    run = make_foreign(tmp_path)
    heard: list[str] = []
    made = package(run, prompt="Plan a walk.", force=True, heard=heard.append)
    assert made.name == "pace-planner-sft-v1"
    top = card(made).split("## For what")[0]
    assert "**Not verified:" in top
    assert "frozen: Nothing shows which bounds" in top
    assert any(one.startswith("Not verified") for one in heard)
    assert read_json(made / "specialist.lock.json")["verified"] is False
    assert read_json(made / "eval_report.json")["verified"]["ok"] is False
    # The report of another tool is its own.
    assert (run / "report.md").read_text("utf-8") == "# Pace planner\n\nShipped.\n"
    assert read_json(made / "specialist.lock.json")["weights"]["path"] is None


# --- what is refused --------------------------------------------------------------------------


def test_only_a_ship_is_packaged(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with pytest.raises(PackageError, match="is not decided"):
        package(run, force=True)
    write_json(run / "decision.json", REJECT)
    with pytest.raises(PackageError, match="is reject, not ship"):
        package(run, force=True)
    assert not (tmp_path / "specialists").exists()


def test_over_the_breadth_gate_it_needs_a_routing_constraint(tmp_path: Path) -> None:
    run = routed(tmp_path, None)
    with pytest.raises(PackageError) as caught:
        package(run, force=True)
    assert len(caught.value.reasons) == 1
    assert "nothing says where alone" in caught.value.reasons[0]
    assert not caught.value.forcible


def test_a_folder_of_another_tool_needs_one_too(tmp_path: Path) -> None:
    run = make_foreign(tmp_path)
    put(run / "eval-regression-candidate.json", "/score", 0.4)
    override = {"gate": "breadth_drop_max_pp", "verdict": "fail", "why": "It serves one lane."}
    put(run / "decision.json", "/overrides", [override])
    with pytest.raises(PackageError, match="nothing says where alone"):
        package(run, prompt="Plan a walk.")
    put(run / "artifact.json", "/routing_constraint", "Only walks.")
    assert "Only walks." in card(package(run, prompt="Plan a walk."))


def test_evidence_that_contradicts_itself_is_packaged_by_no_force(run: Path) -> None:
    put(run / "eval-candidate.json", "/score", 1.0)
    with pytest.raises(PackageError) as caught:
        package(run, force=True)
    assert len(caught.value.reasons) > 1
    assert not (run.parent.parent / "specialists").exists()


@pytest.mark.parametrize("name", ["../runs", "a/b", ".hidden", "Big", "a..b", "x" * 81])
def test_a_name_that_is_no_id_is_refused(run: Path, name: str) -> None:
    with pytest.raises(PackageError, match="is no id of a package"):
        package(run, package_id=name)


def test_a_link_in_its_place_is_not_written_through(run: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "specialists").mkdir()
    (tmp_path / "specialists" / "router").symlink_to(elsewhere)
    with pytest.raises(PackageError, match="is no directory of its own"):
        package(run, force=True)
    assert list(elsewhere.iterdir()) == []


# --- what stands there already ----------------------------------------------------------------


def test_the_package_of_another_run_needs_force(run: Path, tmp_path: Path) -> None:
    made = package(run)
    other = make_shipped(tmp_path, run_id="2026-11-21-router")
    before = content(made)
    with pytest.raises(PackageError, match=f"is the package of {run.name}") as caught:
        package(other)
    assert caught.value.forcible
    assert content(made) == before
    package(other, force=True)
    assert read_json(made / "specialist.lock.json")["run_id"] == other.name


def test_what_a_person_added_stays_and_what_they_edited_is_kept(run: Path) -> None:
    made = package(run)
    (made / "README.md").write_text("Mine.\n")
    (made / "notes").mkdir()
    (made / "notes" / "a.txt").write_text("Also mine.\n")
    (made / "link").symlink_to("README.md")
    (made / "model_card.md").write_text("My own card.\n")
    with pytest.raises(PackageError, match=r"model_card\.md in specialists/router changed"):
        package(run)
    heard: list[str] = []
    package(run, force=True, heard=heard.append)
    assert (made / "README.md").read_text() == "Mine.\n"
    assert (made / "notes" / "a.txt").read_text() == "Also mine.\n"
    assert (made / "link").is_symlink()
    assert (made / "model_card.edited-1.md").read_text() == "My own card.\n"
    assert card(made).startswith("---\n")
    assert any("kept as model_card.edited-1.md" in one for one in heard)
    (made / "model_card.md").write_text("Again.\n")
    package(run, force=True)
    assert (made / "model_card.edited-1.md").read_text() == "My own card.\n"
    assert (made / "model_card.edited-2.md").read_text() == "Again.\n"


def test_files_without_a_lock_are_somebodys_own(run: Path, tmp_path: Path) -> None:
    place = tmp_path / "specialists" / "router"
    place.mkdir(parents=True)
    (place / "model_card.md").write_text("Written by hand.\n")
    with pytest.raises(PackageError, match="may be somebody's own"):
        package(run)
    package(run, force=True)
    assert (place / "model_card.edited-1.md").read_text() == "Written by hand.\n"
    assert not [one for one in check_package(place) if one.severity is Severity.ERROR]


def test_a_disk_that_refuses_changes_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = package(run)
    before = content(made)
    put(run / "decision.json", "/next_action", "Another one.")

    def full(new: Path, out: Path, old: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.publish.package.making.swap_in", full)
    with pytest.raises(OSError, match="No space"):
        package(run)
    assert content(made) == before
    assert [one.name for one in made.parent.iterdir()] == ["router"]


# --- a base model of the hub --------------------------------------------------------------------


def hub_model(cache: Path, commit: str) -> Path:
    """A snapshot in the hub's cache, as whole as its headers."""
    folder = cache / "models--Qwen--Qwen3-4B-Instruct-2507" / "snapshots" / commit
    write_json(folder / "config.json", {"model_type": "qwen3", "torch_dtype": "bfloat16"})
    write_json(folder / "tokenizer_config.json", {"chat_template": f"{commit}"})
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    return folder


def test_a_hub_model_is_taken_at_its_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    run = make_foreign(tmp_path / "here")
    wanted = read_json(run / "config.json")["base_model"]["revision"]
    hub_model(tmp_path / "hub", "0" * 40)
    heard: list[str] = []
    made = package(run, prompt="Plan a walk.", heard=heard.append)
    assert any(f"Revision {wanted} of" in one for one in heard)
    lock = read_json(made / "specialist.lock.json")
    assert (lock["base"]["revision"], lock["base"]["tokenizer_sha256"]) == (wanted, None)
    hub_model(tmp_path / "hub", wanted)
    package(run, prompt="Plan a walk.")
    base = read_json(made / "specialist.lock.json")["base"]
    assert (base["path"], base["architecture"]) == (None, "qwen3")
    assert base["chat_template_sha256"] == hashlib.sha256(wanted.encode()).hexdigest()
    assert 'base_model: "Qwen/Qwen3-4B-Instruct-2507"' in card(made)
    assert str(tmp_path) not in json.dumps(base)
