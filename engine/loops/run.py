"""The program of a loop: ``python -m engine.loops.run LOOP_DIR``.

A process of its own in a session of its own, as a supervisor is for a run. It alone writes the
loop's records while it lives; SIGTERM and SIGINT cancel, SIGHUP is for terminals and is ignored.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from engine.folder import FolderError
from engine.loops.folder import LoopFolder
from engine.loops.runner import REFUSED, Kind, LoopFailed, Runner
from engine.private import keep_private
from engine.records.loop import LoopKind
from engine.supervise import ready


def kind_of(runner: Runner) -> Kind:
    """The kind of the loop, imported when it is needed."""
    if runner.loop.kind is LoopKind.FLYWHEEL:
        from engine.loops.flywheel.flywheel import Flywheel

        return Flywheel(runner)
    if runner.loop.kind is LoopKind.RESEARCH:
        from engine.loops.research.research import Research

        return Research(runner)
    raise LoopFailed(f"There are no loops of the kind {runner.loop.kind} here.")


def main(arguments: list[str] | None = None) -> int:
    """Run the loop whose folder is named."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("Give one loop folder: python -m engine.loops.run LOOP_DIR", file=sys.stderr)
        return REFUSED
    try:
        runner = Runner(LoopFolder(Path(arguments[0]).resolve()))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, runner.ask_to_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return runner.run(kind_of)
    except (FolderError, OSError) as error:
        ready.tell(os.environ, str(error))
        print(error, file=sys.stderr)
        return REFUSED


if __name__ == "__main__":
    keep_private()
    sys.exit(main())
