"""``factory-tui eval`` and ``ceiling``, as a person or a script uses them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from engine.checks.streams import read_rows
from engine.cli.app import app
from engine.evaluating import asking
from engine.evaluating.asking import Patience
from engine.folder import read_record
from engine.models import describe
from engine.records.ceiling import Ceilings
from engine.records.evaluation import EvalResult
from engine.serving.managed import Wish, start
from engine.workspace import Workspace
from tests.engine.serving.fake import Answer as Served
from tests.engine.serving.fake import Fake, Request

Make = Callable[[Served], Fake]
ROOT = Path(__file__).parents[3]
ROUTE = {"land": '{"cmd": "land"}', "arm": '{"cmd": "arm"}'}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace with a target of two suites."""
    workspace = Workspace(tmp_path)
    workspace.runs_dir.mkdir()
    target = workspace.targets_dir / "router"
    (target / "dataset").mkdir(parents=True)
    (target / "forge.yaml").write_text(
        "name: router\neval: {max_new_tokens: 20, target_accuracy: 0.9}\nfactory:\n"
        "  suites: {regression: [{name: words, file: dataset/words.jsonl, scorer: exact}]}\n"
    )
    (target / "system_prompt.md").write_text("Answer with a command.")
    rows = [
        {"prompt": f"{name} {n}", "completion": ROUTE[name], "category": name}
        for n in range(10)
        for name in ROUTE
    ]
    write(target / "dataset" / "gold.jsonl", rows)
    write(target / "dataset" / "words.jsonl", [{"prompt": "say a", "completion": "a"}] * 1)
    return workspace


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def command(place: Workspace, *arguments: str) -> list[str]:
    verb, *rest = arguments
    return [sys.executable, "-m", "tui", verb, *rest, "-w", str(place.path)]


def run(place: Workspace, *arguments: str, code: int = 0) -> tuple[str, str]:
    done = subprocess.run(
        command(place, *arguments), capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def says(request: Request, text: str) -> None:
    request.head()
    request.piece(text)
    request.finish(tokens=5)


def routes(request: Request) -> None:
    """A model that lands right and arms wrong in 4 of 10."""
    asked = request.body["messages"][-1]["content"]
    word, _, number = asked.partition(" ")
    if word == "say":
        says(request, number)
    elif word == "arm" and int(number) < 4:
        says(request, 'Sure: {"cmd": "land"} \x1b[31m')
    else:
        says(request, ROUTE[word])


def test_a_target_at_anyones_endpoint(
    place: Workspace, fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TEST_KEY", "sk-very-secret")
    server = fake(routes)
    asked = ("--url", server.url, "--model", "big-1", "--key-variable", "A_TEST_KEY")
    out, err = run(place, "eval", "router", *asked)
    assert "router-gold  accuracy 0.80  (95 % interval 0.584 to 0.919)  n = 20" in out
    assert "words  accuracy 1.00" in out
    assert "arm    10  0.60" in out
    assert "prose 20.0%" in out
    assert "failed  4 of 20" in out
    assert "\x1b" not in out + err
    (folder,) = (place.path / "evals").iterdir()
    assert folder.name.endswith("-router-big-1")
    record = read_record(folder / "eval-router-gold.json", EvalResult)
    assert (record.score, record.model_id, record.through) == (0.8, "big-1", "endpoint")
    assert record.command == (
        f"factory-tui eval router --url {server.url} --model big-1 --key-variable A_TEST_KEY"
    )
    assert record.temperature == 0.0
    assert record.notes is not None and "may answer otherwise" in " ".join(record.notes)
    assert len((folder / "rows-router-gold.jsonl").read_text().splitlines()) == 20
    first = server.requests[0]
    assert first.headers["authorization"] == "Bearer sk-very-secret"
    assert first.body["max_tokens"] == 20
    gold = [one for one in server.requests if "say" not in one.body["messages"][-1]["content"]]
    assert all(one.body["messages"][0]["role"] == "system" for one in gold)
    written = [path for path in place.path.rglob("*") if path.is_file()]
    assert [path for path in written if b"sk-very-secret" in path.read_bytes()] == []
    assert "sk-very-secret" not in out + err


def test_a_suite_file_json_and_held_against_an_older_one(place: Workspace, fake: Make) -> None:
    suite = str(place.targets_dir / "router" / "dataset" / "gold.jsonl")
    at = ("--model", "m", "--out")
    old, new = place.path / "old", place.path / "new"
    out, _ = run(place, "eval", suite, "--url", fake(routes).url, *at, str(old), "--json")
    (record,) = json.loads(out)
    assert (record["suite"], record["score"], record["n"]) == ("gold", 0.8, 20)

    def better(request: Request) -> None:
        says(request, ROUTE[request.body["messages"][-1]["content"].split()[0]])

    against = ("--against", str(old / "eval-gold.json"))
    out, _ = run(place, "eval", suite, "--url", fake(better).url, *at, str(new), *against)
    assert "against m: Within the noise: +20.0 pp" in out
    assert "4 rows rose, 0 fell." in out
    _, err = run(place, "eval", suite, "--url", fake(better).url, *at, str(new), code=1)
    assert "is there already" in err
    other = ("--scorer", "contains", "--against", str(old / "eval-gold.json"))
    at_third = ("--url", fake(better).url, "--model", "m", "--out", str(place.path / "third"))
    out, _ = run(place, "eval", suite, *at_third, *other)
    assert "one was scored by json_cmd, the other by contains" in out
    out, _ = run(
        place, "eval", suite, "--url", fake(better).url, *at, str(place.path / "few"), "--rows", "6"
    )
    assert "n = 6" in out
    few = read_record(place.path / "few" / "eval-gold.json", EvalResult)
    assert few.notes is not None and "The first 6 of 20 examples." in few.notes


def refused(place: Workspace, *arguments: str, code: int) -> str:
    """What a command narrates that ends with this code, in this process."""
    verb, *rest = arguments
    done = CliRunner().invoke(app, [verb, *rest, "-w", str(place.path)])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.stderr + done.stdout
    return done.stderr


def test_what_cannot_be_evaluated_is_a_sentence(
    place: Workspace, fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It asks four times, as ever, and does not wait 13 seconds between.
    monkeypatch.setattr(asking, "Patience", partial(Patience, waits_s=(0.01, 0.03, 0.09)))
    url = ("--url", "http://127.0.0.1:9/v1", "--model", "m")
    assert "Name one model" in refused(place, "eval", "router", code=2)
    assert "Name one model" in refused(place, "eval", "router", *url, "--of", "base", code=2)
    assert "--url needs --model" in refused(place, "eval", "router", *url[:2], code=2)
    assert "no suite file nowhere" in refused(place, "eval", "nowhere", *url, code=3)
    assert "has no suite x; it has" in refused(
        place, "eval", "router", *url, "--suite", "x", code=3
    )
    assert "There is no server base." in refused(place, "eval", "router", "--of", "base", code=3)
    err = refused(place, "eval", "router", "--model", "a/b", code=3)
    assert "There is no model a/b on this disk" in err
    monkeypatch.delenv("NOT_SET", raising=False)
    err = refused(place, "eval", "router", *url, "--key-variable", "NOT_SET", code=1)
    assert "NOT_SET is not set" in err
    assert "is a JSON object" in refused(place, "eval", "router", *url, "--extra", "[", code=2)
    assert not (place.path / "evals").exists(), "nothing was measured, nothing is left"
    err = refused(place, "eval", "router", "--suite", "words", *url, code=1)
    assert "words has no score" in err and "cannot be reached" in err
    bad = place.path / "bad.jsonl"
    bad.write_text('{"prompt": 1}\n')
    assert "bad.jsonl:1:" in refused(place, "eval", str(bad), *url, code=3)


def test_the_sealed_suite_stays_sealed(place: Workspace) -> None:
    target = place.targets_dir / "router"
    write(target / "dataset" / "last.jsonl", [{"prompt": "p", "completion": "c"}])
    text = (target / "forge.yaml").read_text()
    sealed = "sealed: {name: last, file: dataset/last.jsonl, scorer: exact}, regression"
    (target / "forge.yaml").write_text(text.replace("regression", sealed))
    url = ("--url", "http://127.0.0.1:9/v1", "--model", "m")
    assert "last is sealed" in refused(place, "eval", "router", "--suite", "last", *url, code=3)
    file = str(target / "dataset" / "last.jsonl")
    assert "last is sealed" in refused(place, "eval", file, *url, code=3)


def test_a_judge_is_named_before_anything_is_sent(place: Workspace, fake: Make) -> None:
    judge = fake(lambda request: says(request, '{"score": 3, "reason": "good"}'))
    header = {"scorer": "judge", "judge": {"model": "teacher-1", "url": judge.url}}
    rows = [{"suite": header}, {"question": "Capital of France?", "ideal": "Paris"}]
    suite = write(place.path / "probes.jsonl", rows)
    student = fake(lambda request: says(request, "Paris"))
    at = ("--url", student.url, "--model", "m")
    out, err = run(place, "eval", str(suite), *at, "--out", str(place.path / "out"))
    said = f"probes: Each answer is judged on this machine, by the judge teacher-1 at {judge.url}."
    assert said in err
    assert "judged score 1.00" in out
    assert err.index("judge teacher-1") < err.index("m at ")
    record = read_record(place.path / "out" / "eval-probes.json", EvalResult)
    assert record.judge is not None and record.judge.model == "teacher-1"


def test_a_ceiling_is_kept_with_the_target_and_replaced(place: Workspace, fake: Make) -> None:
    def weak(request: Request) -> None:
        says(request, "I do not know.")

    file = place.targets_dir / "router" / "ceilings.json"
    asked = ("ceiling", "router", "--suite", "router-gold", "--model", "big-1", "--url")
    out, _ = run(place, *asked, fake(weak).url)
    assert "broken, not hard" in out
    first = read_record(file, Ceilings).ceilings
    assert [(one.suite, one.score, one.n, one.model) for one in first] == [
        ("router-gold", 0.0, 20, "big-1")
    ]
    server = fake(routes)
    _, err = run(place, *asked, server.url)
    assert "takes the place of big-1, 0.000" in err
    (second,) = read_record(file, Ceilings).ceilings
    assert second.score == 0.8
    assert second.command == (
        f"factory-tui ceiling router --suite router-gold --url {server.url} --model big-1"
    )
    gold = place.targets_dir / "router" / "dataset" / "gold.jsonl"
    gold.write_text(gold.read_text() + '{"prompt": "land 99", "completion": "{\\"cmd\\": 1}"}\n')
    run(place, *asked, server.url)
    versions = read_record(file, Ceilings).ceilings
    assert [one.n for one in versions] == [20, 21], "of another version: both stay"
    file.write_text("{")
    _, err = run(place, *asked, server.url, code=3)
    assert "was measured and is kept in" in err
    assert file.read_text() == "{"


def test_interrupted_it_ends_and_says_so(place: Workspace, fake: Make) -> None:
    def answer(request: Request) -> None:
        if "land" in request.body["messages"][-1]["content"]:
            says(request, ROUTE["land"])
            return
        request.head()
        request.gone.wait(180)

    server = fake(answer)
    process = subprocess.Popen(
        command(place, "eval", "router", "--url", server.url, "--model", "m"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    until = time.monotonic() + 60
    while len(server.requests) < 8:
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "Stopped." in err and "Traceback" not in err
    assert process.returncode == 1
    (folder,) = (place.path / "evals").iterdir()
    kept, wrong = read_rows((folder / "rows-router-gold.jsonl").read_bytes())
    assert kept and wrong == [] and all(row.correct for row in kept)
    assert not (folder / "eval-router-gold.json").exists()


def test_a_server_of_the_workspace(place: Workspace, made: Path) -> None:
    suite = write(place.path / "words.jsonl", [{"prompt": " alpha", "completion": "bravo"}])
    asked = ("eval", str(suite), "--scorer", "exact", "--max-tokens", "4", "--of", "base")
    wish = Wish("base", describe(made / "tiny", "tiny"), adapter=made / "adapters")
    with start(place, wish):
        run(place, *asked)
    (folder,) = (place.path / "evals").iterdir()
    record = read_record(folder / "eval-words.json", EvalResult)
    assert (record.through, record.n) == ("server", 1)
    assert record.model_id.startswith("tiny + ")
    assert record.tokens_per_second is not None
    _, err = run(place, *asked, code=1)
    assert "The server base does not run any more (stopped)" in err


def test_a_model_that_does_not_load_leaves_no_record(place: Workspace, made: Path) -> None:
    broken = place.path / "broken"
    broken.mkdir()
    for file in (made / "tiny").iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "model.safetensors").write_bytes(bytes(64))
    out, err = run(place, "eval", "router", "--suite", "words", "--model", "broken", code=3)
    assert "broken" in err and out == ""
    (broken / "model.safetensors").write_bytes((made / "tiny" / "model.safetensors").read_bytes())
    (broken / "tokenizer.json").write_text("{")
    _, err = run(place, "eval", "router", "--suite", "words", "--model", str(broken), code=1)
    assert "mlx-lm cannot load" in err
    (folder,) = (place.path / "evals").iterdir()
    assert not (folder / "eval-words.json").exists()


def test_a_model_of_this_disk(place: Workspace, made: Path) -> None:
    """The ordinary worker in a child, base and adapter; nothing of it is left running."""
    suite = write(
        place.path / "words.jsonl",
        [{"prompt": f" alpha {n}", "completion": "bravo"} for n in range(5)],
    )
    model = str(made / "tiny")
    asked = ("eval", str(suite), "--scorer", "exact", "--max-tokens", "5", "--model", model)
    out, _ = run(place, *asked, "--adapter", str(made / "adapters"))
    assert "words  accuracy" in out and "n = 5" in out
    (folder,) = (place.path / "evals").iterdir()
    record = read_record(folder / "eval-words.json", EvalResult)
    assert record.model_id == "tiny + adapters"
    assert record.command.startswith("factory-tui eval ")
    assert record.rows_file == "rows-words.jsonl"
    assert (folder / "evaluate.log").exists()
    elsewhere = place.path / "elsewhere" / "deep"
    run(place, *asked, "--rows", "2", "--out", str(elsewhere))
    few = read_record(elsewhere / "eval-words.json", EvalResult)
    assert (few.n, few.suite_sha256) == (2, record.suite_sha256)
    assert few.notes is not None and "The first 2 of 5 examples." in few.notes
    assert (elsewhere / "rows-words.jsonl").exists()
    assert [one for one in (place.path / "evals").iterdir() if one != folder] == []
    mine = {one.pid for one in psutil.Process(os.getpid()).children(recursive=True)}
    # None where one has ended and nobody has asked how.
    children = [
        one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"]) if one.pid in mine
    ]
    assert [one for one in children if any("engine.work" in part for part in one)] == []
