from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.teaching.budget import Budget
from engine.teaching.teacher import Teacher, teacher_for
from engine.workspace import Workspace
from tests.engine.serving.conftest import made  # noqa: F401 - a fixture
from tests.engine.teaching.double import KEY, Double, Step

APIS = ("anthropic", "openai")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks a real teacher, whatever keys the machine has."""
    for name in ("ANTHROPIC", "OPENAI"):
        for end in ("API_KEY", "BASE_URL", "AUTH_TOKEN"):
            monkeypatch.delenv(f"{name}_{end}", raising=False)


@pytest.fixture
def double() -> Iterator[Callable[..., Double]]:
    """Makes doubles, which end with the test."""
    doubles: list[Double] = []

    def make(*script: Step, key: str | None = KEY) -> Double:
        doubles.append(Double(script, key))
        return doubles[-1]

    yield make
    for one in doubles:
        one.close()


@pytest.fixture
def asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., contextlib.AbstractAsyncContextManager[Teacher]]:
    """A teacher that is a double, by a table of factory.toml; waits are noted, not waited for."""

    @contextlib.asynccontextmanager
    async def make(
        double: Double,
        api: str = "anthropic",
        budget: Budget | None = None,
        waits: list[float] | None = None,
        **table: Any,
    ) -> AsyncIterator[Teacher]:
        monkeypatch.setenv("A_TEACHERS_KEY", KEY)
        url = double.root if api == "anthropic" else f"{double.root}/v1"
        values = {"api": api, "url": url, "model": "tiny", "key": "A_TEACHERS_KEY", **table}
        lines = [f"{name} = {_toml(value)}" for name, value in values.items()]
        (tmp_path / "factory.toml").write_text("[teachers.double]\n" + "\n".join(lines))
        workspace = Workspace(tmp_path)
        ledger = tmp_path / "teachers.jsonl"
        async with teacher_for("double", ledger, workspace=workspace, budget=budget) as teacher:

            async def sleep(seconds: float) -> None:
                if waits is not None:
                    waits.append(seconds)

            teacher._calls._sleep = sleep
            yield teacher

    return make


def _toml(value: Any) -> str:
    return repr(value) if isinstance(value, int | float) else f'"{value}"'
