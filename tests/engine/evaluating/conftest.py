from __future__ import annotations

from tests.engine.serving.conftest import caller, fake, made

__all__ = ["caller", "fake", "made"]
