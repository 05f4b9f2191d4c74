"""Who is evaluated, and on what, as the commands ``eval`` and ``ceiling`` name it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.console import Exit, fail, narrate, open_workspace, printable

if TYPE_CHECKING:
    from engine.evaluating.local import LocalModel
    from engine.evaluating.remote import RemoteModel
    from engine.evaluating.wanted import Wanted
    from engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that name a model. No key is among them, only its variable's name."""

    url: str | None
    model: str | None
    key_variable: str | None
    of: str | None
    adapter: str | None
    concurrency: int
    extra: str | None
    seconds: float

    @property
    def shown(self) -> str:
        """These options as they are typed, with a space before them."""
        options = (
            ("--url", self.url),
            ("--of", self.of),
            ("--model", self.model),
            ("--adapter", self.adapter),
            ("--key-variable", self.key_variable),
            ("--extra", self.extra),
        )
        return "".join(f" {name} {shlex.quote(value)}" for name, value in options if value)


@dataclass(frozen=True, slots=True)
class Who:
    """A model that is there: behind an endpoint, or on this disk. ``label`` is for people,
    ``short`` for the name of a folder."""

    label: str
    short: str
    remote: RemoteModel | None = None
    local: LocalModel | None = None


def workspace_of(option: Path | None, *, needed: bool) -> Workspace | None:
    """The workspace that was named or is the nearest; None where none is and none is needed."""
    from engine.workspace import Workspace, WorkspaceError

    if needed or option is not None:
        return open_workspace(option)
    try:
        return Workspace.find(Path.cwd())
    except WorkspaceError:
        return None


def wanted_of(
    what: str,
    place: Workspace | None,
    suite: str | None,
    scorer: str | None,
    rows: int | None,
    max_tokens: int | None,
) -> Wanted:
    """The suites that were named; says where answers go that a teacher judges."""
    from engine.evaluating.asking import Refused
    from engine.evaluating.teacher import Teacher
    from engine.evaluating.wanted import WantedError, wanted

    try:
        found = wanted(what, place, suite, scorer)
        for one in found.suites:
            if one.suite.judge is not None:
                with Teacher(one.suite.judge) as teacher:
                    narrate(f"{printable(one.suite.name)}: {printable(teacher.where)}")
    except WantedError as error:
        fail(str(error))
    except Refused as error:
        fail(str(error), Exit.NO)
    return replace(
        found,
        suites=tuple(one.first(rows) for one in found.suites),
        max_new_tokens=max_tokens or found.max_new_tokens,
    )


def who_of(place: Workspace | None, asked: Asked) -> Who:
    """The model that was named; ends with a sentence where it is not there, or named twice."""
    ways = [asked.url, asked.of, asked.model if asked.url is None else None]
    if sum(way is not None for way in ways) != 1:
        fail(
            "Name one model: --model MODEL of this disk, --of SERVER, or --url URL with --model.",
            Exit.USAGE,
        )
    if asked.adapter and (asked.url or asked.of):
        fail("--adapter belongs to a --model of this disk.", Exit.USAGE)
    if asked.key_variable and not asked.url:
        fail("--key-variable belongs to --url.", Exit.USAGE)
    if asked.url is not None:
        if asked.model is None:
            fail("Which model of that endpoint? --url needs --model NAME.", Exit.USAGE)
        return _at_url(asked, asked.url, asked.model)
    if asked.of is not None:
        return _server(_needed(place), asked, asked.of)
    return _on_disk(_needed(place), asked)


def _needed(place: Workspace | None) -> Workspace:
    return place or open_workspace(None)


def _at_url(asked: Asked, url: str, model: str) -> Who:
    from engine.evaluating.remote import RemoteModel
    from engine.serving.endpoint import Endpoint, EndpointError, address_of, is_loopback, key_of

    endpoint = Endpoint(url, model, asked.key_variable)
    try:
        address = address_of(endpoint)
        key_of(endpoint, address)
    except EndpointError as error:
        fail(str(error), Exit.NO)
    if not is_loopback(address.host):
        narrate(f"Every prompt is sent to {printable(url)}.")
    remote = RemoteModel(
        endpoint, model, "endpoint", _extra(asked.extra), asked.seconds, asked.concurrency
    )
    return Who(f"{model} at {url}", model, remote=remote)


def _server(place: Workspace, asked: Asked, name: str) -> Who:
    from engine.evaluating.remote import RemoteModel
    from engine.serving.endpoint import Endpoint
    from engine.serving.store import ServeError, find_server

    try:
        found = find_server(place, name)
    except ServeError as error:
        fail(str(error))
    if not found.alive:
        fail(f"The server {name} does not run any more ({found.state}).", Exit.NO)
    record = found.record
    label = record.model_id
    if record.adapter:
        label += f" + {place.relative(Path(record.adapter))}"
    endpoint = Endpoint(record.url, name=f"The server {name}")
    # One at a time: answers that a server gives together may differ in a rounding.
    remote = RemoteModel(endpoint, label, "server", _extra(asked.extra), asked.seconds, 1)
    return Who(label, name, remote=remote)


def _on_disk(place: Workspace, asked: Asked) -> Who:
    from engine.cli.serve import adapter_of
    from engine.evaluating.local import LocalModel
    from engine.serving.managed import model_for
    from engine.serving.store import ServeError

    if asked.extra:
        fail("--extra belongs to an endpoint or a server.", Exit.USAGE)
    assert asked.model is not None
    try:
        found = model_for(asked.model, place, Path.cwd())
    except ServeError as error:
        fail(str(error))
    label, short = _shown(place, asked.model), found.path.name
    if asked.adapter is None:
        return Who(label, short, local=LocalModel(found.path, None, label))
    adapter = adapter_of(place, asked.adapter)
    label += f" + {_shown(place, asked.adapter)}"
    short += f"-{adapter.parent.name if adapter.name == 'adapters' else adapter.name}"
    return Who(label, short, local=LocalModel(found.path, adapter, label))


def _shown(place: Workspace, named: str) -> str:
    """A model or an adapter as it was named, without a path that only this machine has."""
    if not Path(named).is_absolute():
        return named
    inside = place.relative(Path(named))
    return Path(inside).name if Path(inside).is_absolute() else inside


def _extra(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        fail("""--extra is a JSON object, as in '{"top_p": 1}'.""", Exit.USAGE)
    temperature = value.get("temperature", 0)
    if not (temperature is None or (isinstance(temperature, int | float) and temperature >= 0)):
        fail("The temperature in --extra is no number from 0.", Exit.USAGE)
    return value


def folder_for(place: Workspace | None, out: Path | None, wanted: Wanted, who: Who) -> Path:
    """Where records go; a folder that has such records already is refused."""
    from engine.evaluating.places import file_names, new_folder

    try:
        if out is None:
            return new_folder(_needed(place), wanted.name, who.short)
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{out or 'evals'} cannot be made: {error.strerror}.")
    for record, _ in file_names(wanted):
        if (out / record).exists():
            fail(f"{out / record} is there already. Name another --out.", Exit.NO)
    return out.resolve()


def measured(
    place: Workspace | None, who: Who, wanted: Wanted, folder: Path, command: str
) -> list[str]:
    """Have it measured, told about on stderr; a sentence for each suite that got no score."""
    from engine.evaluating.local import LocalError, evaluate_here
    from engine.evaluating.remote import Watcher, evaluate_there
    from engine.secrecy import key_names

    try:
        if who.remote is not None:
            watcher = Watcher(
                row=lambda one, row, done: _tick(done, len(one.suite.examples)),
                missing=lambda one, example, why: narrate(f"  ⚠ {example}: {why}"),
            )
            own = who.remote.endpoint.key_variable
            names = [*key_names(place.path if place else None), *([own] if own else [])]
            return evaluate_there(who.remote, wanted, folder, command, watcher, named=names)
        assert who.local is not None
        evaluate_here(_needed(place), who.local, wanted, folder, command, heard)
    except LocalError as error:
        return [str(error)]
    except OSError as error:
        fail(f"{error.filename or folder} cannot be written: {error.strerror}.", Exit.NOT_THERE)
    except KeyboardInterrupt:
        fail(f"Stopped. What there is lies in {folder}.", Exit.NO)
    return []


def _tick(done: int, total: int) -> None:
    if done == total or done % max(1, total // 10) == 0:
        narrate(f"  {done} of {total}")


def heard(event: dict[str, Any]) -> None:
    """Say what a worker says, on stderr."""
    if event.get("kind") == "message" and event.get("level") != "error":
        narrate(f"  {event.get('text')}")
    elif event.get("kind") == "progress" and event.get("total"):
        _tick(int(event["done"]), int(event["total"]))
