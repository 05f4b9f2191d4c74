"""``factory.toml`` of a workspace: one table of it, checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Table = TypeVar("Table", bound=BaseModel)


class SettingsError(Exception):
    """``factory.toml`` cannot be used; the text says where and why."""


def load_table(workspace: Path, name: str, kind: type[Table]) -> Table:
    """The table ``[name]``, the defaults where it says nothing; SettingsError if it is wrong."""
    try:
        found = tomllib.loads((workspace / "factory.toml").read_text("utf-8"))
        return kind.model_validate(found.get(name, {}))
    except FileNotFoundError:
        return kind()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([name, *(str(part) for part in first["loc"])])
        said = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"factory.toml: {where}: {said}.") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"factory.toml cannot be read: {error}.") from error
    except RecursionError as error:
        raise SettingsError("factory.toml cannot be read: it is nested too deeply.") from error
