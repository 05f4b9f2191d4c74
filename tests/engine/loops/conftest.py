from __future__ import annotations

from tests.engine.teaching.conftest import double, no_keys
from tests.engine.work.conftest import model_dir

__all__ = ["double", "model_dir", "no_keys"]
