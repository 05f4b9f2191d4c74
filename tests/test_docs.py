"""What the README says of the program is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli.app import app
from scripts.key_tables import PAGE, keys_page, keys_table

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_table_of_keys_is_that_of_the_app() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"<!-- keys -->\n{keys_table()}\n<!-- /keys -->" in readme, (
        "renew it: python scripts/key_tables.py"
    )
    assert PAGE.read_text("utf-8") == keys_page(), "renew it: python scripts/key_tables.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    named = {
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback is not None
    }
    # `make demo` stands for the command demo.
    assert {name for name in named if not re.search(rf"[`·/ ]{name}\b", readme)} == set()


def test_every_dependency_has_its_line() -> None:
    table = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    project = (ROOT / "pyproject.toml").read_text("utf-8").split("dependencies = [")[1]
    names = set(re.findall(r'^  "([a-z0-9.-]+)', project.split("]\n")[0], re.MULTILINE))
    assert len(names) >= 9
    assert {name for name in names if f"| {name} |" not in table} == set()


def test_the_exact_versions_carry_no_address() -> None:
    constraints = (ROOT / "constraints.txt").read_text("utf-8")
    lines = [line for line in constraints.splitlines() if line and not line.startswith("#")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[\w.]+", line)] == []


def test_help_is_quick_and_complete() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--help"], capture_output=True, text=True, check=True
    )
    for command in ("run", "watch", "cancel", "resume", "list", "decide", "validate", "doctor"):
        assert f"\n  {command} " in done.stdout


@pytest.mark.parametrize("name", ["threats.md", "faults.md"])
def test_tests_that_a_page_names_are_there(name: str) -> None:
    page = (ROOT / "docs" / name).read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    files = set(re.findall(r"`(tests/[\w/]+\.py)`", page))
    assert len(named) > 10
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert {one for one in named if f"def {one}(" not in tests} == set()
    assert {one for one in files if not (ROOT / one).is_file()} == set()
