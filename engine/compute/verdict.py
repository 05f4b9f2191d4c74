"""How a group ended, from what its ranks said: as its first rank, or broken by one. Pure."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from engine.compute.hosts import Host
from engine.compute.rank_lines import Begun, Ended, Gone, LogLine

TAIL_LINES = 5
_TAIL_CHARS = 400
_STOPPED = 4
_SAID_WHY = (0, 3, _STOPPED, 5)
"""Exit codes of a worker that said itself why it ends, see docs/architecture.md."""

LOST_PEER = "connection to a peer was lost"
"""What MLX, or ``engine.work.group``, says in a rank that waits for one that is gone."""


class RankLog:
    """Collects what ranks and launcher say, in the order in which it comes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.ends: dict[int, Ended] = {}
        self.gone: dict[int, Gone] = {}
        self.begun: dict[int, Begun] = {}
        self.launcher_signal: int | None = None
        """The signal that ended the launcher; None where it ended by itself."""
        self.lost_a_peer: set[int] = set()
        """Ranks that ended since another one was gone. Noted apart from their last lines: what the
        launcher prints comes behind it, in the first rank's name."""
        self._tails: dict[int, deque[str]] = {}

    def say(self, line: LogLine) -> None:
        if LOST_PEER in line.text:
            self.lost_a_peer.add(line.rank)
        self._tails.setdefault(line.rank, deque(maxlen=TAIL_LINES)).append(line.text)

    def note(self, what: Begun | Ended | Gone) -> None:
        if isinstance(what, Begun):
            self.begun[what.rank] = what
        elif isinstance(what, Ended):
            self.ends.setdefault(what.rank, what)
        else:
            self.gone.setdefault(what.rank, what)

    @property
    def one_ended(self) -> bool:
        return bool(self.ends or self.gone)

    @property
    def over(self) -> bool:
        """Whether what is left should end at once: the first rank has, or another one ended badly.
        Ranks that did their work leave while the first one still saves it."""
        badly = (one.stopped or one.exit_code not in (0, _STOPPED) for one in self.ends.values())
        return 0 in self.ends or bool(self.gone) or any(badly)

    @property
    def all_well(self) -> bool:
        """Whether every rank has ended with its work done."""
        return len(self.ends) == self.size and all(one.exit_code == 0 for one in self.ends.values())

    def tail(self, rank: int) -> str:
        """The last lines that a rank printed, in one."""
        lines = [line.strip() for line in self._tails.get(rank, ()) if line.strip()]
        return " / ".join(lines)[-_TAIL_CHARS:]


@dataclass(frozen=True)
class Verdict:
    """``code`` is how the first rank ended; ``broken`` says which rank broke the group, if one
    did, in whole sentences."""

    code: int
    broken: str | None = None


def judge(hosts: Sequence[Host], log: RankLog) -> Verdict:
    """How the group ended. Where the first rank says how, that is it: all the work is saved there,
    and how the others left is in their record. One that saved and stopped since the launcher told
    it to was not asked by anybody: another rank is why."""
    first = log.ends.get(0)
    asked = first is not None and not (first.stopped and first.exit_code == _STOPPED)
    if first is not None and asked and first.exit_code in _SAID_WHY:
        return Verdict(first.exit_code)
    culprit = _culprit(log)
    return Verdict(1, _never_ran(log) if culprit is None else _sentence(hosts, log, culprit))


def _culprit(log: RankLog) -> int | None:
    """The rank whose end broke the group; None where nothing is known of any.

    One that a signal ended which we did not send comes before one that failed by itself, that
    before one that fell silent, and that before those that lost a peer: they end at nearly the
    same time.
    """
    for rank, end in log.ends.items():
        if end.signal is not None and not end.stopped:
            return rank
    # A rank whose end nobody told: its parent, or the way to it, was ended.
    for rank, gone in log.gone.items():
        if rank not in log.ends and gone.code is not None:
            return rank
    failed = [rank for rank, end in log.ends.items() if not end.stopped]
    by_itself = [rank for rank in failed if rank not in log.lost_a_peer]
    # One that began and was not heard of since is the peer that the others lost.
    unheard = [rank for rank in log.begun if rank not in log.ends]
    return min(by_itself or unheard or failed, default=None)


def _sentence(hosts: Sequence[Host], log: RankLog, rank: int) -> str:
    host = "this machine" if hosts[rank].here else f"host {hosts[rank].ssh}"
    end, gone = log.ends.get(rank), log.gone.get(rank)
    number = end.signal if end else None
    code = end.exit_code if end else gone.code if gone else None
    lost = end is None and not hosts[rank].here
    if end is None and not lost and code is not None and code < 0:
        number, code = -code, None
    if number is not None:
        how = f"was ended by signal {number} ({_name(number)})"
    elif lost:
        how = "cannot be heard any more: the connection by ssh ended"
    elif code is not None:
        how = f"ended with exit code {code}"
    else:
        how = "ended, and nobody could tell how"
    text = f"Rank {rank} ({host}) {how}, and the group was stopped."
    if end is not None and end.error:
        text += f" It said: {end.error}"
    elif tail := log.tail(rank):
        text += f" Its last lines: {tail}"
    return f"{text} {_what_to_do(number, rank, host)}"


def _what_to_do(number: int | None, rank: int, host: str) -> str:
    log = f"train-rank-{rank}.log" if rank else "train.log"
    if number == signal.SIGKILL:
        return (
            f"Where nobody sent it, memory ran out on {host}: close what else runs there, or take "
            f"a smaller batch. {log} is its whole log. Resume goes on from the last checkpoint."
        )
    return (
        f"{log} is its whole log. Check the hosts (factory-tui doctor --hosts), then resume: it "
        "goes on from the last checkpoint."
    )


def _never_ran(log: RankLog) -> str:
    if (number := log.launcher_signal) is not None:
        return (
            f"mlx.launch was ended by signal {number} ({_name(number)}) and the ranks with it. The "
            "first one saves when it sees that; resume goes on from there."
        )
    if not log.one_ended and not log.begun:
        return (
            "mlx.launch ended and had started no rank: train.log has what it said. Check the hosts "
            "(factory-tui doctor --hosts)."
        )
    return (
        "The group ended and its first rank did not say how: train.log and the train-rank logs "
        "have what was printed. Resume goes on from the last checkpoint."
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
