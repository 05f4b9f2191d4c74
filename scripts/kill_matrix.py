"""kill -9 at random moments of whole runs: of supervisor, child and screen, alone and together.

    python scripts/kill_matrix.py --kills 200 --seed 8               # the demo, with few steps
    python scripts/kill_matrix.py --kills 200 --seed 8 --work quick  # children that count aloud

After each: every record parses; no event that was flushed is lost or doubled; status, list,
``watch`` and screen say what is so; the run goes on and ends evaluated with the scores of one that
was never broken. The seed fixes combinations, moments and the order of the signals; what the
machine was doing at that moment it cannot. Where one of the chosen does not live at that moment
(there is no child between two stages) it strikes as soon as all do; where that never comes (the run
has ended) the try does not count and another moment is drawn. Exits 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.killing.strike import COMBINATIONS, Blow, Lane
from scripts.killing.works import WORKS


def kill_matrix(
    kills: int,
    seed: int,
    work: str,
    lanes: int,
    home: Path,
    *,
    minutes: float = math.inf,
    say: bool = False,
) -> list[Blow]:
    """The blows that struck, ``kills`` of them or as many as begin within ``minutes``."""
    until = time.monotonic() + 60 * minutes
    blows: list[Blow] = []
    lock = threading.Lock()
    broke: list[BaseException] = []

    def go(number: int) -> None:
        try:
            lane = Lane(WORKS[work](home / f"lane-{number}"), f"{seed}:{number}")
            try:
                for index in range(number, kills, lanes):
                    while time.monotonic() < until:
                        blow = lane.strike(index, COMBINATIONS[index % len(COMBINATIONS)])
                        if blow.killed or blow.wrong:
                            with lock:
                                blows.append(blow)
                                if say:
                                    _say(blow, len(blows), kills)
                            break
            finally:
                lane.close()
        except BaseException as error:
            broke.append(error)
            raise

    threads = [threading.Thread(target=go, args=(number,)) for number in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broke:
        raise broke[0]
    return sorted(blows, key=lambda blow: blow.number)


def table(blows: list[Blow]) -> list[str]:
    """Counts by combination, as lines."""
    lines = [
        f"{'killed':28} {'kills':>5} {'by itself':>9} {'resumed':>8} {'new run':>8} {'wrong':>6}"
    ]
    for parts in COMBINATIONS:
        ours = [blow for blow in blows if blow.combination == parts]
        ways = Counter(blow.went_on for blow in ours)
        wrong = sum(bool(blow.wrong) for blow in ours)
        lines.append(
            f"{' + '.join(parts):28} {len(ours):5} {ways['by itself']:9} "
            f"{ways['in its folder']:8} {ways['in a new run']:8} {wrong:6}"
        )
    events, torn = sum(blow.events for blow in blows), sum(blow.torn for blow in blows)
    stages = Counter(blow.stage or "between stages" for blow in blows)
    lines.append(f"{events:,} events looked at, {torn} torn lines")
    lines.append("in " + ", ".join(f"{name} {count}" for name, count in stages.most_common()))
    return lines


def _say(blow: Blow, done: int, of: int) -> None:
    what = "; ".join(blow.wrong) or blow.went_on
    killed = " + ".join(blow.killed)
    print(f"{done:4}/{of} at {blow.at_s:5.2f} s {killed:28} {blow.stage:15} {what}", flush=True)


def main() -> int:
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--work", choices=sorted(WORKS), default="demo")
    parser.add_argument("--lanes", type=int, default=2, help="runs at the same time")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin none after this")
    parser.add_argument("--json", type=Path, help="write every blow to this file")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kill-matrix-") as home:
        blows = kill_matrix(
            options.kills,
            options.seed,
            options.work,
            options.lanes,
            Path(home),
            minutes=options.minutes,
            say=True,
        )
    print("\n".join(table(blows)))
    print(f"{len(blows)} kills of seed {options.seed} in {time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps([vars(blow) for blow in blows], indent=1) + "\n")
    return 1 if any(blow.wrong for blow in blows) else 0


if __name__ == "__main__":
    sys.exit(main())
