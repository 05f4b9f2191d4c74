"""What Artifacts says, without a screen: the list, the page with its cells, the findings."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine.artifacts.checking import check_entry
from engine.artifacts.moving import may_follow, move
from engine.artifacts.registry import RegistryError, read_artifact
from engine.records.public import MAY_FOLLOW, STATE_ORDER, ArtifactState
from engine.samples import samples_dir
from engine.workspace import Workspace
from tests.engine.artifacts.world import make_world
from tests.shared import made_once
from tui.views.artifacts_findings import finding_lines
from tui.views.artifacts_list import fitting, list_lines, toggle_words
from tui.views.artifacts_page import page_lines
from tui.views.artifacts_published import published_words
from tui.views.artifacts_reader import Artifacts, ArtifactsReader
from tui.views.entries import Entry

EVIL = r"\e[31mred\e]0;x\a [bold]b[/bold] <script>alert(1)</script> \u202e turned"


def _make(folder: Path) -> None:
    make_world(folder)
    for one in (samples_dir() / "artifacts").iterdir():
        shutil.copy(one, folder / "artifacts" / one.name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "artifacts-screen", _make)


@pytest.fixture(scope="module")
def artifacts(made: Path) -> Artifacts:
    return list(ArtifactsReader(Workspace(made)).read())[-1]


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "own"))


def text(lines: Sequence[Entry]) -> str:
    return "\n".join("".join(part for part, _ in one.row).rstrip() for one in lines)


def page(artifacts: Artifacts, name: str, width: int = 90) -> str:
    one = artifacts.one(f"artifacts/{name}.yaml")
    assert one is not None
    return text(page_lines(one, artifacts.cards.get(one.entry.name, ()), width))


def hostile(place: Workspace, body: str, name: str = "evil") -> Artifacts:
    (place.artifacts_dir / f"{name}.yaml").write_text(body, "utf-8")
    return list(ArtifactsReader(place).read())[-1]


# --- the list -------------------------------------------------------------------------------------


def test_the_list_is_by_state_and_parked_is_last(artifacts: Artifacts) -> None:
    shown = fitting(artifacts, "", frozenset())
    lines = list_lines(shown, artifacts, 80)
    keys = [one.key for one in lines if one.key]
    assert keys[-1] == "artifacts/browser-playground.yaml" and len(keys) == 5
    said = text(lines)
    assert said.index("◉ release-ready-metadata") < said.index("◐ candidate-current-best")
    assert said.index("≡ report-only") < said.index("○ parked")
    assert "0.531† exact match on 64 public rows" in said
    assert "→ Decide whether the metadata" in said


def test_the_outcome_stands_beside_whatever_state(artifacts: Artifacts) -> None:
    said = text(list_lines(fitting(artifacts, "", frozenset()), artifacts, 60)).splitlines()
    line = next(one for one in said if "qwen3-4b-file-ops-distilled" in one)
    assert "routed" in line and "⚠ 3" in line
    assert "undecided" in next(one for one in said if "qwen06-sql" in one)


@pytest.mark.parametrize("tight", [False, True], ids=["airy", "tight"])
@pytest.mark.parametrize("width", [20, 52, 80, 88])
def test_no_line_is_wider_than_the_list(artifacts: Artifacts, width: int, tight: bool) -> None:
    lines = list_lines(fitting(artifacts, "", frozenset()), artifacts, width, tight=tight)
    assert max(cell_len(one) for one in text(lines).splitlines()) <= width
    assert len([one for one in lines if one.key]) == 5


def test_filter_and_hidden_states(artifacts: Artifacts) -> None:
    assert [one.entry.id for one in fitting(artifacts, "SQL", frozenset())] == [
        "qwen06-sql-routed-v1"
    ]
    hidden = frozenset({ArtifactState.PARKED})
    assert "browser-playground" not in [one.entry.id for one in fitting(artifacts, "", hidden)]
    words = "".join(part for part, _ in toggle_words(artifacts, hidden, 120))
    assert "(6 ○ parked 1)" in words and " 3 ◐ candidate 1 " in words
    narrow = "".join(part for part, _ in toggle_words(artifacts, hidden, 50))
    assert "(6 ○ 1)" in narrow and cell_len(narrow) <= 50
    assert "fits the filter" in text(list_lines([], artifacts, 60))


def test_an_empty_workspace_says_what_an_artifact_is_and_how_to_make_one(tmp_path: Path) -> None:
    found = list(ArtifactsReader(Workspace(tmp_path)).read())[-1]
    said = text(list_lines([], found, 50))
    assert "no public artifact" in said and "n makes one" in said and "N writes" in said


def test_only_what_changed_is_read_again(own: Path) -> None:
    reader = ArtifactsReader(Workspace(own))
    first = list(reader.read())[-1]
    assert not reader.changed()
    file = own / "artifacts" / "browser-playground.yaml"
    file.write_text(file.read_text() + "# more\n")
    (own / "artifacts" / "router.yaml").unlink()
    assert reader.changed()
    second = list(reader.read())[-1]
    same = "artifacts/qwen06-sql-routed-v1.yaml"
    assert second.one(same) is first.one(same) and second.one("artifacts/router.yaml") is None
    other = "artifacts/browser-playground.yaml"
    assert second.one(other) is not first.one(other)
    third = list(reader.read(anew=True))[-1]
    assert third.one(same) is not first.one(same)


# --- the page -------------------------------------------------------------------------------------


def test_the_page_has_the_order_of_the_site(artifacts: Artifacts) -> None:
    said = page(artifacts, "qwen06-sql-routed-v1")
    titles = ("Headline", "Evidence", "Competition", "Rejected attempts", "Blockers", "Report card",
              "Provenance", "Next action")  # fmt: skip
    places = [said.index(f"━━ {title} ") for title in titles]
    assert places == sorted(places)


def test_numbers_of_record_say_how_they_stand_to_it(own: Path) -> None:
    place = Workspace(own)
    before = page(list(ArtifactsReader(place).read())[-1], "router")
    assert "✔ of " in before and "no longer" not in before and "✔ its record holds it" in before
    for one in (own / "runs").glob("*/eval-candidate.json"):
        one.write_text(one.read_text().replace('"score": 0.95', '"score": 0.9'))
    after = page(list(ArtifactsReader(place).read(anew=True))[-1], "router")
    assert "✘ the record holds 0.90" in after and "of its values differ" in after


def test_what_is_not_there_is_not_recorded(artifacts: Artifacts) -> None:
    said = page(artifacts, "qwen3-4b-file-ops-distilled")
    line = next(one for one in said.splitlines() if "generated and held out" in one)
    assert "not recorded" in line and "0.95†" in line
    assert "† historical" in said and "Latency, memory and speed: not recorded" in said


def test_a_difference_within_the_noise_says_so(artifacts: Artifacts) -> None:
    said = page(artifacts, "qwen06-sql-routed-v1")
    assert "≈ Within the noise: +4.7 pp (95 % interval −12.3 to +21.3 pp" in said
    direct, rest = said.split("\nDirectional\n")
    assert "T5-small" in direct and "Defog" in rest and "≈" not in rest


def test_a_row_called_direct_that_is_not_says_what_differs(own: Path) -> None:
    file = own / "artifacts" / "qwen06-sql-routed-v1.yaml"
    file.write_text(file.read_text().replace("rows: 64", "rows: 65", 1))
    said = page(list(ArtifactsReader(Workspace(own)).read())[-1], file.stem, 130)
    assert "✘ T5-small is called Direct, and its rows is " in said
    assert "Within the noise: +4.7" not in said.split("━━ Competition")[1].split("34 against")[0]


def test_blockers_have_why_and_the_way_out(artifacts: Artifacts) -> None:
    said = page(artifacts, "qwen06-sql-routed-v1")
    assert "⊘ No package\n  The adapters lie in local" in said
    assert "→ Make specialists/qwen06-sql-routed-v1" in said


@pytest.mark.parametrize("width", [24, 40, 66, 130])
def test_no_line_of_a_page_is_wider_than_its_pane(artifacts: Artifacts, width: int) -> None:
    for one in artifacts.checked:
        lines = text(page_lines(one, (), width)).splitlines()
        lines += text(finding_lines(one.findings, width)).splitlines()
        assert max(map(cell_len, lines)) <= width


def test_hostile_texts_are_inert_and_long_ones_cut(own: Path) -> None:
    body = f"""id: evil
title: "{EVIL}"
type: "{EVIL}"
state: blocked
outcome: rejected
summary: "{EVIL}{"x" * 1_000_000}"
headline: {{value: "{EVIL}", record: "../../etc/passwd#/x"}}
evidence:
  - title: "{EVIL}"
    columns: [a]
    rows: [{{label: "{EVIL}", cells: [{{value: "{EVIL}"}}]}}]
blockers: [{{blocker: "{EVIL}", why: "{EVIL}", unblock: "{EVIL}"}}]
sources: [{{name: "{EVIL}", href: "javascript:alert(1)"}}]
next_action: "{EVIL}"
"""
    found = hostile(Workspace(own), body)
    one = found.one("artifacts/evil.yaml")
    assert one is not None and one.entry.artifact is not None
    said = page(found, "evil")
    said += text(list_lines([one], found, 70)) + text(finding_lines(one.findings, 70))
    assert not [c for c in said if ord(c) < 32 and c != "\n"] and "\u202e" not in said
    assert "[bold]b[/bold]" in said and len(said) < 40_000
    assert "the file has the rest" in said


@pytest.mark.parametrize(
    "data",
    [b"", b"id: [\n", b"\xff\xfe\x00", b"state: what\n", b"a: &x 1\nb: *x\n"],
    ids=["empty", "broken", "binary", "form", "alias"],
)
def test_a_file_that_is_no_artifact_is_listed_with_why(own: Path, data: bytes) -> None:
    (own / "artifacts" / "bad.yaml").write_bytes(data)
    found = list(ArtifactsReader(Workspace(own)).read())[-1]
    lines = list_lines(found.checked, found, 70)
    assert [one.key for one in lines if one.key][-1] == "artifacts/bad.yaml"
    assert "✘ cannot be read  1" in text(lines)
    said = page(found, "bad")
    assert "✘ " in said and "→ " in said and "e opens the file" in said


def test_what_else_lies_there_is_a_finding(own: Path) -> None:
    (own / "artifacts" / "model.safetensors").write_bytes(b"0" * 64)
    found = list(ArtifactsReader(Workspace(own)).read())[-1]
    said = text(finding_lines(found.stray, 70))
    assert "artifacts/model.safetensors" in said and "weights" in said


# --- its state ------------------------------------------------------------------------------------


def test_a_state_is_written_in_place_and_comments_stay(own: Path) -> None:
    place = Workspace(own)
    entry = read_artifact(place, "qwen06-sql-routed-v1")
    assert entry.artifact is not None
    move(place, entry, ArtifactState.BLOCKED)
    after = read_artifact(place, "qwen06-sql-routed-v1")
    assert after.artifact is not None and after.artifact.state is ArtifactState.BLOCKED
    assert after.artifact.previous_state is ArtifactState.CANDIDATE_CURRENT_BEST
    kept = [one for one in after.text.splitlines() if one not in entry.text.splitlines()]
    assert kept == ["state: blocked", "previous_state: candidate-current-best"]
    move(place, after, ArtifactState.PARKED)
    last = read_artifact(place, "qwen06-sql-routed-v1").text
    assert "state: parked\n" in last and last.count("previous_state: blocked") == 1


def test_only_what_may_follow_is_written_and_only_over_what_was_seen(own: Path) -> None:
    place = Workspace(own)
    entry = read_artifact(place, "browser-playground")
    with pytest.raises(RegistryError, match="may not follow parked"):
        move(place, entry, ArtifactState.RELEASE_READY_WEIGHTS)
    entry.path.write_text(entry.text + "# somebody else\n")
    with pytest.raises(RegistryError, match="changed meanwhile"):
        move(place, entry, ArtifactState.REPORT_ONLY)
    (own / "artifacts" / "bad.yaml").write_text("id: [\n")
    with pytest.raises(RegistryError, match="no artifact yet"):
        move(place, read_artifact(place, "bad"), ArtifactState.PARKED)
    for state in STATE_ORDER:
        assert set(may_follow(state)) == MAY_FOLLOW[state]


def test_crlf_and_what_stands_in_quotes_survive_a_move(own: Path) -> None:
    place = Workspace(own)
    path = place.artifacts_dir / "crlf.yaml"
    path.write_bytes(b'id: crlf\r\nstate: "parked" # why\r\noutcome: undecided\r\n')
    move(place, read_artifact(place, "crlf"), ArtifactState.REPORT_ONLY)
    checked = check_entry(place, read_artifact(place, "crlf"))
    assert checked.entry.artifact is not None
    assert checked.entry.artifact.state is ArtifactState.REPORT_ONLY
    assert b"report-only # why\r\n" in path.read_bytes()


# --- the site in words ----------------------------------------------------------------------------


def test_what_was_published_names_the_pages_that_changed(tmp_path: Path) -> None:
    from engine.publish.site.check import Staleness

    out = tmp_path / "site"
    assert published_words(out, 7, None, []).endswith("7 files, published for the first time.")
    assert published_words(out, 1, [], []).endswith("1 file, none of them changed.")
    changed = [Staleness("index.html", "stale", "x"), Staleness("a.html", "new", "x")]
    said = published_words(out, 7, changed, ["artifacts/bad.yaml"])
    assert "index.html changed, a.html new." in said and "Left out, see" in said
    many = [Staleness(f"{n}.html", "stale", "x") for n in range(9)]
    assert "and 3 more" in published_words(out, 9, many, [])
