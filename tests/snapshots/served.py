"""Serve as it looks with two servers and two answers, without a model: records, logs and a reply.

The servers' process is the one that takes the picture, so they are alive.
"""

from __future__ import annotations

import json
from pathlib import Path

from engine.answers.target_suites import read_suites, score_answers
from engine.folder import write_json_atomic
from engine.processes import myself
from engine.records.base import utc_now
from engine.records.serving import ServerPhase, ServerRecord
from engine.serving.chat import Answer, Piece
from engine.serving.chunks import Usage
from engine.serving.pair import pair_of
from engine.serving.store import LOG, RECORD, serve_dir
from engine.target import load_target
from engine.workspace import Workspace
from tui.app import FactoryApp
from tui.screens.serve import ServeScreen
from tui.views.serve_answer import AnswerSoFar, compare
from tui.views.serve_question import question_of

_LOG = """\
2026-11-22 11:59:58,120 - INFO - Starting httpd at 127.0.0.1 on port {port}...
127.0.0.1 - - [22/Nov/2026 11:59:59] "POST /v1/completions HTTP/1.1" 200 -
127.0.0.1 - - [22/Nov/2026 12:00:00] "POST /v1/chat/completions HTTP/1.1" 200 -
"""


def served(workspace: Path, run_id: str) -> None:
    """Base and candidate of a run are on the disk, and their servers run."""
    place = Workspace(workspace)
    run = workspace / "runs" / run_id
    plan = json.loads((run / "plan.json").read_text("utf-8"))
    name = next(one["spec"]["model"] for one in plan["stages"] if one["kind"] == "eval")
    base = Path(name.replace("{workspace}", str(workspace)))
    base.mkdir(parents=True)
    (base / "config.json").write_text('{"model_type": "qwen3"}')
    (base / "model.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    (run / "adapters").mkdir()
    for file in ("adapters.safetensors", "adapter_config.json"):
        (run / "adapters" / file).write_text("{}")
    pair = pair_of(place, run_id)
    assert pair.base is not None
    for port, side in ((8101, "base"), (8102, "candidate")):
        folder = serve_dir(place) / side
        folder.mkdir(parents=True)
        record = ServerRecord(
            name=side,
            phase=ServerPhase.READY,
            model=str(pair.base.path),
            model_id=pair.base.id,
            adapter=str((run / "adapters").resolve()) if side == "candidate" else None,
            port=port,
            keep=True,
            process=myself(),
            owner=myself(),
            started=utc_now(),
            ready_s=1.2,
        )
        write_json_atomic(folder / RECORD, record)
        (folder / LOG).write_text(_LOG.format(port=port))


def answered(app: FactoryApp) -> None:
    """An example of the gold suite was asked, and the candidate alone is right."""
    screen = app.screen
    assert isinstance(screen, ServeScreen) and screen.target is not None
    suite = read_suites(load_target(screen.target.path))[0][0]
    example = suite.suite.examples[2]
    texts = {"base": example.expected.replace("lat", "altitude_m"), "candidate": example.expected}
    answers = {side: _answer(text) for side, text in texts.items()}
    for side, score in score_answers(suite, example, texts, named=()).items():
        answers[side].score = score
    screen.question = screen.asked = question_of(suite, example)
    screen.prompt.load_text(example.prompt)
    screen.prompt.cursor_blink = False
    screen.answers = answers
    screen.compared = compare(answers, example.expected)
    screen.draw_question()
    screen.draw_answers()


def _answer(text: str) -> AnswerSoFar:
    one = AnswerSoFar(0.0)
    one.take(Piece(text, 0.048))
    usage = Usage(prompt_tokens=16, completion_tokens=24)
    one.take(Answer(text, 0.21, finish_reason="stop", first_s=0.048, tokens_per_s=142, usage=usage))
    return one
