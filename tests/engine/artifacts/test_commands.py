"""``factory-tui artifacts list | check | show | new`` and the four samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.artifacts.checking import check_all
from engine.checks.public.states import PACKAGE_FILES
from engine.cli.app import main
from engine.publish.package.locking import LOCK
from engine.publish.package.making import REQUIRED
from engine.records.public import MAY_FOLLOW, STATE_ORDER, ArtifactState
from engine.samples import samples_dir
from engine.workspace import Workspace
from tests.engine.artifacts.world import REJECTED
from tests.engine.folders import RUN_ID

SAMPLES = Workspace(samples_dir())
NUMBERS = {
    "qwen3-4b-file-ops-distilled": {0.58, 1.0, 0.95, 0.596, 0.423},
    "qwen06-sql-routed-v1": {0.531, 0.484, 0.86, 0.84, 77.1, 68.47, 70.04, 71.83}
    | {0.24, 0.297, 0.56, 0.516, 0.46, 0.438, 0.28},
    "factory-run-schema-v1": set(),
    "browser-playground": set(),
}


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["artifacts", *arguments])
    return int(ended.value.code or 0)


def numbers(value: Any) -> set[float]:
    """Every number that is called historical."""
    if isinstance(value, dict):
        own = {value["value"]} if value.get("historical") and "value" in value else set()
        return {one for one in own if not isinstance(one, str)}.union(
            *(numbers(one) for one in value.values())
        )
    return set().union(*(numbers(one) for one in value)) if isinstance(value, list) else set()


def test_the_four_samples_pass_with_the_numbers_of_public_record() -> None:
    checked, stray = check_all(SAMPLES)
    assert stray == [] and all(one.ok for one in checked)
    assert {one.entry.id: numbers(dict(one.entry.value)) for one in checked} == NUMBERS
    states = {one.entry.id: one.entry.artifact.state.value for one in checked if one.entry.artifact}
    assert states == {
        "browser-playground": "parked",
        "factory-run-schema-v1": "report-only",
        "qwen06-sql-routed-v1": "candidate-current-best",
        "qwen3-4b-file-ops-distilled": "release-ready-metadata",
    }
    # What cannot be known of them is warned of, and nothing else.
    assert {one.rule for each in checked for one in each.findings} == {
        "part-missing", "direct-prompt", "data-licence", "release-unchecked", "number-uncounted",
    }  # fmt: skip


def test_check_passes_and_is_read_by_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "-w", str(SAMPLES.path)) == 0
    assert capsys.readouterr().out.count("✔ artifacts/") == 4
    assert run("check", "--json", "qwen06", "-w", str(SAMPLES.path)) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] and [one["id"] for one in found["artifacts"]] == ["qwen06-sql-routed-v1"]
    assert all(
        one["line"] and one["fix"] and one["severity"] == "warning"
        for one in found["artifacts"][0]["findings"]
    )


def test_check_says_file_line_and_fix_and_ends_with_one(
    own: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    file = own.artifacts_dir / "router.yaml"
    file.write_text(file.read_text().replace("headline: {value: 0.95", "headline: {value: 0.99"))
    assert run("check", "-w", str(own.path)) == 1
    said = capsys.readouterr().out
    assert "✘ artifacts/router.yaml" in said and "line 15 /headline/value  number-differs" in said
    assert "→ Write what the record holds" in said
    assert run("check", "nothing", "-w", str(own.path)) == 3
    assert "There are: router." in capsys.readouterr().err


def test_list_shows_what_is_ready_first_and_parked_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("list", "-w", str(SAMPLES.path)) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["artifact", "state", "outcome", "headline", "next"]
    assert [line.split()[1] for line in lines] == [
        "qwen3-4b-file-ops-distilled",
        "qwen06-sql-routed-v1",
        "factory-run-schema-v1",
        "browser-playground",
    ]
    assert "routed" in lines[0] and "1.00†" in lines[0]


def test_show_reads_as_the_page_does(own: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "qwen06", "-w", str(SAMPLES.path)) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Within the noise: +4.7 pp (95 % interval −12.3 to +21.3 pp, n = 64)" in said
    assert "0.531†" in said and "77.1 to 96 %†" in said and "† historical" in said
    assert said.index("Direct:") < said.index("Directional:") < said.index("Not comparable:")
    file = own.artifacts_dir / "router.yaml"
    file.write_text(file.read_text().replace("headline: {value: 0.95", "headline: {value: 0.99"))
    assert run("show", "router", "-w", str(own.path)) == 0
    shown = capsys.readouterr()
    assert "0.99 ✘ the record holds 0.95" in shown.out and "1 errors" in shown.err


def test_a_hostile_artifact_is_inert_in_the_terminal(
    own: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = '"\\x1b]0;owned\\x07\\x1b[2J\\u202e[red]<script>alert(1)</script>"'
    text = (
        f"id: evil\nstate: parked\noutcome: undecided\ntitle: {evil}\ntype: {evil}\n"
        f"summary: {evil}\nnext_action: {evil}\nheadline: {{value: {evil}}}\nruns: [{evil}]\n"
        f"links: [{{label: {evil}, href: {evil}}}]\npackage: {evil}\nlimits: [{'A' * 200_000}]\n"
        f"{evil}: {evil}\n"
    )
    (own.artifacts_dir / "evil.yaml").write_text(text)
    for command in (("list",), ("show", "evil"), ("check",), ("check", "--json")):
        run(*command, "-w", str(own.path))
        shown = capsys.readouterr()
        said = shown.out + shown.err
        assert "\x1b" not in said and "\x07" not in said
        assert "\u202e" not in said or "--json" in command, "programs get it as it is"


def test_new_writes_one_of_a_run_and_never_twice(
    own: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("-w", str(own.path))
    assert run("new", RUN_ID, *where) == 1
    assert "left as it is" in capsys.readouterr().err
    assert run("new", RUN_ID[:12], "--id", "router-v2", *where) == 0
    shown = capsys.readouterr()
    path = Path(shown.out.strip())
    assert path == own.artifacts_dir / "router-v2.yaml" and "check router-v2" in shown.err
    assert path.read_text().startswith(f"# Made from the run {RUN_ID}.")
    assert run("check", "router-v2", *where) == 1
    assert "public_value is missing or empty" in capsys.readouterr().out


def test_new_says_why_not(own: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("-w", str(own.path))
    assert run("new", *where) == 2
    assert run("new", "2020", *where) == 3
    assert run("new", REJECTED, "--id", "../x", *where) == 1
    (own.runs_dir / REJECTED / "decision.json").unlink()
    assert run("new", REJECTED, "--id", "x", *where) == 1
    assert "is not decided" in capsys.readouterr().err
    assert run("new", "--id", "blank", *where) == 0
    assert "id: blank" in (own.artifacts_dir / "blank.yaml").read_text()


def test_no_artifact_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs").mkdir()
    assert run("list", "-w", str(tmp_path)) == run("check", "-w", str(tmp_path)) == 0
    assert "artifacts new" in capsys.readouterr().err


def test_the_tables_of_states_know_every_state() -> None:
    assert set(STATE_ORDER) == set(MAY_FOLLOW) == set(ArtifactState)
    assert STATE_ORDER[-1] is ArtifactState.PARKED
    assert set(PACKAGE_FILES) == {*REQUIRED, LOCK}
