"""How long the parts of something took."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class Spent(dict[str, float]):
    """Seconds by part."""

    @contextlib.contextmanager
    def on(self, part: str) -> Iterator[None]:
        """What happens within is ``part``; what raises took no time that counts."""
        began = time.monotonic()
        yield
        self[part] = round(self.get(part, 0.0) + time.monotonic() - began, 3)
