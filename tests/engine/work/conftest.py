from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model, made in a child so that this process need not import MLX."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    code = (
        "import sys; from pathlib import Path; from tests.engine.work.tiny import make_model; "
        "make_model(Path(sys.argv[1]))"
    )
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, cwd=root)
    return folder
