"""What was pressed in this session: (screen or pane, action). See ``conftest.py``."""

from __future__ import annotations

PRESSED: set[tuple[str, str]] = set()

LAST = "test_every_key_of_the_table_was_pressed"
