"""Sends what was packed to a hub repository, in one commit."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from engine.project.packing import PushError, Shipment
from engine.target import Target
from engine.teaching.keys import environment

T = TypeVar("T")

TOKEN = "HF_TOKEN"

ANSWER_S = 60.0
"""How long the hub may take to answer the first question; an upload takes as long as it takes."""


def token_of(target: Target, base: Mapping[str, str] | None = None) -> str:
    """The hub's token: from the environment or the target's ``.env``. PushError where it is not."""
    token = environment(target.path, base).get(TOKEN, "").strip()
    if not token:
        raise PushError(
            f"{TOKEN} is not set: nothing can be sent without a token that may write. Set it where "
            f"you start this (export {TOKEN}=…), or put it into the target's .env."
        )
    return token


def send(
    shipment: Shipment,
    token: str,
    message: str,
    *,
    answer_s: float = ANSWER_S,
    heard: Callable[[str], None] = lambda sentence: None,
) -> str:
    """Make the repository where it is not there and send everything in one commit; its address.

    PushError says what the hub answered, without the token.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise PushError("HF_HUB_OFFLINE is set, so nothing is sent.")
    from huggingface_hub import CommitOperationAdd, HfApi

    # Named here: the library reads the variable once, when it is first imported.
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token)

    def made() -> Any:
        return api.create_repo(shipment.repo, private=shipment.private, exist_ok=True)

    _hub(shipment.repo, token, lambda: _within(answer_s, made))
    heard(f"{shipment.repo} is there; {len(shipment.files)} files are on their way.")
    operations = [
        CommitOperationAdd(
            one.name, one.content if isinstance(one.content, bytes) else str(one.content)
        )
        for one in shipment.files
    ]
    done = _hub(
        shipment.repo,
        token,
        lambda: api.create_commit(shipment.repo, operations, commit_message=message),
    )
    return str(getattr(done, "commit_url", f"{api.endpoint}/{shipment.repo}"))


def _hub(repo: str, token: str, work: Callable[[], T]) -> T:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - the client's transport raises a family of its own
        raise PushError(f"{repo} cannot be written: {_why(error, token)}") from None


def _why(error: Exception, token: str) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, TimeoutError):
        return f"{error}"
    if status in (401, 403):
        return f"the hub says {status}. The token in {TOKEN} has to be one that may write there."
    if status is not None:
        said = (str(error).strip().splitlines() or [""])[0].replace(token, "…")[:200]
        return f"the hub says {status}: {said}"
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    return f"{endpoint} cannot be reached ({type(error).__name__}). Look at the connection."


def _within(seconds: float, work: Callable[[], T]) -> T:
    """What ``work`` gives; TimeoutError where it takes longer: it is left to itself then."""
    box: list[T] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            box.append(work())
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not box:
        raise TimeoutError(f"the hub did not answer within {seconds:g} s.")
    return box[0]
