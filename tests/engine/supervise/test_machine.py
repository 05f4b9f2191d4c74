"""What is said of a machine that runs out of memory or disk: once, and again after recovery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.supervise.machine import DISK_EVERY_S, MachineWatch, free_bytes
from engine.supervise.memory import Sample
from engine.supervise.settings import Settings
from tests.engine.supervise.kit import Lab, messages

LOW = Settings().disk_low_bytes
ENOUGH = Sample(1 << 30, 1, 0.0, 8 << 30, 16 << 30, 0)


def watched(free: list[int | None]) -> Iterator[list[str]]:
    """The texts said at each look, one a disk interval, while so much is free."""
    left = iter(free)
    watch = MachineWatch(Path(), Settings(), free=lambda _: next(left))
    for number in range(len(free)):
        yield [one.text for one in watch.look(ENOUGH, now=number * DISK_EVERY_S)]


def test_a_disk_nearly_full_is_said_once_until_it_recovered() -> None:
    free: list[int | None] = [9 * LOW, LOW - 1, LOW // 2, LOW + 1, LOW - 1, 2 * LOW, LOW - 1]
    said = [len(texts) for texts in watched(free)]
    assert said == [0, 1, 0, 0, 0, 0, 1]


def test_the_end_of_the_disk_is_said_once_more_as_an_error() -> None:
    free = [LOW - 1, LOW // 20, LOW // 30, LOW // 2, LOW // 20]
    left = iter(free)
    watch = MachineWatch(Path(), Settings(), free=lambda _: next(left))
    said = [watch.look(ENOUGH, now=n * DISK_EVERY_S) for n in range(len(free))]
    assert [[one.level for one in found] for found in said] == [["warning"], ["error"], [], [], []]
    assert "all but full: 100 MB are free" in said[1][0].text


def test_a_disk_that_fills_fast_says_for_how_long_it_lasts() -> None:
    *_, (text,) = watched([LOW + LOW // 4, LOW // 2])
    assert "1.0 GB are free, and at this speed for 1 min more" in text
    *_, (text,) = watched([LOW, LOW - 1])
    assert "GB are free. Checkpoints" in text, "what falls slowly has no end worth telling"


def test_a_file_system_that_does_not_tell_says_nothing(tmp_path: Path) -> None:
    assert list(watched([None, None])) == [[], []]
    assert free_bytes(tmp_path / "gone") is None
    assert (free_bytes(tmp_path) or 0) > 0


def test_the_disk_is_not_asked_at_each_look() -> None:
    asked: list[Path] = []

    def free(folder: Path) -> int:
        asked.append(folder)
        return 9 * LOW

    watch = MachineWatch(Path(), Settings(), free=free)
    for number in range(100):
        watch.look(ENOUGH, now=number * DISK_EVERY_S / 10)
    assert len(asked) == 10


def test_memory_pressure_is_said_again_after_it_was_over() -> None:
    watch = MachineWatch(Path(), Settings(memory_pressure_share=0.1), free=lambda _: None)

    def look(share: float) -> list[str]:
        sample = Sample(1 << 30, 1, 0.0, int(share * (16 << 30)), 16 << 30, 0)
        return [one.code for one in watch.look(sample, now=0.0)]

    assert [len(look(share)) for share in (0.5, 0.09, 0.05, 0.12, 0.09, 0.2, 0.09)] == [
        *(0, 1, 0, 0, 0, 0, 1)
    ]
    assert watch.look(Sample(1, 1, 0.0, None, None, None), now=0.0) == []


@pytest.mark.parametrize(("limit", "times"), [(10**18, 1), (0, 0)])
def test_a_run_on_a_full_disk_has_the_message_in_its_events(
    lab: Lab, limit: int, times: int
) -> None:
    (lab.path / "factory.toml").write_text(
        f"[supervisor]\nsample_s = 0.05\ndisk_low_bytes = {limit}\n"
    )
    run = lab.run(lab.stage("train", "time.sleep(0.4)"))
    lab.finish(run)
    assert len(messages(run, "disk-low")) == times
