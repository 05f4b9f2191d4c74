"""What is loaded after the first paint, in a process of its own: here it was loaded long ago."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
import gc, sys, time
import tui.app, tui.ahead
assert "tui.screens.live" not in sys.modules
tui.ahead.load_ahead()
tui.ahead.load_ahead()
end = time.monotonic() + 30
while not gc.get_freeze_count() and time.monotonic() < end:
    time.sleep(0.01)
print("tui.screens.live" in sys.modules, gc.get_freeze_count() > 1000)
"""


def test_live_is_loaded_ahead_and_what_was_loaded_is_spared_by_the_collector() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
