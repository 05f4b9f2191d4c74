"""Asking: both protocols, good and bad replies, busy servers, budgets, the ledger, secrets."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from engine.records.loop import Spent
from engine.teaching.budget import Budget, Caps
from engine.teaching.errors import TeachingError
from engine.teaching.ledger import calls_in, spent_in
from engine.teaching.teacher import teacher_for
from tests.engine.teaching.conftest import APIS
from tests.engine.teaching.double import KEY, Drop, Raw, Refuse, Say, Silence

both = pytest.mark.parametrize("api", APIS)


class Fact(BaseModel):
    name: str
    size: int


GOOD = '{"name": "a", "size": 3}'


@both
async def test_a_good_answer(api: str, double: Any, asking: Any) -> None:
    server = double(Say(GOOD))
    async with asking(server, api, input_usd=2, output_usd=10) as teacher:
        told = await teacher.ask("Name one.", Fact)
    assert told.value == Fact(name="a", size=3)
    assert (told.tokens_in, told.tokens_out, told.tries) == (11, 7, 1)
    assert told.cost_usd == pytest.approx((11 * 2 + 7 * 10) / 1e6)
    assert told.replies == (GOOD,)
    assert told.left_out == told.notes == ()
    assert server.prompts() == ["Name one."]


@both
@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{GOOD}\n```",
        f"Sure!\n{GOOD}\nAnything else?",
        f"[{GOOD}]",
        '{"name": "a", "size": "3",}',
        f'<think>{{"name": "draft", "size": 0}}</think>{GOOD}',
        f'{GOOD}\nor {{"name": "b", "size": 4}}',
        f'{{"wrong": true}} {GOOD}',
        GOOD + '\x1b[31m{"x": [/red]\u202e',
    ],
)
async def test_forms_of_an_answer(api: str, text: str, double: Any, asking: Any) -> None:
    async with asking(double(Say(text)), api) as teacher:
        told = await teacher.ask("Name one.", Fact)
    assert (told.value, told.tries) == (Fact(name="a", size=3), 1)


@both
async def test_the_error_is_shown_and_the_second_answer_counts(
    api: str, double: Any, asking: Any
) -> None:
    server = double(Say('{"name": "a", "size": "big"}'), Say(GOOD))
    async with asking(server, api) as teacher:
        told = await teacher.ask("Name one.", Fact)
    assert (told.value.size, told.tries, told.tokens_in) == (3, 2, 22)
    turns = server.asked[1]["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert "size: Input should be a valid integer" in json.dumps(turns[2])
    assert len(told.calls) == 2


@both
@pytest.mark.parametrize(
    ("say", "why"),
    [
        (Say("I would rather not."), "no JSON"),
        (Say(""), "empty"),
        (Say("   \n"), "empty"),
        (Say('{"name": "a", "si', stop="length"), "limit of"),
        (Say('{"name": "a", "size": NaN}'), "NaN"),
        (Say("[" * 5000), "levels deep"),
        (Say('{"name": "\\ud800", "size": 1}'), "half of a character"),
        (Say("{'name': 'a'}"), "double quotes"),
    ],
)
async def test_nothing_of_use_is_said(
    api: str, say: Say, why: str, double: Any, asking: Any
) -> None:
    server = double(say)
    async with asking(server, api) as teacher:
        with pytest.raises(TeachingError, match=why) as error:
            await teacher.ask("Name one.", Fact)
    assert error.value.code == "unusable"
    assert len(error.value.replies) == len(server.asked) == 3


@both
async def test_rows_of_an_answer_that_was_cut_off_are_kept(
    api: str, double: Any, asking: Any
) -> None:
    text = '[{"name": "a", "size": 1}, {"name": "b", "size": "x"}, {"name": "c", "size": 3}, {"na'
    async with asking(double(Say(text, stop="length")), api) as teacher:
        told = await teacher.ask_rows("Name some.", Fact)
    # What stands inside of a list that broke may be a part of something: no complaint.
    assert [one.name for one in told.value] == ["a", "c"]
    assert any("cut off" in one for one in told.left_out)
    assert "The limit of tokens ended the reply." in told.left_out


@both
async def test_rows_of_an_answer_whose_connection_broke_are_kept(
    api: str, double: Any, asking: Any, tmp_path: Path
) -> None:
    text = '[{"name": "a", "size": 1}, {"name": "b", "size": 2}, {"na' + " " * 200
    async with asking(double(Say(text, drop=True)), api, input_usd=1, output_usd=1) as teacher:
        told = await teacher.ask_rows("Name some.", Fact)
        assert teacher.budget.spent.tokens > 50
    assert [one.name for one in told.value] == ["a", "b"]
    # Of an answer that broke off the last count never came.
    assert told.tokens_out is None and told.cost_usd is None
    ((_, ended),) = calls_in(tmp_path / "teachers.jsonl")
    assert ended is not None
    assert (ended.finish_reason, ended.code) == ("broken-off", "cut-off")
    assert ended.reply is not None and ended.reply.startswith('[{"name": "a"')


# --- servers that do not answer ----------------------------------------------------------


@both
@pytest.mark.parametrize(
    "trouble",
    [
        Refuse(429, "slow down", ("retry-after: 7",)),
        Refuse(500, "oops"),
        Refuse(529, "overloaded"),
        Drop(),
        Raw(b""),
        Raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {half"),
        Say("", drop=True),
    ],
)
async def test_trouble_that_passes(api: str, trouble: Any, double: Any, asking: Any) -> None:
    waits: list[float] = []
    server = double(trouble, trouble, Say(GOOD))
    async with asking(server, api, waits=waits) as teacher:
        told = await teacher.ask("Name one.", Fact)
    assert len(server.asked) == 3  # all of them counted: the library repeats nothing by itself
    assert (told.value.size, told.tries) == (3, 1)
    assert len(waits) >= 2
    if isinstance(trouble, Refuse) and trouble.headers:
        assert waits == pytest.approx([7, 7], abs=0.5)
    else:
        assert 0.5 < waits[0] < 1.5 < waits[1] + 0.5


@both
@pytest.mark.parametrize(
    ("trouble", "code", "sentence"),
    [
        (Refuse(401, f"the key {KEY} is wrong"), "refused", "Look at the key in A_TEACHERS_KEY"),
        (Refuse(404, "model: tiny"), "refused", "Is tiny a model that it has?"),
        (Refuse(400, "prompt is too long"), "refused", "answers 400: prompt is too long."),
        (Refuse(302, "", ("Location: http://127.0.0.1:1/",)), "refused", "points elsewhere"),
        (Refuse(429, "tomorrow", ("retry-after: 86400",)), "rate-limit", "fewer questions"),
    ],
)
async def test_trouble_that_does_not_pass(
    api: str, trouble: Any, code: str, sentence: str, double: Any, asking: Any, tmp_path: Path
) -> None:
    server = double(trouble)
    async with asking(server, api, input_usd=1, output_usd=1) as teacher:
        with pytest.raises(TeachingError, match=sentence) as error:
            await teacher.ask("Name one.", Fact)
        assert teacher.budget.spent == Spent(calls=1)
    assert error.value.code == code
    assert len(server.asked) == 1
    assert KEY not in "".join(traceback.format_exception(error.value, chain=True))
    assert KEY not in (tmp_path / "teachers.jsonl").read_text()


@both
@pytest.mark.parametrize(
    "junk",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>a page</html>",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: [1]\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}\n\ndata: null\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + b"\xff\xfe" * 50,
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
async def test_a_server_that_is_something_else(
    api: str, junk: bytes, double: Any, asking: Any
) -> None:
    async with asking(double(Raw(junk)), api) as teacher:
        with pytest.raises(TeachingError, match="double") as error:
            await teacher.ask("Name one.", Fact, tries=1)
    assert error.value.code in ("cut-off", "connect", "unusable", "server")


async def begun(api: str, double: Any, asking: Any) -> None:
    """With its first answer in a process the library builds its types, which takes seconds."""
    async with asking(double(Say(GOOD)), api) as teacher:
        await teacher.ask("Name one.", Fact)


@both
async def test_a_slow_server_is_given_up(api: str, double: Any, asking: Any) -> None:
    await begun(api, double, asking)
    began = time.monotonic()
    async with asking(double(Silence()), api, timeout_s=0.4) as teacher:
        with pytest.raises(TeachingError, match=r"not done within 0\.4 s") as error:
            await teacher.ask("Name one.", Fact)
    assert error.value.code == "timeout"
    assert time.monotonic() - began < 25  # the server is silent for longer


@both
async def test_of_an_answer_that_takes_too_long_the_whole_rows_are_kept(
    api: str, double: Any, asking: Any
) -> None:
    await begun(api, double, asking)
    text = "[" + ", ".join(json.dumps({"name": f"row {n}", "size": n}) for n in range(60))
    async with asking(double(Say(text, drip_s=0.05)), api, timeout_s=1.5) as teacher:
        told = await teacher.ask_rows("Name some.", Fact)
    assert 2 < len(told.value) < 60
    assert told.left_out[-1] == "The teacher double was not done within 1.5 s."


@both
async def test_an_endless_answer_is_given_up(
    api: str, double: Any, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.teaching.wire.MAX_CHARACTERS", 5000)
    text = json.dumps([{"name": f"row {n}", "size": n} for n in range(9000)])
    async with asking(double(Say(text)), api) as teacher:
        told = await teacher.ask_rows("Name some.", Fact)
    assert 100 < len(told.value) < 300
    assert "more than an answer can be" in told.left_out[-1]


@both
async def test_a_server_that_is_not_there(api: str, double: Any, asking: Any) -> None:
    server = double(Say(GOOD))
    server.close()
    async with asking(server, api) as teacher:
        with pytest.raises(TeachingError, match="cannot be reached") as error:
            await teacher.ask("Name one.", Fact)
    assert error.value.code == "connect"


@both
async def test_a_question_is_given_up_at_once(
    api: str, double: Any, asking: Any, tmp_path: Path
) -> None:
    async with asking(double(Silence()), api) as teacher:
        question = asyncio.create_task(teacher.ask("Name one.", Fact))
        while not (tmp_path / "teachers.jsonl").exists():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
        assert teacher.budget.spent.calls == 1
    ((_, ended),) = calls_in(tmp_path / "teachers.jsonl")
    assert ended is not None and ended.code == "cancelled"


@both
async def test_so_many_at_once_and_no_more(api: str, double: Any, asking: Any) -> None:
    server = double(Say(GOOD, wait_s=0.15))
    async with asking(server, api, concurrency=3) as teacher:
        await asyncio.gather(*(teacher.ask(f"Name {n}.", Fact) for n in range(9)))
    assert server.most_at_once == 3
    assert len(server.asked) == 9


# --- budget ------------------------------------------------------------------------------


@both
async def test_a_call_that_could_pass_the_budget_is_not_made(
    api: str, double: Any, asking: Any, tmp_path: Path
) -> None:
    server = double(Say(GOOD, tokens=(100, 50)))
    budget = Budget(Caps(tokens=400))
    async with asking(server, api, budget=budget, max_tokens=200) as teacher:
        await teacher.ask("Name one.", Fact)
        await teacher.ask("Name one.", Fact)
        with pytest.raises(TeachingError, match="300 tokens are spent") as error:
            await teacher.ask("Name one.", Fact)
    assert error.value.code == "budget"
    assert len(server.asked) == 2
    assert spent_in(tmp_path / "teachers.jsonl") == budget.spent == Spent(calls=2, tokens=300)


@both
async def test_money_is_counted_in_what_it_could_cost(api: str, double: Any, asking: Any) -> None:
    server = double(Say(GOOD, tokens=(1000, 1000)))
    budget = Budget(Caps(usd=0.05), Spent(calls=4, tokens=9, usd=0.03))
    async with asking(
        server, api, budget=budget, input_usd=1, output_usd=10, max_tokens=1900
    ) as teacher:
        told = await teacher.ask("Name one.", Fact)
        assert told.cost_usd == pytest.approx(0.011)
        with pytest.raises(TeachingError, match=r"\$0\.04 are spent.*could take \$0\.02"):
            await teacher.ask("Name one.", Fact)
    assert budget.spent.usd == pytest.approx(0.041)


async def test_many_at_once_do_not_pass_the_budget_together(double: Any, asking: Any) -> None:
    server = double(Say(GOOD, wait_s=0.1))
    async with asking(server, budget=Budget(Caps(calls=3)), concurrency=8) as teacher:
        asked = [teacher.ask("Name one.", Fact) for _ in range(8)]
        replies = await asyncio.gather(*asked, return_exceptions=True)
    assert len(server.asked) == 3
    refused = [one for one in replies if isinstance(one, TeachingError)]
    assert [one.code for one in refused] == ["budget"] * 5


async def test_what_is_not_known_is_said_and_not_counted_as_nothing(
    double: Any, asking: Any
) -> None:
    async with asking(double(Say(GOOD, tokens=None)), "openai") as teacher:
        told = await teacher.ask("Name one.", Fact)
        assert teacher.budget.spent.tokens > 10
    assert told.tokens_in is None and told.tokens_out is None and told.cost_usd is None
    assert len(told.notes) == 2


# --- the ledger and secrets --------------------------------------------------------------


@both
async def test_every_prompt_and_reply_is_kept(
    api: str, double: Any, asking: Any, tmp_path: Path
) -> None:
    waits: list[float] = []
    server = double(Refuse(500), Say("no"), Say(GOOD, reasoning="let me see"))
    async with asking(server, api, waits=waits, input_usd=1, output_usd=1) as teacher:
        await teacher.ask("Name one.", Fact, purpose="facts")
        spent = teacher.budget.spent
    calls = list(calls_in(tmp_path / "teachers.jsonl"))
    assert [made.turns[0].content for made, _ in calls] == ["Name one."] * 3
    assert [len(made.turns) for made, _ in calls] == [1, 1, 3]
    assert [ended and ended.reply for _, ended in calls] == [None, "no", GOOD]
    assert [ended and ended.code for _, ended in calls] == ["server", None, None]
    assert {made.purpose for made, _ in calls} == {"facts"}
    last = calls[-1][1]
    assert last is not None and last.cost_usd == pytest.approx(18e-6)
    assert last.price == "factory.toml, teachers.double"
    assert last.reasoning == ("let me see" if api == "openai" else None)
    assert spent_in(tmp_path / "teachers.jsonl") == spent


async def test_a_key_that_comes_back_is_hidden_everywhere(
    double: Any, asking: Any, tmp_path: Path
) -> None:
    server = double(
        Say(json.dumps({"name": f"key {KEY}", "size": KEY})), Say(GOOD[:-1] + f', "k": "{KEY}"}}')
    )
    async with asking(server) as teacher:
        told = await teacher.ask(f"My key is {KEY}.", Fact)
    assert KEY not in repr(told)
    assert KEY not in json.dumps(server.asked)
    assert KEY not in (tmp_path / "teachers.jsonl").read_text()
    assert KEY in json.dumps(server.requests[0].headers)


async def test_a_line_that_a_crash_cut_off_stays_by_itself(
    double: Any, asking: Any, tmp_path: Path
) -> None:
    ledger = tmp_path / "teachers.jsonl"
    async with asking(double(Say(GOOD))) as teacher:
        await teacher.ask("Name one.", Fact)
        whole = ledger.read_text().splitlines()
        # Killed between the question and its answer, and in the middle of a line.
        ledger.write_text(whole[0] + "\n" + whole[1][:40])
        spent = spent_in(ledger)
        assert spent.calls == 1 and spent.tokens > 8192  # what it may have taken
        await teacher.ask("Name one.", Fact)
    assert [ended is not None for _, ended in calls_in(ledger)] == [False, True]


async def test_what_cannot_be_kept_is_not_asked(double: Any, asking: Any, tmp_path: Path) -> None:
    server = double(Say(GOOD))
    async with asking(server) as teacher:
        (tmp_path / "teachers.jsonl").mkdir()
        with pytest.raises(TeachingError, match="cannot be written") as error:
            await teacher.ask("Name one.", Fact)
        assert teacher.budget.spent.calls == 0
    assert error.value.code == "ledger"
    assert server.asked == []


# --- who is asked ------------------------------------------------------------------------


async def test_claude_by_its_name_alone(
    double: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As forge.yaml names it; the key from the target's .env."""
    server = double(Say(GOOD))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", f"{server.root}/v1")
    (tmp_path / ".env").write_text(
        f'# mine\nexport ANTHROPIC_API_KEY="{KEY}"\nANTHROPIC_BASE_URL=http://127.0.0.1:9\n'
    )
    ledger = tmp_path / "l.jsonl"
    async with teacher_for("claude-sonnet-4-6", ledger, target=tmp_path) as teacher:
        told = await teacher.ask("Name one.", Fact)
    assert server.asked[0]["model"] == "claude-sonnet-4-6"
    assert told.cost_usd is not None and told.cost_usd > 0
    assert told.notes == ()
    ((_, ended),) = calls_in(ledger)
    assert ended is not None and ended.price is not None and "genai-prices" in ended.price


async def test_the_environment_comes_before_the_env_file(
    double: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = double(Say(GOOD), Say(f"[{GOOD}", drop=True))
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.root}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-another-key-altogether\n")
    async with teacher_for("openai:gpt-5-mini", tmp_path / "l", target=tmp_path) as teacher:
        await teacher.ask("Name one.", Fact)
        told = await teacher.ask_rows("Name some.", Fact)
    assert told.tokens_out is None  # broken off, as everywhere
    assert server.asked[0]["max_completion_tokens"] == 8192
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_an_address_in_forge_yaml_gets_no_key(
    double: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = double(Say(GOOD), key=None)
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"x-gateway: {KEY}")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"x-gateway: {KEY}")
    monkeypatch.setenv("OPENAI_ORG_ID", KEY)
    for name in (f"anthropic:m@{server.root}", f"m@{server.root}/v1", f"{server.root}/v1"):
        async with teacher_for(name, tmp_path / "l", target=tmp_path) as teacher:
            await teacher.ask("Name one.", Fact)
    assert len(server.requests) == 3
    assert all(KEY not in json.dumps(request.headers) for request in server.requests)


async def test_without_a_key_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(TeachingError, match=r"ANTHROPIC_API_KEY is not set.*\.env") as error:
        async with teacher_for("claude-sonnet-4-6", tmp_path / "l", target=tmp_path):
            pass
    assert error.value.code == "key"


def test_without_the_extra_it_is_said_and_nothing_is_imported_before() -> None:
    code = """
import sys
import engine.teaching.teacher, engine.teaching.rows, engine.teaching.plans, engine.teaching.reviews
heavy = {"pydantic_ai", "anthropic", "openai", "genai_prices", "httpx2"}
assert heavy.isdisjoint(sys.modules), heavy & set(sys.modules)
import asyncio
from pathlib import Path
from engine.teaching.errors import TeachingError
for name in heavy:
    sys.modules[name] = None  # as if it were not installed
async def main():
    try:
        async with engine.teaching.teacher.teacher_for("local", Path("l")):
            pass
    except TeachingError as error:
        print(error.code, error)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == (
        'extra Teachers need the extra "teacher": pip install "factory-tui[teacher]".\n'
    ), done.stderr
