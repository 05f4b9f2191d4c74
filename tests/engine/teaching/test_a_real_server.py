"""A real ``mlx_lm.server`` as a teacher. Its tiny model babbles: whatever it is, it is said."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.models import describe
from engine.serving.managed import Wish, start
from engine.serving.store import find_servers
from engine.teaching.errors import TeachingError
from engine.teaching.ledger import calls_in, spent_in
from engine.teaching.rows import generate_rows
from engine.teaching.tasks import Brief
from engine.teaching.teacher import teacher_for
from engine.workspace import Workspace


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path / "workspace")
    workspace.runs_dir.mkdir(parents=True)
    yield workspace
    for one in find_servers(workspace)[0]:
        if one.alive and one.record.process:
            os.killpg(one.record.process.pid, signal.SIGKILL)


async def test_a_local_model_that_babbles(place: Workspace, made: Path) -> None:
    ledger = place.path / "teachers.jsonl"
    with start(place, Wish("base", describe(made / "tiny", "tiny"))) as server:
        table = f'[teachers.tiny]\nurl = "{server.record.url}"\nmax_tokens = 24\n'
        (place.path / "factory.toml").write_text(table)
        for name in ("serve:base", "tiny"):
            async with teacher_for(name, ledger, workspace=place) as teacher:
                with pytest.raises(TeachingError, match="nothing that can be used") as error:
                    await teacher.ask("alpha bravo", dict[str, int], max_tokens=16)
                assert error.value.code == "unusable"
                assert len(error.value.replies) == 3
                spent = teacher.budget.spent
            assert spent.calls == 3
            assert spent.tokens > 0 and spent.usd == 0
        async with teacher_for("tiny", ledger, workspace=place) as teacher:
            with pytest.raises(TeachingError, match="asked 3 times"):
                await generate_rows(teacher, Brief("alpha", "bravo"), 2)
    calls = list(calls_in(ledger))
    assert len(calls) == 9
    assert all(ended is not None and ended.error is None for _, ended in calls)
    # It counts its tokens itself, and they are taken from it.
    assert all(ended and ended.tokens_in and ended.tokens_out for _, ended in calls)
    assert all(ended and ended.finish_reason in ("stop", "length") for _, ended in calls)
    assert spent_in(ledger).calls == 9

    async with teacher_for(server.record.url, ledger) as teacher:
        teacher._calls._sleep = _at_once
        with pytest.raises(TeachingError, match="cannot be reached"):
            await teacher.ask("alpha", int)
    with pytest.raises(TeachingError, match="does not run"):
        async with teacher_for("serve:base", ledger, workspace=place):
            pass


async def _at_once(seconds: float) -> None:
    """A server that has ended does not come back: its waits are not waited for."""
