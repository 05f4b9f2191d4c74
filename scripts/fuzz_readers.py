"""Gives every reader of the program hostile input, and says what broke.

    python scripts/fuzz_readers.py                              # 1,000 inputs a reader
    python scripts/fuzz_readers.py --reader forge --inputs 50000 --seed 7
    python scripts/fuzz_readers.py --minutes 30                 # shared out among the readers
    python scripts/fuzz_readers.py --engine atheris --reader artifact --minutes 5

An input ends in findings or in an error that the reader promises, within 5 s of the processor and
256 MB. What does not is made smaller and kept below ``tests/data/fuzz/``, where
``tests/test_fuzz.py`` finds it again. Input number N of a seed is always the same. ``atheris``
(pip install atheris==3.0.0; Linux, Python 3.11) lets the coverage choose; ``hypothesis`` draws
JSON, text and bytes from nothing.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import itertools
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.fuzzing.bounds import MEMORY, SECONDS, Wrong, attempt, smaller
from scripts.fuzzing.mutations import mutated
from scripts.fuzzing.readers import FuzzedReader, readers
from scripts.fuzzing.seeds import DATA, ROOT

KEPT = DATA / "fuzz"
LARGEST_KEPT = 64 * 1024
"""Bytes; what cannot be made smaller than this is told and not kept."""

HANG_S = 120.0
"""A reader that waits for so long without working ends the whole run, with a traceback."""


def inputs(reader: FuzzedReader, seed: int) -> Iterator[bytes]:
    """Inputs for a reader without an end: its seeds as they are, then mutated ones."""
    seeds = reader.seeds()
    yield from seeds
    for number in itertools.count():
        rng = random.Random(f"{seed}:{reader.name}:{number}")
        yield mutated(rng.choice(seeds), reader.form, seeds, rng)


def kept(reader: FuzzedReader) -> list[Path]:
    """The inputs that broke it once."""
    return sorted((KEPT / reader.name).glob("*.bin"))


def fuzz(
    reader: FuzzedReader, given: Iterable[bytes], until: float, home: Path
) -> tuple[int, dict[tuple[str, str], tuple[Wrong, bytes]], float]:
    """(inputs, what was found by its kind and place with an input each, the slowest in seconds)."""
    count, slowest = 0, 0.0
    found: dict[tuple[str, str], tuple[Wrong, bytes]] = {}
    for data in given:
        if time.monotonic() > until:
            break
        count += 1
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        started = time.process_time()
        wrong = attempt(reader, data, home)
        slowest = max(slowest, time.process_time() - started)
        faulthandler.cancel_dump_traceback_later()
        if wrong is not None and wrong.same not in found:
            found[wrong.same] = wrong, data
    return count, found, slowest


def keep(reader: FuzzedReader, data: bytes) -> Path | None:
    """Write an input where the tests find it."""
    if len(data) > LARGEST_KEPT:
        return None
    path = KEPT / reader.name / f"{hashlib.sha256(data).hexdigest()[:12]}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def from_nothing(
    reader: FuzzedReader, count: int, until: float, home: Path
) -> tuple[int, list[bytes]]:
    """Inputs that hypothesis draws; (how many, those that broke)."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as some

    leaves = some.none() | some.booleans() | some.integers() | some.floats() | some.text()
    trees = some.recursive(
        leaves, lambda one: some.lists(one) | some.dictionaries(some.text(), one), max_leaves=20
    )
    import json

    written = trees.map(lambda one: json.dumps(one).encode())
    texts = some.text().map(lambda one: one.encode("utf-8", "surrogatepass"))
    tried, broke = 0, []

    @settings(max_examples=count, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(some.binary() | texts | written)
    def run(data: bytes) -> None:
        nonlocal tried
        if time.monotonic() < until:
            tried += 1
            if attempt(reader, data, home) is not None:
                broke.append(data)

    run()
    return tried, broke


def guided(name: str, arguments: list[str]) -> None:
    """Have atheris choose the inputs. Never returns: libFuzzer ends the process."""
    import atheris

    home = Path(tempfile.mkdtemp(prefix="fuzz-"))
    corpus = home / "corpus"
    corpus.mkdir()
    (home / "work").mkdir()
    # What is imported in here is watched, so each seed is read once: readers import late.
    with atheris.instrument_imports(include=["engine", "tui", "ruamel"]):
        reader = next(one for one in readers() if one.name == name)
        for number, data in enumerate(reader.seeds()):
            (corpus / f"seed-{number}").write_bytes(data[:4096])
            attempt(reader, data, home / "work")

    def one(data: bytes) -> None:
        wrong = attempt(reader, data, home / "work", seconds=30.0)
        if wrong is not None:
            keep(reader, smaller(reader, data, wrong, home / "work"))
            raise AssertionError(f"{reader.name}: {wrong.kind} at {wrong.place}: {wrong.text}")

    # An instrumented process grows by what it has covered: libFuzzer's own bound watches memory.
    options = ["-max_len=4096", "-rss_limit_mb=2048", "-timeout=60", f"-artifact_prefix={home}/"]
    atheris.Setup(["fuzz", *options, *arguments, str(corpus)], one)
    atheris.Fuzz()


def main() -> int:
    if sys.argv[1:2] == ["--guided"]:
        guided(sys.argv[2], sys.argv[3:])
    known = readers()
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--reader", action="append", choices=[one.name for one in known])
    parser.add_argument("--inputs", type=int, default=None, help="a reader (1000)")
    parser.add_argument("--minutes", type=float, default=None, help="together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--engine", choices=("mutations", "hypothesis", "atheris"), default="mutations"
    )
    chosen = parser.parse_args()
    table = [one for one in known if not chosen.reader or one.name in chosen.reader]
    count = chosen.inputs or (10**9 if chosen.minutes else 1000)
    share = chosen.minutes * 60 / len(table) if chosen.minutes else 10**9
    if chosen.engine == "atheris":
        return _each_guided([one for one in table if one.guided], count, share, chosen.seed)
    # A reader that asks for all the memory there is must not take the machine with it.
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, resource.getrlimit(resource.RLIMIT_AS)[1]))
    print(f"seed {chosen.seed}, at most {SECONDS:g} s and {MEMORY >> 20} MB an input\n")
    print(f"{'reader':<15} {'inputs':>9} {'in':>7} {'slowest':>8}  found")
    total = broken = 0
    for reader in table:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
            home, started = Path(place), time.monotonic()
            until = started + share
            if chosen.engine == "hypothesis":
                drawn, broke = from_nothing(reader, count, until, home)
                _, found, slowest = fuzz(reader, broke, until + 600, home)
            else:
                given = itertools.islice(inputs(reader, chosen.seed), count)
                drawn, found, slowest = fuzz(reader, given, until, home)
            took = time.monotonic() - started
            total, broken = total + drawn, broken + len(found)
            print(
                f"{reader.name:<15} {drawn:>9,} {took:>5.0f} s {slowest:>6.2f} s  {len(found)}",
                flush=True,
            )
            for wrong, data in found.values():
                data = smaller(reader, data, wrong, home)
                path = keep(reader, data)
                where = path.relative_to(ROOT) if path else f"{len(data):,} bytes, not kept"
                print(f"    {wrong.kind} at {wrong.place}: {wrong.text}\n      {where}", flush=True)
    print(f"\n{total:,} inputs, {broken} kinds of findings")
    return 1 if broken else 0


def _each_guided(table: list[FuzzedReader], count: int, share: float, seed: int) -> int:
    """A process for each reader: libFuzzer ends the one that it runs in."""
    failed = 0
    for reader in table:
        bounds = [f"-runs={min(count, 2**31 - 1)}", f"-max_total_time={int(min(share, 10**7))}"]
        command = [sys.executable, __file__, "--guided", reader.name, *bounds, f"-seed={seed}"]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        lines = [one.strip() for one in done.stdout.splitlines()]
        words = ("DONE", "Done ", "AssertionError:", "ERROR: libFuzzer")
        said = [one[:120] for one in lines if any(word in one for word in words)]
        failed += bool(done.returncode)
        print(f"{reader.name:<15} {' | '.join(said)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
