from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared import made_once


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model, made in a child so that this process need not import MLX."""
    code = (
        "import sys; from pathlib import Path; from tests.engine.work.tiny import make_model; "
        "make_model(Path(sys.argv[1]))"
    )

    def make(folder: Path) -> None:
        command = [sys.executable, "-c", code, str(folder / "tiny")]
        subprocess.run(command, check=True, cwd=Path(__file__).parents[3])

    return made_once(tmp_path_factory, "model", make) / "tiny"
