"""Every broken artifact gives its finding: the line, what is wrong, what to do."""

from __future__ import annotations

import pytest

from engine.checks.finding import Finding
from engine.workspace import Workspace
from tests.engine.artifacts.broken import ALL, Broken
from tests.engine.artifacts.world import check_text


def test_nothing_is_wrong_with_the_whole_one(place: Workspace, whole: str) -> None:
    assert check_text(place, whole).findings == ()


@pytest.mark.parametrize("broken", ALL, ids=lambda one: one.name)
def test_it_is_found_and_nothing_else(place: Workspace, whole: str, broken: Broken) -> None:
    assert whole.count(broken.old) >= 1, "the whole one has changed"
    text = whole.replace(broken.old, broken.new, 1)
    found = check_text(place, text).findings
    rules = {one.rule for one in found}
    assert broken.rule in rules
    assert rules <= {broken.rule} | broken.also, [one for one in found if one.rule != broken.rule]
    for one in found:
        said(one, text)


def said(one: Finding, text: str) -> None:
    assert 1 <= one.line <= text.count("\n") + 1
    assert len(one.message) < 700 and len(one.fix) < 700
    assert one.message.endswith((".", '"')) and one.fix
    assert one.message.isprintable() and one.fix.isprintable()


def test_a_finding_is_at_the_line_that_is_wrong(place: Workspace, whole: str) -> None:
    text = whole.replace("headline: {value: 0.95", "headline: {value: 0.96")
    line = next(n for n, one in enumerate(text.split("\n"), 1) if one.startswith("headline:"))
    (found,) = check_text(place, text).findings
    assert found.line == line and found.pointer == "/headline/value"
    assert "says 0.96" in found.message and "holds 0.95" in found.message


def test_a_secret_is_not_said_again(place: Workspace, whole: str) -> None:
    key = "sk-" + "verysecret" * 4
    (found,) = check_text(place, whole.replace("Host the weights.", f"Use {key}.")).findings
    assert found.rule == "text-secret" and "verysecret" not in found.message + found.fix


def test_the_keys_of_this_machine_are_found_whatever_they_look_like(
    place: Workspace, whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = whole.replace("Host the weights.", "Host it with correcthorsebattery.")
    assert check_text(place, text).findings == ()
    monkeypatch.setenv("HOSTING_TOKEN", "correcthorsebattery")
    assert [one.rule for one in check_text(place, text).findings] == ["text-secret"]


def test_the_name_of_whoever_is_logged_in_is_no_part_of_a_path(
    place: Workspace, whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "adalovelace")
    text = whole.replace("Host the weights.", "Look into data/adalovelace/rows.")
    assert [one.rule for one in check_text(place, text).findings] == ["text-private"]
    address = whole.replace("example.org/code", "example.org/home/adalovelace/code")
    assert check_text(place, address).findings == ()


def test_a_setup_that_the_record_does_not_bear_out(place: Workspace, whole: str) -> None:
    """Both sides agree with each other and not with what was measured."""
    text = whole.replace("scorer: json_cmd", "scorer: exact match")
    found = check_text(place, text).findings
    assert {one.rule for one in found} == {"direct-scorer"}
    assert all("'json_cmd'" in one.message for one in found)


def test_weights_that_can_be_had_are_linked(place: Workspace, whole: str) -> None:
    states = "state: release-ready-metadata\nprevious_state: candidate-current-best"
    text = whole.replace(
        states, "state: release-ready-weights\nprevious_state: release-ready-metadata"
    )
    assert text != whole
    assert check_text(place, text).findings == ()
    nowhere = text.replace("href: https://example.org/code", "href: specialists/router")
    assert [one.rule for one in check_text(place, nowhere).findings] == ["release-weights"]


def test_whatever_line_is_missing_it_is_told_and_nothing_breaks(
    place: Workspace, whole: str
) -> None:
    lines = whole.split("\n")
    for gone in range(0, len(lines), 3):
        text = "\n".join(lines[:gone] + lines[gone + 1 :])
        for one in check_text(place, text).findings:
            said(one, text)
