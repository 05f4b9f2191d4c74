"""What Serve says, as plain values: sides, answers, differences, questions, settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.answers.by_hand import SuitePlace, Written
from engine.answers.target_suites import TargetSuite
from engine.judge.score import partly, right, wrong
from engine.judge.suites import parse_suite
from engine.models import ModelOnDisk
from engine.processes import myself
from engine.records.base import utc_now
from engine.records.serving import ServerPhase, ServerRecord
from engine.records.target import SuiteRef
from engine.serving.chat import Answer, Piece
from engine.serving.chunks import ToolCall, Usage
from engine.serving.endpoint import Endpoint
from engine.serving.managed import Wish
from engine.serving.side_by_side import Failed
from engine.serving.store import FoundServer
from tui.serving import Look
from tui.views.serve_answer import MAX_COMPARED, AnswerSoFar, body_lines, compare, head_spans
from tui.views.serve_question import (
    MAX_HISTORY,
    Question,
    example_line,
    expected_cells,
    question_of,
    with_prompt,
)
from tui.views.serve_settings import SettingsError, ask_of, system_words
from tui.views.serve_sides import (
    Side,
    Source,
    choice_line,
    note_cells,
    side_entry,
    side_of,
    trouble_cells,
)
from tui.views.serve_suite import consequence, frozen_words, place_names, written_words

MODEL = ModelOnDisk("mlx-community/tiny", Path("/models/tiny"), 1 << 20)
BASE = Source(MODEL)


def found(name: str, phase: ServerPhase, alive: bool = True, **more: object) -> FoundServer:
    record = ServerRecord(
        name=name,
        phase=phase,
        model="/models/tiny",
        model_id="tiny",
        port=8123,
        started=utc_now(),
        **more,  # type: ignore[arg-type]
    )
    return FoundServer(record, Path("/nowhere") / name, alive)


def side(source: Source, look: Look, wanted: str = "base", keeps: bool = False) -> Side:
    return side_of("base", source, look, wanted, lambda _name: keeps)


def said(one: Side, width: int = 120) -> str:
    return "".join(text for text, _ in side_entry(one, True, width).row)


# --- sides -----------------------------------------------------------------------------------


def test_what_a_side_is_and_how_its_server_does() -> None:
    nothing = side(Source(why_not="F9 chooses a model."), Look())
    assert nothing.state == "nothing" and "F9 chooses a model." in said(nothing)
    off = side(BASE, Look())
    assert (off.state, off.endpoint, off.under_way) == ("off", None, False)
    assert "not started" in said(off) and "mlx-community/tiny" in said(off)

    wish = Wish("base", MODEL)
    starting = side(BASE, Look(starting={"base": (wish, 12.4)}))
    assert starting.state == "starting" and "12 s" in said(starting)
    loading = side(
        BASE,
        Look((found("base", ServerPhase.STARTING),), starting={"base": (wish, 3.0)}),
        keeps=True,
    )
    other = Look(starting={"base": (Wish("base", MODEL, Path("/a")), 3.0)})
    assert side(BASE, other).state == "off", "another model starts under that name"
    assert (loading.state, loading.keep, loading.ours) == ("starting", True, True)

    ready = side(BASE, Look((found("base", ServerPhase.READY, ready_s=1.25),)))
    assert ready.answers and ready.endpoint is not None
    assert ready.endpoint.url == "http://127.0.0.1:8123/v1"
    text = said(ready)
    assert "http://127.0.0.1:8123 " in text and "ready in 1.2 s" in text
    assert "started elsewhere" in text
    ours = Look((found("base", ServerPhase.READY),), ours=frozenset({"base"}))
    assert "ends with the app" in said(side(BASE, ours))
    assert "stays" in said(side(BASE, ours, keeps=True))

    stopping = side(BASE, Look((found("base", ServerPhase.READY),), stopping=frozenset({"base"})))
    assert stopping.state == "stopping" and not stopping.answers
    elsewhere = side(BASE, Look((found("base", ServerPhase.STOPPED),)))
    assert elsewhere.state == "stopping", "asked to end by another process, and still there"


def test_a_side_whose_server_ended() -> None:
    dead = found("base", ServerPhase.READY, alive=False, owner=myself())
    gone = side(BASE, Look((dead,)))
    assert (gone.state, gone.words) == ("gone", "The server base ended without being asked.")
    with_owner = found("base", ServerPhase.READY, alive=False)
    ended = side(BASE, Look((with_owner,)))
    assert ended.state == "stopped" and "ended with the app" in said(ended)
    kept = found("base", ServerPhase.READY, alive=False, keep=True)
    assert side(BASE, Look((kept,))).state == "gone", "it was to stay"
    failed = found("base", ServerPhase.FAILED, alive=False, error="mlx-lm cannot load tiny: x.")
    assert "✘ base" in said(side(BASE, Look((failed,))))
    assert "cannot load tiny" in said(side(BASE, Look((failed,))))
    stopped = side(BASE, Look((found("base", ServerPhase.STOPPED, alive=False),)))
    assert (stopped.state, stopped.words) == ("stopped", "")
    refused = side(
        BASE, Look((failed,), refused={"base": (Wish("base", MODEL), "Port 1 is for the system.")})
    )
    assert (refused.state, refused.words) == ("failed", "Port 1 is for the system.")
    assert trouble_cells([refused], 120) is None
    whole = trouble_cells([refused], 40)
    assert whole is not None and whole[0].text == "base: Port 1 is for the system."


def test_a_server_is_found_by_what_it_serves_not_by_its_name() -> None:
    look = Look((found("mine", ServerPhase.READY), found("base", ServerPhase.READY)))
    assert side(BASE, look).server == "base"
    assert side(BASE, Look((found("mine", ServerPhase.READY),))).server == "mine"
    other = Source(MODEL, Path("/runs/x/adapters"))
    assert side(other, look).state == "off", "the base alone is not the candidate"


def test_an_endpoint_elsewhere_is_asked_and_not_started() -> None:
    endpoint = Endpoint("https://api.example.com/v1", "big", "KEY", "teacher")
    one = side(Source(endpoint=endpoint), Look())
    assert (one.state, one.answers, one.endpoint) == ("endpoint", True, endpoint)
    assert "https://api.example.com/v1" in said(one)
    assert choice_line(Source(endpoint=endpoint)) == "↗ teacher · https://api.example.com/v1 · big"
    assert choice_line(Source(MODEL, Path("/a"))).startswith("mlx-community/tiny + adapter · ")


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_lines_stay_in_their_width_and_foreign_text_is_harmless(width: int) -> None:
    evil = "\x1b[31m[red]日本語\u202e" * 20
    for state in ("failed", "starting", "ready"):
        one = Side("base", BASE, state, evil, "base", "http://127.0.0.1:1/v1", 3.0)  # type: ignore[arg-type]
        text = said(one, width)
        assert "\x1b" not in text and "\u202e" not in text
        from rich.cells import cell_len

        assert cell_len(text) <= width


# --- answers ---------------------------------------------------------------------------------


def answered(text: str, **more: object) -> AnswerSoFar:
    one = AnswerSoFar(0.0)
    one.take(Piece(text, 0.05))
    values: dict[str, object] = {
        "seconds": 0.4,
        "first_s": 0.05,
        "tokens_per_s": 1234.5,
        "finish_reason": "stop",
        "usage": Usage(4, 12),
    }
    one.take(Answer(text, **(values | more)))  # type: ignore[arg-type]
    return one


def head(one: AnswerSoFar | None, now: float = 2.0) -> str:
    return "".join(text for text, _ in head_spans(one, now))


def body(one: AnswerSoFar, width: int = 60, spans: object = None) -> str:
    return "\n".join("".join(t for t, _ in line) for line in body_lines(one, width, spans))  # type: ignore[arg-type]


def test_the_head_of_an_answer_from_waiting_to_its_end() -> None:
    assert head(None) == "not asked yet"
    one = AnswerSoFar(0.0)
    assert head(one) == "◌ waiting 2.0 s"
    one.take(Piece("hm", 0.3, "reasoning"))
    one.take(Piece("a", 0.4))
    assert head(one) == "◌ writing 2.0 s · first 300 ms"
    assert head(answered("a")) == "first 50 ms · 1,234 tok/s · 12 tokens · 0.40 s · stop"
    narrow = "".join(text for text, _ in head_spans(answered("a"), 2.0, 38))
    assert narrow == "first 50 ms · 1,234 tok/s · 12 tokens", "nothing is cut in two"
    limit = head(answered("a", finish_reason="length", first_s=1.5))
    assert limit == "hit the limit · first 1.50 s · 1,234 tok/s · 12 tokens · 0.40 s"


def test_what_was_not_measured_is_not_zero() -> None:
    text = head(answered("a", first_s=None, tokens_per_s=None, usage=Usage()))
    assert text.startswith("first not recorded · tok/s not recorded · tokens not recorded")


def test_failed_and_given_up() -> None:
    one = AnswerSoFar(0.0)
    one.take(Piece("half", 0.1))
    one.take(Failed("The server base broke off in the middle of its answer.", "cut-off", "half"))
    assert head(one) == "✘ no whole answer"
    assert body(one) == "half\n\nThe server base broke off in the middle of its answer."
    one.end = Failed("Given up.", "cancelled", "half")
    assert (head(one), body(one)) == ("cancelled", "half")


def test_the_scorers_verdict_stands_in_front_and_its_reason_below() -> None:
    one = answered("x")
    one.score = wrong("cmd differs")
    assert head(one).startswith("✘ wrong · first") and body(one).endswith("cmd differs")
    one.score = right()
    assert head(one).startswith("✔ right · first")
    one.score = partly(0.5, "half of it")
    assert head(one).startswith("✘ wrong 0.50 · ")


def test_the_text_of_an_answer() -> None:
    assert body(answered("")) == "(nothing)"
    assert "\x1b" not in body(answered("\x1b[2J[bold]日本語[/]")) and "[bold]" in body(
        answered("[bold]x")
    )
    thinking = AnswerSoFar(0.0)
    thinking.take(Piece("let me see", 0.1, "reasoning"))
    thinking.take(Piece("42", 0.2))
    assert body(thinking) == "thinking\n  let me see\n\n42"
    call = answered("", tool_calls=(ToolCall("land", '{"pad": 3}'),))
    assert body(call) == '→ land {"pad": 3}'
    assert '"tool_calls"' in call.scored_text
    long = answered("word " * 20_000)
    assert "more characters; copying takes them all" in body(long)


def test_two_answers_are_compared_with_each_other() -> None:
    pair = {"base": answered("go to pad 3 now"), "candidate": answered("go to pad 4 now")}
    found = compare(pair, None)
    assert found is not None and found.words == "The answers differ."
    assert found.spans["base"] is not None and ("[-3-]", "accent") in found.spans["base"]
    assert found.spans["candidate"] is not None and ("{+4+}", "accent") in found.spans["candidate"]
    assert "[-3-]" in body(pair["base"], spans=found.spans["base"])
    same = compare({"base": answered("a"), "candidate": answered("a")}, None)
    assert same is not None and same.spans == {}
    assert same.words == "The answers are the same, letter by letter."
    spaces = compare({"base": answered("a  b"), "candidate": answered("a b")}, None)
    assert spaces is not None and spaces.words == "The answers differ in white space only."


def test_answers_that_have_little_in_common_have_no_marks_all_over() -> None:
    one = "go to pad three and then land there at once, please, as slowly as it can be done"
    two = "go and sing a song of birds that nobody has heard of in the far north for years now"
    found = compare({"base": answered(one), "candidate": answered(two)}, None)
    assert found is not None and found.spans == {}
    assert found.words == "The answers differ in most of their words."


def test_what_the_line_below_the_answers_says() -> None:
    def note(*states: str, compared: str = "") -> str:
        sides = [Side("base", BASE, state) for state in states]  # type: ignore[arg-type]
        return "".join(cell.text for cell in note_cells(sides, compared, "F2", "⏎"))

    assert note("ready", "ready", compared="They differ.").startswith(
        "They differ.  Shared machine"
    )
    assert "network" in note("ready", "endpoint")
    assert note("starting", "off") == note("nothing", "nothing") == ""
    assert note("off", "nothing").startswith("F2 starts both servers")


def test_with_an_expected_answer_each_is_compared_with_that() -> None:
    pair = {"base": answered("go to pad 3"), "candidate": answered("go to pad 4")}
    found = compare(pair, "go to pad 4")
    assert found is not None
    assert found.spans["candidate"] is None, "it is as expected"
    assert found.spans["base"] is not None and ("{+3+}", "bad") in found.spans["base"]


def test_what_cannot_be_compared() -> None:
    assert compare({}, None) is None
    assert compare({"base": answered("a"), "candidate": AnswerSoFar(0.0)}, None) is None
    long = compare({"base": answered("a " * MAX_COMPARED), "candidate": answered("b")}, None)
    assert long is not None and long.spans == {} and "too long to be marked" in long.words
    call = answered("", tool_calls=(ToolCall("land", "{}"),))
    tools = compare({"base": call, "candidate": answered("no")}, None)
    assert tools is not None and (tools.words, tools.spans) == ("The answers differ.", {})


# --- questions -------------------------------------------------------------------------------

_ROWS = [
    b'{"messages": [{"role": "system", "content": "You fly."}, {"role": "user", "content": "a"},'
    b' {"role": "assistant", "content": "b"}, {"role": "user", "content": "land"},'
    b' {"role": "assistant", "content": "ok"}], "category": "land"}',
    b'{"prompt": "1+1", "completion": "2", "tools": [{"type": "function"}]}',
]


@pytest.fixture
def suite() -> TargetSuite:
    parsed = parse_suite("gold", _ROWS, scorer="exact", sha256="0" * 64)
    return TargetSuite(SuiteRef(name="gold", file="g.jsonl"), Path("g"), parsed, Path("s"))


def test_an_example_as_a_question_keeps_its_turns(suite: TargetSuite) -> None:
    question = question_of(suite, suite.suite.examples[0])
    assert (question.text, question.system, question.expected) == ("land", "You fly.", "ok")
    assert [one["content"] for one in question.messages()] == ["You fly.", "a", "b", "land"]
    cells = expected_cells(question, 100)
    assert cells is not None
    text = "".join(cell.text for cell in cells)
    assert "ok" in text and "gold ─ 1 ─ exact" in text and "2 other turns go with it" in text
    assert question_of(suite, suite.suite.examples[1]).tools == ({"type": "function"},)
    assert example_line(suite, suite.suite.examples[0]) == "gold · land · land → ok"


def test_another_prompt_is_not_that_example_any_more(suite: TargetSuite) -> None:
    question = question_of(suite, suite.suite.examples[0])
    assert question.typed("land").expected == "ok"
    edited = question.typed("land now")
    assert (edited.expected, edited.tools) == (None, ())
    assert [one["content"] for one in edited.messages()] == ["You fly.", "land now"]
    assert expected_cells(edited, 80) is None
    assert Question("x").messages() == [{"role": "user", "content": "x"}]


def test_the_history_has_each_prompt_once() -> None:
    assert with_prompt(["a", "b"], "a") == ["b", "a"]
    assert len(with_prompt([str(n) for n in range(90)], "x")) == MAX_HISTORY


def test_settings_that_cannot_be_used_are_said() -> None:
    how = ask_of(" 1,000 ", "0.7", [{"type": "function"}])
    assert (how.max_tokens, how.temperature) == (1000, 0.7)
    assert how.extra == {"tools": [{"type": "function"}]}
    assert ask_of("1", "0").extra == {}
    for tokens in ("", "0", "1.5", "many", "99999999"):
        with pytest.raises(SettingsError, match="max tokens"):
            ask_of(tokens, "0")
    for heat in ("", "-1", "3", "nan", "hot"):
        with pytest.raises(SettingsError, match="temperature"):
            ask_of("5", heat)


def test_the_system_prompt_in_a_few_words() -> None:
    assert system_words(None, None) == "none"
    assert system_words(None, "You fly.") == "none (the target has one)"
    assert system_words("You fly.", "You fly.") == "the target's, 8 characters"
    assert system_words("You swim.", "You fly.") == "your own, 9 characters"


def test_what_a_row_in_a_suite_means(tmp_path: Path) -> None:
    own = SuitePlace("dataset/by-hand.jsonl", tmp_path / "x", "by hand", "by-hand", "exact")
    gold = SuitePlace("dataset/gold.jsonl", tmp_path / "y", "primary", "gold", "exact")
    names = place_names([own, gold])
    assert names == {own.file: "by hand, made now", gold.file: "primary suite gold"}
    assert "no run is judged on it" in consequence(own)
    assert "earlier runs stay judged on the one before" in consequence(gold)
    made = Written(own, 2, 1, None, "a" * 64)
    assert written_words(made) == "dataset/by-hand.jsonl was made, with 1 example."
    added = Written(gold, 12, 11, "b" * 64, "a" * 64)
    assert written_words(added) == "dataset/gold.jsonl, line 12: added. It has 11 examples now."
    assert frozen_words(added) == "Its hash was bbbbbbbbbbbb…, now it is aaaaaaaaaaaa…."
