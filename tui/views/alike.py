"""What two answers have in common at their beginning. Imports nothing: Live opens with it."""

from __future__ import annotations


def alike(expected: str, got: str) -> int:
    """How many characters two texts may lose at their beginning so that what differs is seen: whole
    fields or words that are the same in both; 0 where that is little."""
    same = 0
    for one, two in zip(expected, got, strict=False):
        if one != two:
            break
        same += 1
    start = max(expected.rfind(sign, 0, same) for sign in ",{[ ") + 1
    return start if start > 6 else 0
