"""Hostile input for every reader: the short form of ``scripts/fuzz_readers.py``, and every input
that broke one once. The same inputs each time; other ones: ``python scripts/fuzz_readers.py``."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from scripts.fuzz_readers import KEPT, inputs, kept
from scripts.fuzzing.bounds import attempt
from scripts.fuzzing.readers import FuzzedReader, readers

READERS = {one.name: one for one in readers()}
INPUTS = 60
SLOW = {
    "run-folder": 25,
    "training-rows": 15,
    "constants": 40,
    "forge": 40,
    "artifact": 40,
    "diff": 40,
}
"""Fewer of those that read a whole folder, parse YAML in Python, or ask git."""

PURE = [READERS[name] for name in ("reply", "journal", "output", "results", "override", "suite")]


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_hostile_input_is_a_finding_or_a_clean_error(reader: FuzzedReader, tmp_path: Path) -> None:
    for number, data in enumerate(
        itertools.islice(inputs(reader, 1), SLOW.get(reader.name, INPUTS))
    ):
        if (wrong := attempt(reader, data, tmp_path, seconds=20.0)) is not None:
            pytest.fail(f"input {number} of seed 1: {wrong.kind} at {wrong.place}\n{wrong.trace}")


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_what_broke_it_once_does_not_again(reader: FuzzedReader, tmp_path: Path) -> None:
    for path in kept(reader):
        wrong = attempt(reader, path.read_bytes(), tmp_path, seconds=20.0)
        assert wrong is None, f"{path.name}: {wrong.kind} at {wrong.place}\n{wrong.trace}"


def test_every_kept_input_belongs_to_a_reader() -> None:
    assert {one.name for one in KEPT.iterdir()} <= READERS.keys()


_LEAVES = some.none() | some.booleans() | some.integers() | some.floats() | some.text()
_TREES = some.recursive(
    _LEAVES, lambda one: some.lists(one) | some.dictionaries(some.text(), one), max_leaves=12
)
_BYTES = (
    some.binary()
    | some.text(some.characters(codec=None)).map(lambda one: one.encode("utf-8", "surrogatepass"))
    | _TREES.map(lambda one: json.dumps(one).encode())
)


@pytest.mark.parametrize("reader", PURE, ids=lambda one: one.name)
def test_what_hypothesis_draws_is_read(reader: FuzzedReader, tmp_path: Path) -> None:
    @settings(max_examples=25, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(_BYTES)
    def read(data: bytes) -> None:
        wrong = attempt(reader, data, tmp_path, seconds=20.0)
        assert wrong is None, f"{wrong.kind} at {wrong.place}\n{wrong.trace}"

    read()


def test_a_reader_that_breaks_waits_or_grows_would_be_seen(tmp_path: Path) -> None:
    def breaks(data: bytes, home: Path) -> None:
        raise KeyError(data)

    def waits(data: bytes, home: Path) -> None:
        while True:
            sys.getsizeof(data)

    def promises(data: bytes, home: Path) -> None:
        raise OSError("It is not there.")

    def says_nothing(data: bytes, home: Path) -> None:
        raise OSError

    def made(read: object) -> FuzzedReader:
        assert callable(read)
        return FuzzedReader("made", "text", read, list, (OSError,))

    wrong = [attempt(made(one), b"x", tmp_path, 0.05) for one in (breaks, waits, says_nothing)]
    assert [one and one.kind for one in wrong] == ["KeyError", "slow", "silent"]
    assert attempt(made(promises), b"x", tmp_path) is None
