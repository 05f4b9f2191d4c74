"""``mlx_lm.server`` as a child of ours: a fast BLAS before MLX, and an end with its owner.

``python -m engine.work.serve [--owned] ARGUMENTS…`` hands ARGUMENTS to mlx-lm's own server. With
``--owned`` stdin is a pipe whose other end the owner holds open for as long as it lives: when that
closes, however the owner died, the server ends too. The owner may change its mind: after KEEP the
server outlives it, after END it does not. It speaks to nobody but through HTTP and its log.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NoReturn

GRACE_S = 5.0
"""How long the server may take to end after its owner did, before it is ended."""

_OURS = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
_OUR_PAGE = re.compile(rf"https?://{_OURS.pattern}")

KEEP, END = b"k", b"e"
"""What an owner writes: stay when I have ended, or end with me (as without a word)."""


def _end_with_owner(end: threading.Event) -> None:
    """Waits for the end of stdin, then ends the server as SIGINT would; by force after GRACE_S.

    Where KEEP was the owner's last word, the server stays.
    """
    said = END
    try:
        while data := os.read(0, 4096):
            said = data[-1:]
    except OSError:
        pass  # a stdin that cannot be read has no owner either
    if said == KEEP:
        return
    print("The owner of this server has ended, and so does the server.", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGINT)
    end.wait(GRACE_S)
    os._exit(4)


def answer_to_this_machine_alone(handler: type[BaseHTTPRequestHandler]) -> None:
    """Have a server's handler refuse what pages of others send: a page in a browser can have its
    own name lead here, and then asks for that name, or it asks for ours, and then the browser says
    whose page it is. It could not read the answer, and could have other models loaded."""
    parse = handler.parse_request

    def parse_request(self: BaseHTTPRequestHandler) -> bool:
        if not parse(self):
            return False
        name = self.headers.get("Host", "").lower()
        page = self.headers.get("Origin")  # programs send none
        if not _OURS.fullmatch(name) or (page and not _OUR_PAGE.fullmatch(page.lower())):
            self.send_error(403, "This server answers to 127.0.0.1 alone")
            return False
        return True

    handler.parse_request = parse_request  # type: ignore[method-assign]


def _terminate(number: int, frame: object) -> NoReturn:
    """SIGTERM ends at once: a generation that hangs in native code does not wait for a thread."""
    os._exit(128 + number)


def main() -> None:
    """Run the server until SIGINT, SIGTERM or the end of its owner."""
    arguments = sys.argv[1:]
    # A shell's background jobs ignore SIGINT, and so would we.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminate)
    ended = threading.Event()
    if "--owned" in arguments:
        arguments.remove("--owned")
        threading.Thread(target=_end_with_owner, args=(ended,), daemon=True).start()

    from engine.work import blas
    from engine.work.own_code import refuse_own_code
    from engine.work.runtime import Refusal

    model = dict(itertools.pairwise(arguments)).get("--model", "")
    try:
        refuse_own_code(Path(model), model)
    except Refusal as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(2)
    print(blas.prepare()["text"], file=sys.stderr, flush=True)
    import mlx_lm.server

    answer_to_this_machine_alone(mlx_lm.server.APIHandler)
    sys.argv = ["mlx_lm.server", *arguments]
    code = 0
    try:
        mlx_lm.server.main()
    except KeyboardInterrupt:
        pass
    except SystemExit as error:  # its options were wrong, and it has said so
        code = error.code if isinstance(error.code, int) else 2
    except BaseException:  # noqa: BLE001 - the outermost frame: what it is goes into the log
        traceback.print_exc()
        code = 1
    ended.set()
    sys.stderr.flush()
    sys.stdout.flush()
    # mlx-lm's generation thread would hold an interpreter that ends in the ordinary way: for as
    # long as it computes, and for ever where the port was taken after it had begun.
    os._exit(code)


if __name__ == "__main__":
    main()
