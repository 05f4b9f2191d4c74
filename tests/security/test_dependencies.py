"""Dependencies are few, capped, of known licences, and each is named in the page about them."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ELSEWHERE = {"mlx-metal"}
"""What comes with the same packages on another system."""

spec = importlib.util.spec_from_file_location("costs", ROOT / "scripts" / "dependency_costs.py")
assert spec is not None and spec.loader is not None
costs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(costs)

PAGE = costs.PAGE.read_text("utf-8")
ROWS = costs.table_of(PAGE)
NAMED = {costs.plain_name(row[0]) for row in ROWS[2:]}
BROUGHT = {line.split("|")[1].strip() for line in costs.between(PAGE, "brought").splitlines()[3:]}


def direct() -> list[str]:
    return [re.split(r"[\[<>=;]", one)[0].strip() for one in PROJECT["dependencies"]]


def test_each_dependency_has_its_row_with_every_cell() -> None:
    assert {costs.plain_name(one) for one in direct()} <= NAMED
    assert all(len(row) == len(ROWS[0]) and all(row) for row in ROWS)


def test_nothing_is_installed_with_them_that_no_table_names() -> None:
    assert costs.closure(direct()) <= NAMED | BROUGHT | ELSEWHERE
    assert len(BROUGHT) < 50


def test_licences_are_known_and_allow_what_we_do() -> None:
    for name in costs.closure(direct()):
        said = costs.licence(name)
        assert said != "not recorded" and "GPL" not in said, (name, said)


@pytest.mark.parametrize("one", PROJECT["dependencies"])
def test_each_version_is_capped(one: str) -> None:
    assert re.search(r">=[\d.]+,<[\d.]+", one), one
