"""The name of a teacher → who that is.

- ``claude-sonnet-4-6``, or ``anthropic:MODEL``: Anthropic, with ``ANTHROPIC_API_KEY``;
- ``openai:MODEL``: OpenAI, with ``OPENAI_API_KEY``;
- ``MODEL@URL``, ``openai:MODEL@URL`` or a bare ``http://…``: any endpoint that speaks as OpenAI's
  does, without a key (a bare address means the one model that is loaded there);
- ``local``, ``ollama:MODEL``, ``lmstudio:MODEL``: such a server where it listens by itself;
- ``serve:NAME``: one that ``factory-tui serve`` started here;
- the name of a table ``[teachers.NAME]`` in the workspace's ``factory.toml``, with ``model``,
  ``url``, ``api`` (``openai`` or ``anthropic``), ``key`` (the name of an environment variable),
  ``input_usd`` and ``output_usd`` (for a million tokens), ``max_tokens``, ``temperature``,
  ``concurrency``, ``timeout_s``.

A name in ``forge.yaml`` may come from elsewhere, so an address in it never gets a key: a key goes
to the company it belongs to, or to an address that ``factory.toml`` names beside it.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.plain_file import read_plain
from engine.serving.endpoint import (
    DEFAULT_MODEL,
    Endpoint,
    EndpointError,
    address_of,
    is_loopback,
)
from engine.serving.store import ServeError, find_server
from engine.teaching.errors import TeachingError
from engine.workspace import Workspace

Api = Literal["anthropic", "openai"]

ANTHROPIC_URL = "https://api.anthropic.com"
OPENAI_URL = "https://api.openai.com/v1"
KEYS: dict[Api, str] = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
SERVERS = {
    "local": "http://127.0.0.1:8080/v1",
    "ollama": "http://127.0.0.1:11434/v1",
    "lmstudio": "http://127.0.0.1:1234/v1",
}
"""Where mlx_lm.server, Ollama and LM Studio listen unless they are told otherwise."""

MAX_TOML_BYTES = 2**20
_WAYS = (
    "A teacher is claude-…, openai:MODEL, MODEL@http://127.0.0.1:8080/v1, local, ollama:MODEL, "
    "lmstudio:MODEL, serve:NAME, or a table [teachers.NAME] of factory.toml"
)


class TeacherTable(BaseModel):
    """``[teachers.NAME]`` of ``factory.toml``."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    model: str = Field(default=DEFAULT_MODEL, min_length=1)
    api: Api = "openai"
    url: str | None = None
    key: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    input_usd: float | None = Field(default=None, ge=0)
    output_usd: float | None = Field(default=None, ge=0)
    max_tokens: int = Field(default=8192, ge=1, le=200_000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    concurrency: int | None = Field(default=None, ge=1, le=64)
    timeout_s: float = Field(default=600.0, gt=0)


@dataclass(frozen=True, slots=True)
class TeacherSpec:
    """Who a teacher is and how it is asked. Prices in US dollars for a million tokens; None is not
    known. ``timeout_s`` is for one call, in seconds."""

    name: str
    api: Api
    model: str
    url: str
    key_variable: str | None
    official: bool = False
    """Whether it is the company's own address, whose models and prices are known by name."""
    input_usd: float | None = None
    output_usd: float | None = None
    max_tokens: int = 8192
    temperature: float | None = None
    concurrency: int = 4
    timeout_s: float = 600.0

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.url, self.model, self.key_variable, f"The teacher {self.name}")


def spec_for(name: str, workspace: Workspace | None = None) -> TeacherSpec:
    """Who is called ``name``; TeachingError (``name``) where nobody is, or the address is none."""
    name = name.strip()
    tables = _tables(workspace.path) if workspace is not None else {}
    spec = _from_table(name, tables[name]) if name in tables else _by_name(name, workspace, tables)
    try:
        address = address_of(spec.endpoint)
    except EndpointError as error:
        raise TeachingError(f"The teacher {_shown(name)}: {error}", "name") from error
    if is_loopback(address.host) and name not in tables:
        # One accelerator: a second question at a time makes the first one slower.
        return _with(spec, concurrency=1)
    return spec


def _by_name(
    name: str, workspace: Workspace | None, tables: Mapping[str, TeacherTable]
) -> TeacherSpec:
    kind, colon, rest = name.partition(":")
    if name.startswith(("http://", "https://")):
        return TeacherSpec(name, "openai", DEFAULT_MODEL, name, None)
    if kind == "serve" and rest:
        return _served(name, rest, workspace)
    if kind in SERVERS and (rest or (name == "local")):
        return TeacherSpec(name, "openai", rest or DEFAULT_MODEL, SERVERS[kind], None)
    api: Api | None = kind if kind in KEYS and colon else None
    model, at, url = (rest if api else name).partition("@")
    if at and model and url:
        return TeacherSpec(name, api or "openai", model, url, None)
    if api is None and name.startswith("claude-"):
        api = "anthropic"
    if api is not None and model and not at:
        return _official(name, api, model)
    raise _unknown(name, tables)


def _official(name: str, api: Api, model: str) -> TeacherSpec:
    # Another address for the whole company (a gateway) is the user's own doing: only from the
    # environment, never from a target's .env.
    usual = ANTHROPIC_URL if api == "anthropic" else OPENAI_URL
    url = os.environ.get(f"{api.upper()}_BASE_URL", "").strip() or usual
    return TeacherSpec(name, api, model, url, KEYS[api], official=True)


def _served(name: str, server: str, workspace: Workspace | None) -> TeacherSpec:
    if workspace is None:
        raise TeachingError(f"The teacher {name} is a server of a workspace; none is open.", "name")
    try:
        found = find_server(workspace, server)
    except ServeError as error:
        raise TeachingError(str(error), "name") from error
    if not found.alive:
        raise TeachingError(
            f"The server {server} does not run. Start it first: factory-tui serve start MODEL",
            "name",
        )
    return TeacherSpec(name, "openai", DEFAULT_MODEL, found.record.url, None)


def _from_table(name: str, table: TeacherTable) -> TeacherSpec:
    official = table.url is None
    base = (
        _official(name, table.api, table.model)
        if table.url is None
        else TeacherSpec(name, table.api, table.model, table.url, None)
    )
    if official and table.model == DEFAULT_MODEL:
        raise TeachingError(
            f"factory.toml: [teachers.{name}] names neither a url nor a model.", "name"
        )
    return _with(
        base,
        key_variable=table.key or base.key_variable,
        input_usd=table.input_usd,
        output_usd=table.output_usd,
        max_tokens=table.max_tokens,
        temperature=table.temperature,
        concurrency=table.concurrency or base.concurrency,
        timeout_s=table.timeout_s,
    )


def _with(spec: TeacherSpec, **changes: Any) -> TeacherSpec:
    return replace(spec, **changes)


def _tables(workspace: Path) -> dict[str, TeacherTable]:
    try:
        text = read_plain(workspace / "factory.toml", MAX_TOML_BYTES).decode("utf-8")
        found = tomllib.loads(text).get("teachers", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise TeachingError(f"factory.toml cannot be read: {error}.", "name") from error
    if not isinstance(found, dict):
        raise TeachingError("factory.toml: teachers is no table of tables.", "name")
    tables = {}
    for name, table in found.items():
        try:
            tables[name] = TeacherTable.model_validate(table)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(["teachers", name, *(str(part) for part in first["loc"])])
            raise TeachingError(f"factory.toml: {where}: {first['msg']}.", "name") from error
    return tables


def _unknown(name: str, tables: Mapping[str, TeacherTable]) -> TeachingError:
    near = difflib.get_close_matches(name, [*tables, *SERVERS], n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    if not near and name and ":" not in name and "@" not in name:
        hint = f" For a model of OpenAI's write openai:{_shown(name)}."
    what = f"There is no teacher {_shown(name)}." if name else "No teacher is named."
    return TeachingError(f"{what}{hint} {_WAYS}.", "name")


def _shown(name: str) -> str:
    """A name in a sentence; one that carries a password is not repeated."""
    head, slashes, rest = name.partition("://")
    return f"{head}://…" if slashes and "@" in rest.partition("/")[0] else name[:80]
