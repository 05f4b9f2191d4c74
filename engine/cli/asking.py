"""The commands that ask a model: one prompt, or a sample to see how long an answer takes."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    open_workspace,
    print_json,
    print_table,
    printable,
)

if TYPE_CHECKING:
    from engine.serving.chat import Answer, Ask, Message
    from engine.serving.endpoint import Endpoint
    from engine.serving.latency import Latency

OfOption = Annotated[
    list[str] | None,
    typer.Option("--of", help="A server of this workspace; more than once: side by side."),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        help="Anyone's OpenAI-compatible endpoint, as in http://127.0.0.1:8080/v1",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str | None, typer.Option(help="The model's name at that endpoint.", show_default=False)
]
KeyOption = Annotated[
    str | None,
    typer.Option(help="The environment variable that holds its API key.", show_default=False),
]
TokensOption = Annotated[int, typer.Option(min=1, max=100_000, help="Tokens of an answer.")]
SecondsOption = Annotated[float, typer.Option(min=1, max=86_400, help="How long it may take.")]


def ask(
    prompt: Annotated[str, typer.Argument(help="What to ask.")],
    workspace: WorkspaceOption = None,
    of: OfOption = None,
    url: UrlOption = None,
    model: ModelOption = None,
    key_variable: KeyOption = None,
    system: Annotated[str | None, typer.Option(help="A system prompt.", show_default=False)] = None,
    max_tokens: TokensOption = 256,
    temperature: Annotated[float, typer.Option(min=0, max=5)] = 0.0,
    seconds: SecondsOption = 600.0,
    as_json: JsonOption = False,
) -> None:
    """Ask one prompt; of several, all at once and then one below the other."""
    from engine.serving.chat import Ask

    sides = _endpoints(workspace, of, url, model, key_variable)
    messages: list[Message] = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": prompt})
    live = len(sides) == 1 and not as_json
    import asyncio  # half of what a help text would take to load

    try:
        results = asyncio.run(
            _asked(sides, messages, Ask(max_tokens, temperature), seconds, live=live)
        )
    except KeyboardInterrupt:
        fail("Cancelled.", Exit.NO)
    if as_json:
        print_json({side: dataclasses.asdict(one) for side, one in results.items()})
    else:
        _show_answers(results, live=live)
    if any(hasattr(one, "code") for one in results.values()):
        raise typer.Exit(int(Exit.NO))


def latency(
    suite: Annotated[Path, typer.Argument(help="A suite: JSONL, as in targets/*/dataset.")],
    workspace: WorkspaceOption = None,
    of: OfOption = None,
    url: UrlOption = None,
    model: ModelOption = None,
    key_variable: KeyOption = None,
    rows: Annotated[int, typer.Option(min=1, max=10_000, help="The first so many rows.")] = 40,
    max_tokens: TokensOption = 48,
    seconds: SecondsOption = 600.0,
    as_json: JsonOption = False,
) -> None:
    """How long one answer takes: median and 95th percentile, one request at a time."""
    from engine.judge.suites import SuiteError, load_suite
    from engine.serving.chat import Ask
    from engine.serving.endpoint import EndpointError
    from engine.serving.exchange import Timeouts
    from engine.serving.latency import Sample, measure_latency

    sides = _endpoints(workspace, of, url, model, key_variable)
    try:
        examples = load_suite(suite, suite.stem, "exact").examples[:rows]
    except (SuiteError, OSError) as error:
        fail(str(error))
    sample = Sample(suite.stem, tuple(one.messages for one in examples))
    results = {}
    for side, endpoint in sides.items():
        narrate(f"Asking {printable(side)} {len(sample.prompts)} prompts, one at a time.")
        try:
            results[side] = measure_latency(
                endpoint, sample, Ask(max_tokens), Timeouts(total_s=seconds)
            )
        except EndpointError as error:
            fail(str(error), Exit.NO)
        except KeyboardInterrupt:
            fail("Cancelled; nothing was kept.", Exit.NO)
    if as_json:
        print_json({side: dataclasses.asdict(one) for side, one in results.items()})
    else:
        _show_latency(results)


# --- inside -------------------------------------------------------------------------


def _endpoints(
    workspace: Path | None,
    of: list[str] | None,
    url: str | None,
    model: str | None,
    key_variable: str | None,
) -> dict[str, Endpoint]:
    """Who is asked, by name: servers of the workspace that run, an address, or both."""
    from engine.serving.endpoint import DEFAULT_MODEL, Endpoint
    from engine.serving.store import ServeError, find_server, find_servers

    sides: dict[str, Endpoint] = {}
    if url is not None:
        sides["endpoint"] = Endpoint(url, model or DEFAULT_MODEL, key_variable)
    elif model or key_variable:
        fail("--model and --key-variable belong to --url.", Exit.USAGE)
    if of or url is None:
        place = open_workspace(workspace)
        try:
            found = [find_server(place, name) for name in of or []]
        except ServeError as error:
            fail(str(error))
        if not found:
            found = [one for one in find_servers(place)[0] if one.alive]
            if not found:
                fail("No server runs. Start one (factory-tui serve start MODEL) or give --url.")
        for one in found:
            name = one.record.name
            if not one.alive:
                fail(f"The server {name} does not run any more ({one.state}).", Exit.NO)
            sides[name] = Endpoint(one.record.url, name=f"The server {name}")
    return sides


async def _asked(
    sides: dict[str, Endpoint],
    messages: list[Message],
    how: Ask,
    seconds: float,
    *,
    live: bool,
) -> dict[str, Any]:
    """Each side's last update; with ``live`` the text goes to stdout as it comes."""
    import contextlib

    from engine.serving.chat import Piece
    from engine.serving.exchange import Timeouts
    from engine.serving.side_by_side import side_by_side

    results: dict[str, Any] = {}
    limits = Timeouts(first_s=seconds, total_s=seconds)
    async with contextlib.aclosing(side_by_side(sides, messages, how, limits)) as updates:
        async for update in updates:
            if not isinstance(update.what, Piece):
                results[update.side] = update.what
            elif live and update.what.kind == "answer":
                print(_safe(update.what.text), end="", flush=True)
    return results


def _show_answers(results: dict[str, Any], *, live: bool) -> None:
    from engine.serving.side_by_side import Failed

    for side, one in results.items():
        if not live:
            print(f"── {printable(side)}")
            print(_safe(one.partial if isinstance(one, Failed) else one.text))
        else:
            print()
        narrate(f"  {one.text if isinstance(one, Failed) else _measured(one)}")
        if not isinstance(one, Failed):
            for call in one.tool_calls:
                print(printable(f"→ {call.name} {call.arguments}"))
    sys.stdout.flush()


def _measured(answer: Answer) -> str:
    parts = [
        f"first token {_seconds(answer.first_s)}",
        f"{answer.seconds:.2f} s",
        "tok/s not recorded" if answer.tokens_per_s is None else f"{answer.tokens_per_s:.0f} tok/s",
    ]
    if answer.cut_by_limit:
        parts.append("cut off by the token limit")
    return " · ".join(parts)


def _show_latency(results: dict[str, Latency]) -> None:
    rows = [
        (
            printable(side),
            f"{one.answered}/{one.asked}",
            _seconds(one.median_s),
            _seconds(one.p95_s),
            _seconds(one.first_median_s),
            "·" if one.tokens_per_s_median is None else f"{one.tokens_per_s_median:.0f}",
            "·" if one.cached_share is None else f"{one.cached_share:.0%}",
        )
        for side, one in results.items()
    ]
    print_table(("MODEL", "ANSWERS", "MEDIAN", "P95", "FIRST", "TOK/S", "CACHED"), rows)
    for side, one in results.items():
        for trouble in one.troubles[:3]:
            narrate(f"  ⚠ {printable(side)}: {trouble}")
    sys.stdout.flush()


def _seconds(value: float | None) -> str:
    return "not recorded" if value is None else f"{value * 1000:.0f} ms"


def _safe(text: str) -> str:
    """A model's text for a terminal: its lines stay, its control characters do not."""
    return os.linesep.join(printable(line) for line in text.split("\n"))
