"""kill -9 at random moments of whole runs: the short form of ``scripts/kill_matrix.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.kill_matrix import kill_matrix, table
from scripts.killing.holds import Wrong, said_holds
from scripts.killing.strike import COMBINATIONS


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing_and_every_run_goes_on(tmp_path: Path) -> None:
    """Each combination of supervisor, child and screen, and the first two again."""
    blows = kill_matrix(9, 20, "quick", 2, tmp_path)
    assert [blow.killed for blow in blows] == [*COMBINATIONS, *COMBINATIONS[:2]]
    assert not any(blow.wrong for blow in blows), "\n".join([*table(blows), str(blows)])
    assert sum(blow.events for blow in blows) > 9 * 250


@pytest.mark.parametrize(
    "numbers", [[1, 2, 4], [1, 2, 2, 3], [2, 1, 3], [1]], ids=["lost", "twice", "swapped", "cut"]
)
def test_the_matrix_would_notice(tmp_path: Path, numbers: list[int]) -> None:
    """A log in which an event of a child is lost, doubled or out of order does not hold."""
    run = tmp_path / "runs" / "one"
    run.mkdir(parents=True)
    (tmp_path / ".said").mkdir()
    (tmp_path / ".said" / "one.77").write_text("1\n2\n3\n")

    def log(said: list[int]) -> bytes:
        line = '{{"kind":"metric","values":{{"said":{},"by":77}}}}\n'
        return "".join(line.format(number) for number in said).encode()

    (run / "events.jsonl").write_bytes(log([1, 2, 3]))
    said_holds(tmp_path, [run], log([1, 2]), supervisor_died=False)
    (run / "events.jsonl").write_bytes(log(numbers))
    with pytest.raises(Wrong, match="child 77"):
        said_holds(tmp_path, [run], log([1, 2]), supervisor_died=False)
