"""mlx-lm without its tokenizers, each case in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BARE = """
import sys
from engine.work.bare_mlx_lm import import_bare
assert import_bare()
assert not {"transformers", "huggingface_hub"} & set(sys.modules)
import mlx_lm.tuner.trainer, mlx_lm.tuner.utils, mlx_lm.utils
import huggingface_hub
assert huggingface_hub.__file__, "who wants the real one gets it"
assert not import_bare(), "what is imported stays"
"""
OTHER_VERSION = """
import sys
sys.path.insert(0, sys.argv[1])
from engine.work.bare_mlx_lm import import_bare
assert not import_bare()
assert not {"transformers", "mlx_lm"} & set(sys.modules)
import mlx_lm.utils
assert mlx_lm.utils.wanted == "the real one"
"""


def child(code: str, *arguments: str) -> None:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_nothing_for_tokenizers_is_imported() -> None:
    child(BARE)


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param("from transformers import CONST; CONST + 1", id="a number"),
        pytest.param("import transformers.x", id="another module"),
    ],
)
def test_a_version_that_wants_more_at_its_import_is_imported_as_usual(
    tmp_path: Path, wish: str
) -> None:
    (tmp_path / "mlx_lm" / "tuner").mkdir(parents=True)
    (tmp_path / "mlx_lm" / "__init__.py").write_text("")
    (tmp_path / "mlx_lm" / "tuner" / "__init__.py").write_text("")
    (tmp_path / "mlx_lm" / "utils.py").write_text(f"{wish}\nfrom transformers import wanted\n")
    (tmp_path / "transformers").mkdir()
    (tmp_path / "transformers" / "__init__.py").write_text("CONST = 1\nwanted = 'the real one'\n")
    (tmp_path / "transformers" / "x.py").write_text("")
    child(OTHER_VERSION, str(tmp_path))
