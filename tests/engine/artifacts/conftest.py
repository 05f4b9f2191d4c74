"""One workspace for all that is only read."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.engine.artifacts import world
from tests.shared import made_once


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(made_once(tmp_path_factory, "artifacts-world", world.make_world))


@pytest.fixture(scope="session")
def whole(place: Workspace) -> str:
    """The text of an artifact with which nothing is wrong."""
    return (place.artifacts_dir / "router.yaml").read_text("utf-8")


@pytest.fixture
def own(tmp_path: Path) -> Workspace:
    """A workspace of one's own, to be broken."""
    world.make_world(tmp_path)
    return Workspace(tmp_path)
