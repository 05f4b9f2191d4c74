"""Endpoints that a workspace knows by name: ``[endpoints.NAME]`` in its ``factory.toml``.

[endpoints.teacher]
url = "https://api.example.com/v1"
model = "some-model"
key_variable = "EXAMPLE_API_KEY"    # the variable's name; the key is in no file
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from engine.plain_file import read_plain
from engine.serving.endpoint import DEFAULT_MODEL, Endpoint, EndpointError, address_of

MAX_BYTES = 1 << 20
_KNOWN = {"url", "model", "key_variable"}


def read_endpoints(workspace: Path) -> tuple[list[Endpoint], list[str]]:
    """The endpoints in the order of the file, and a sentence for each that cannot be used."""
    try:
        text = read_plain(workspace / "factory.toml", MAX_BYTES).decode("utf-8")
        table = tomllib.loads(text).get("endpoints", {})
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [f"factory.toml cannot be read: {error.strerror}."]
    except (ValueError, RecursionError) as error:
        return [], [f"factory.toml cannot be read: {error}."]
    if not isinstance(table, dict):
        return [], ["factory.toml: [endpoints.NAME] is a table for each endpoint."]
    found, problems = [], []
    for name, values in table.items():
        try:
            found.append(_endpoint(name, values))
        except (ValueError, EndpointError) as error:
            problems.append(f"factory.toml: endpoints.{name}: {error}")
    return found, problems


def _endpoint(name: str, values: Any) -> Endpoint:
    if not isinstance(values, dict) or "url" not in values:
        raise ValueError('is a table with at least url = "https://…/v1".')
    if unknown := sorted(set(values) - _KNOWN):
        raise ValueError(f"knows no “{unknown[0]}”; it has {', '.join(sorted(_KNOWN))}.")
    if wrong := next((key for key in values if not isinstance(values[key], str)), None):
        raise ValueError(f"{wrong} is a text, in quotation marks.")
    endpoint = Endpoint(
        values["url"], values.get("model", DEFAULT_MODEL), values.get("key_variable"), name
    )
    address_of(endpoint)
    return endpoint
