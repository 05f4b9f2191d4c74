"""A win may be told where a Direct row bears it out, and nowhere else; the sample page says so."""

from __future__ import annotations

import pytest

from engine.artifacts.checking import check_entry
from engine.artifacts.registry import find_artifact
from engine.checks.finding import Finding
from engine.samples import samples_dir
from engine.workspace import Workspace
from tests.engine.artifacts.world import check_text

PLACE = "Host the weights."
SQL = "qwen06-sql-routed-v1"


@pytest.mark.parametrize(
    "said",
    [
        "It beats the tiny base.",
        "On its lane it is better than Tiny base, 0.95 against 0.2.",
        "That is +75 points over its base.",
        "It outperforms its baseline.",
        "It does not beat Globex.",
        "Show whether it beats Globex Router-70B.",
        "Three points over Acme Pilot-7B, +3.1 points over it, are within the noise.",
    ],
)
def test_what_is_borne_out_or_no_claim_may_stand(place: Workspace, whole: str, said: str) -> None:
    text = whole.replace(PLACE, said).replace("system: Tiny base", "system: Tiny base, baseline")
    assert check_text(place, text).findings == ()


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ("It beats Tiny base and Globex.", "claim-not-direct"),
        ("It beats Acme, within the noise.", "claim-noise"),
        ("It beats every open model.", "claim-unnamed"),
        ("Tiny base outperforms it.", "claim-reversed"),
        ("It loses to Tiny base.", "claim-reversed"),
        ("Globex Router-70B beats it.", "claim-not-direct"),
    ],
)
def test_what_is_not_borne_out_may_not(place: Workspace, whole: str, said: str, rule: str) -> None:
    found = check_text(place, whole.replace(PLACE, said)).findings
    assert [one.rule for one in found] == [rule] and found[0].pointer == "/next_action"


def test_the_label_alone_makes_no_row_direct(place: Workspace, whole: str) -> None:
    text = whole.replace(PLACE, "It beats Tiny base.")
    assert check_text(place, text).findings == ()
    found = check_text(
        place, text.replace("rows: 40, scorer: json_cmd", "rows: 41, scorer: contains", 1)
    )
    assert {"claim-not-direct", "direct-rows", "direct-scorer"} == {
        one.rule for one in found.findings
    }


def with_sql(old: str, new: str) -> list[Finding]:
    """The findings of the sample's SQL page with a text changed, those of the claims alone."""
    place = Workspace(samples_dir())
    entry = find_artifact(place, SQL)
    assert old in entry.text
    found = check_text(place, entry.text.replace(old, new, 1), SQL).findings
    return [one for one in found if one.rule.startswith(("claim", "noise"))]


def test_the_sql_page_says_that_its_difference_is_noise() -> None:
    assert check_entry(Workspace(samples_dir()), find_artifact(Workspace(samples_dir()), SQL)).ok
    (found,) = with_sql("is within the noise: the true", "is what was found: the true")
    assert found.rule == "noise-unsaid"
    assert "+4.7 pp (95 % interval \u221212.3 to +21.3 pp, n = 64)" in found.fix


def test_what_to_write_in_the_place_of_a_win() -> None:
    (found,) = with_sql("Two LoRA adapters", "It beats T5-small. Two LoRA adapters")
    assert found.rule == "claim-noise"
    assert "0.531 against 0.484 of T5-small on the same 64 rows: within the noise." in found.fix
    (found,) = with_sql("Two LoRA adapters", "It is better than SQLCoder. Two LoRA adapters")
    assert found.rule == "claim-not-direct"
    assert "Defog SQLCoder-7B-2 reports 77.1 to 96 %" in found.fix
    (found,) = with_sql("Two LoRA adapters", "It surpasses Arctic at 7B. Two LoRA adapters")
    assert "68.47 %" in found.fix and "another evaluation" in found.fix
