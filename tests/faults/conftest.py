from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.supervise.kit import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    one = Lab(tmp_path / "workspace")
    yield one
    one.close()
