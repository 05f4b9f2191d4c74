"""What a second look at the check found: it is found now."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from engine.checks.public.around import Around, FileSeen
from engine.checks.public.places import MOST_FILES, folder_rules, unfit
from engine.checks.public.texts import _SECRET, private_path
from engine.records.public import Cell
from engine.web_address import is_public


@pytest.mark.parametrize(
    "address",
    ["http://localhost/x", "https://127.0.0.1:8000/x", "http://10.0.0.4/", "http://printer/x",
     "http://[::1]/", "http://nas.local/x"],
)  # fmt: skip
def test_an_address_of_this_network_is_not_public(address: str) -> None:
    assert not is_public(address)
    assert is_public("https://example.org/x")


@pytest.mark.parametrize("text", ["c:/users/anna/x", "$HOME/x", "%USERPROFILE%\\x", "${HOME}/x"])
def test_a_private_place_is_found_however_it_is_written(text: str) -> None:
    assert private_path(f"It lies in {text} today.", Around())
    assert private_path("It costs $HOMER, or 5 % of it.", Around()) is None


@pytest.mark.parametrize("text", ["Bearer abcdefgh12345678", "postgres://u:pw123@host/db"])
def test_more_secrets_are_found(text: str) -> None:
    assert _SECRET.search(text)
    assert not _SECRET.search("The bearer of bad news: //nobody")


@pytest.mark.parametrize("name", ["a.msgpack", "b.tgz", "c.keras", "d.safetensors.part", "e.7z"])
def test_weights_by_other_names_are_unfit(name: str) -> None:
    assert unfit(FileSeen(name, 10, False))


def test_a_folder_with_too_many_files_is_an_error_and_a_stray_artifact_is_said() -> None:
    many = tuple(FileSeen(f"{number}.txt", 1, False) for number in range(MOST_FILES))
    assert "folder-full" in {one.rule for one in folder_rules("artifacts", many)}
    stray = (FileSeen("sub/x.yaml", 1, False),)
    assert {one.rule for one in folder_rules("artifacts", stray)} == {"stray-file"}


def test_true_is_no_number() -> None:
    with pytest.raises(ValidationError, match="true or false"):
        Cell.model_validate({"value": True})
