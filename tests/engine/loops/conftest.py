from __future__ import annotations

from tests.engine.teaching.conftest import double, no_keys

__all__ = ["double", "no_keys"]
