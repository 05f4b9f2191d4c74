"""How long it takes to compare training rows with gold: exact, normalised, inside and near.

python benchmarks/leakage.py [TRAINING [GOLD]]   default 100000 and 1000

Two kinds of text: prose (random words from a vocabulary of 5,000, 8 to 40 in a row) and a template
(a few phrases with a few fillers, much alike: the hard case). One gold row in a hundred is planted
among the training rows with a word changed; how many of those are found is printed too.
"""

from __future__ import annotations

import random
import sys
import time

from engine.judge.leaks import Prompt, find_leaks

CHANGED = 100


def words(rng: random.Random, count: int) -> list[str]:
    """Made-up words of 3 to 9 letters."""
    letters = "eeeeaaaiiooutttnnssrrhlldcmpfgbwyvk"
    return ["".join(rng.choices(letters, k=rng.randint(3, 9))) for _ in range(count)]


def prose(rng: random.Random, vocabulary: list[str]) -> str:
    """A row of 8 to 40 words, the first ones of the vocabulary most often."""
    top = len(vocabulary)
    return " ".join(vocabulary[int(top * rng.random() ** 2)] for _ in range(rng.randint(8, 40)))


def templated(rng: random.Random, vocabulary: list[str]) -> str:
    """A row as a data generator makes it: phrases in a fixed order, three fillers, one number."""
    opening = rng.choice(("please ", "could you ", "now ", "", "right away ", "i want you to "))
    verb = rng.choice(("move", "turn", "bring", "send", "keep", "take"))
    thing, place, manner = (rng.choice(vocabulary[:300]) for _ in range(3))
    return (
        f"{opening}{verb} the {thing} to the {place} in a {manner} way "
        f"and wait for {rng.randint(1, 60)} seconds there"
    )


def run(kind: str, training: int, gold: int) -> None:
    """One line of figures."""
    rng = random.Random(1)
    vocabulary = words(rng, 5_000)
    make = prose if kind == "prose" else templated
    held = [make(rng, vocabulary) for _ in range(gold)]
    rows = [make(rng, vocabulary) for _ in range(training)]
    planted = range(0, gold, CHANGED)
    for place in planted:
        changed = held[place].split()
        changed[0] = "kindly"
        rows[rng.randrange(training)] = " ".join(changed)
    left = [Prompt("gold.jsonl", line, text) for line, text in enumerate(held, start=1)]
    right = (Prompt("train.jsonl", line, text) for line, text in enumerate(rows, start=1))
    start, busy = time.perf_counter(), time.process_time()
    report = find_leaks(left, right)
    took, busy = time.perf_counter() - start, time.process_time() - busy
    found = {leak.gold.line - 1 for leak in report.leaks}
    characters = sum(map(len, rows)) / training
    print(
        f"{kind:9} {training:,} x {gold:,} rows of {characters:.0f} characters: "
        f"{took:.1f} s ({busy:.1f} s CPU), "
        f"planted found {len(found & set(planted))} of {len(planted)}, leaks {len(found)}"
    )


if __name__ == "__main__":
    counts = [int(one) for one in sys.argv[1:]] + [100_000, 1_000][len(sys.argv) - 1 :]
    run("prose", *counts)
    run("template", *counts)
