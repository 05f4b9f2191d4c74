"""A target's generator: a Python file that makes rows, loaded only in a stage's child."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.work.chats import BadRow, Row, chat_row, refuse
from engine.work.runtime import Refusal


class Generator:
    """A target's generator file. What its functions return is checked before it is used."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self._module = module
        self.name = name

    def has(self, function: str) -> bool:
        return callable(getattr(self._module, function, None))

    def call(self, function: str, *arguments: Any, **options: Any) -> list[Row]:
        """The chat rows that a function returns.

        Refusal when it is not there, when it fails, and when it returns anything else.
        """
        if not self.has(function):
            raise Refusal(f"The generator {self.name} has no function {function}; write one.")
        try:
            raw = list(getattr(self._module, function)(*arguments, **options))
        except Exception as error:
            raise Refusal(f"{self.name}: {function} failed: {_where(error, self.name)}") from error
        rows: list[Row] = []
        problems: list[str] = []
        for number, item in enumerate(raw):
            try:
                rows.append(chat_row(item))
            except BadRow as error:
                problems.append(f"{self.name}: row {number} of {function} {error}")
        refuse(problems, f"Correct {function}.")
        return rows


def load_generator(path: Path) -> Generator:
    """Run a generator file as a module of its own; Refusal says in a sentence what it did."""
    if not path.is_file():
        raise Refusal(f"The generator {path.name} is not in the target ({path.parent.name}).")
    spec = importlib.util.spec_from_file_location("factory_target_generator", path)
    if spec is None or spec.loader is None:
        raise Refusal(f"The generator {path.name} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Refusal(f"{path.name} cannot be loaded: {_where(error, path.name)}") from error
    finally:
        sys.dont_write_bytecode = before
    return Generator(module, path.name)


def _where(error: BaseException, name: str) -> str:
    """What went wrong, and on which line of the generator."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).name == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    place = f", line {line}" if line else ""
    return f"{type(error).__name__}{place}: {error}."
