"""Secrets are planted wherever they may come from, and looked for in all that was written."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.app import main
from engine.loops.research.proposers.command import by_command
from engine.plans.planning import draft
from engine.project.growth import Wish, grow
from engine.project.packing import pack
from engine.publish.package.making import make_package
from engine.records.base import utc_now
from engine.records.plan import Plan, Stage
from engine.secrecy import (
    HIDDEN,
    Hider,
    StreamHider,
    is_secret,
    is_secret_option,
    key_names,
    without_secrets,
)
from engine.supervise.command import command_for
from engine.supervise.train_log import read_spans
from engine.target import TargetError, load_target
from engine.workspace import Workspace
from tests.engine.folders import make_shipped, put, witness
from tests.engine.loops.research.proposer_kit import make_tree
from tests.engine.serving.fake import Fake
from tests.engine.targets import FORGE, make_target
from tui.crash import leave_report

ROOT = Path(__file__).parents[2]

PLANTED = {
    "HF_TOKEN": "hf_planted-one",
    "OPENAI_API_KEY": "sk-planted-two",
    "AWS_SECRET_ACCESS_KEY": 'planted "three" + /slash\\',
    "GITHUB_PAT": "planted-four-four",
    "DB_PASSWORD": "planted-five-ü",
    "DATABASE_URL": "postgres://joe:planted-six-six@db.example/x",
    "TEACHERS_WORD": "planted-seven",  # only factory.toml says that it is a key
}
NAMED = "planted-openrouter"
SECRETS = [*PLANTED.values(), "planted-six-six", "planted-eight"]
SAID = {name: value for name, value in PLANTED.items() if name != "DATABASE_URL"}

STAGE = """
import json, os, pathlib, sys, time
secrets = [os.environ[name] for name in sys.argv[1:]]
secrets += ["planted-" + one for one in ("six-six", "eight")]
for one in secrets:
    print("the key is", one, flush=True)
    print(f"Bearer {one}!", file=sys.stderr, flush=True)
    for half in (one[:5], one[5:] + " and on"):
        sys.stdout.write(half)
        sys.stdout.flush()
        time.sleep(0.02)
    print(flush=True)
pipe = os.fdopen(int(os.environ["FACTORY_EVENTS_FD"]), "w", buffering=1)
for one in secrets:
    for text in (json.dumps(one), json.dumps(one, ensure_ascii=False)):
        said = '{"kind":"message","level":"warning","code":"x","text":%s}' % text
        pipe.write(said + "\\n")
found = []
for one in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    try:
        found.append(one.read_bytes().decode("utf-8", "replace"))
    except OSError:
        pass
pathlib.Path(os.environ["FACTORY_RUN"], "processes").write_text("\\n".join(found))
umask = os.umask(0)
pathlib.Path(os.environ["FACTORY_RUN"], "umask").write_text(f"{umask:03o}")
raise RuntimeError("cannot log in with " + " ".join(secrets))
"""
ARGV = "['{python}', x.py, " + ", ".join(SAID) + "]"
FORGE_OF_IT = FORGE.replace("goal: Route.", f"goal: Route.\n  stages: [{{name: x, argv: {ARGV}}}]")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace in which one run has failed, loudly; made by processes with the umask 000."""
    top = tmp_path_factory.mktemp("secrets")
    place, home = top / "ws", top / "home"
    (place / "runs").mkdir(parents=True)
    home.mkdir()
    target = make_target(place, FORGE_OF_IT)
    (target / "x.py").write_text(STAGE)
    (target / ".env").write_text("OTHER_KEY=planted-eight\n")
    (place / "factory.toml").write_text(
        '[teachers.wise]\nurl = "https://teacher.example/v1"\nkey = "TEACHERS_WORD"\n'
    )
    env = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    env |= PLANTED | {"HOME": str(home), "PYTHONPATH": str(ROOT)}
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name not in env:
                patch.delenv(name)
        for name, value in env.items():
            patch.setenv(name, value)
        done = subprocess.run(
            [sys.executable, "-m", "engine.cli", "run", "tiny", "--yes"],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=60,
            umask=0,
        )
        assert done.returncode == 1, done.stderr
        (top / "said").write_text(done.stdout + done.stderr)
        yield place


def run_of(place: Path) -> Path:
    (run,) = (place / "runs").iterdir()
    return run


def printed(run: Path, stream: str) -> str:
    """What a run's stages printed on one stream, as it is in the log."""
    log = (run / "train.log").read_bytes()
    spans = [log[one.start : one.end] for one in read_spans(run) if one.stream == stream]
    return b"".join(spans).decode("utf-8")


def found_in(folder: Path) -> list[str]:
    """The files below a folder that hold a planted secret, in any of its forms."""
    forms = {form for one in SECRETS for form in (one, json.dumps(one)[1:-1])}
    forms |= {json.dumps(one, ensure_ascii=False)[1:-1] for one in SECRETS}
    sought = [form.encode() for form in forms]
    return [
        f"{path.relative_to(folder)}: {one!r}"
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".env"
        for one in sought
        if one in path.read_bytes()
    ]


def test_no_secret_is_in_anything_that_was_written_or_said(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, top = run_of(place), place.parent
    log, told = printed(run, "stdout"), printed(run, "stderr")
    assert log.count(f"the key is {HIDDEN}\n") == len(SAID) + 2
    assert log.count(f"{HIDDEN} and on\n") == len(SAID) + 2, "in two pieces"
    assert f"Bearer {HIDDEN}!" in told and f"log in with {HIDDEN}" in told
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert sum(one.get("text") == HIDDEN for one in events) == 2 * (len(SAID) + 2)
    assert "engine.supervise.supervisor" in (run / "processes").read_text()
    monkeypatch.chdir(place)
    out = str(top / "out")
    for words in (
        ("show", run.name), ("show", run.name, "--json"), ("watch", run.name, "--events"),
        ("report", run.name), ("report", run.name, "--html"), ("card", run.name),
        ("card", run.name, "--json"), ("validate", run.name), ("journal", "--html"),
        ("decide", run.name, "park", "--reason", f"It said {PLANTED['HF_TOKEN']}."),
        ("artifacts", "publish", f"--out={out}/site"),
        ("export", "--format=csv", f"--out={out}/csv"),
        ("ceiling", "tiny", "--url", "http://joe:planted-six-six@h"), ("list",), ("doctor",),
        ("serve", "ask", "x", "--url", "http://joe:planted-six-six@127.0.0.1:9/v1"),
        ("package", run.name),
    ):  # fmt: skip
        with pytest.raises(SystemExit):
            main(list(words))
    said = capsys.readouterr()
    (top / "said-later").write_text(said.out + said.err)
    assert (Path(out) / "site" / "index.html").is_file() and list(Path(out, "csv").iterdir())
    try:
        password = PLANTED["DB_PASSWORD"]
        raise RuntimeError(f"no way in with {' '.join(SECRETS[:7])} {password}")
    except RuntimeError as error:
        words = leave_report(place, error, screen="live", run_id=run.name, actions=["quit"])
    (top / "last-words").write_text(words)
    assert list((place / ".factory" / "crashes").iterdir())
    assert found_in(top) == []


def test_what_a_workspace_holds_is_for_its_owner_alone(place: Path) -> None:
    run = run_of(place)
    own = run / "umask"
    assert own.read_text() == "000", "a person's own program has the person's own rights"
    theirs = {own, run / "processes"}
    for top in (run, *(place / ".factory").glob("agreed"), *(place / ".factory").glob("queue")):
        for path in (top, *top.rglob("*")):
            wanted = 0o700 if path.is_dir() else 0o600
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == wanted or path in theirs, (path, oct(mode))


def test_a_site_is_for_everybody_and_an_edited_file_keeps_its_rights(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from engine.folder import write_bytes_atomic
from engine.private import keep_private, open_to_others
keep_private()
top = Path(sys.argv[1])
(top / "site" / "a").mkdir(parents=True)
for name in ("site/a/page", "site/theirs", "new", "old"):
    write_bytes_atomic(top / name, b"x")
open_to_others(top / "site", ["a/page"])
"""
    (tmp_path / "old").touch()
    (tmp_path / "old").chmod(0o640)
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True, timeout=60, umask=0o022
    )
    modes = {
        str(path.relative_to(tmp_path)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in tmp_path.rglob("*")
    }
    assert modes == {
        "site": "0o755", "site/a": "0o755", "site/a/page": "0o644", "site/theirs": "0o600",
        "new": "0o600", "old": "0o640",
    }  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        "argv: [a, --api-key, abc]",
        "argv: [a, '--hf-token=abc']",
        "argv: [a, 'https://joe:pw@h/x']",
        "argv: [a], env: {MY_KEY: abcdefgh}",
        "argv: [a, planted-in-argv]",
    ],
)
def test_a_key_in_a_command_of_forge_yaml_is_refused(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TOKEN", "planted-in-argv")
    forge = FORGE.replace("goal: Route.", f"goal: R.\n  stages: [{{name: x, {words}}}]")
    target = make_target(tmp_path, forge)
    with pytest.raises(TargetError, match="Leave it in the environment") as error:
        draft(Workspace(tmp_path), target)
    for secret in ("abc", "joe:pw", "planted-in-argv"):
        assert secret not in str(error.value)


def test_which_names_mean_a_secret() -> None:
    for name in (*PLANTED, "SECRET_KEY_BASE", "SSH_PASSPHRASE", "AWS_ACCESS_KEY_ID"):
        assert is_secret(name) or name in ("DATABASE_URL", "TEACHERS_WORD"), name
    for name in ("TOKENIZERS_PARALLELISM", "KEYBOARD_LAYOUT", "PATH", "COMPATIBLE"):
        assert not is_secret(name)
    assert is_secret_option("hf-token") and not is_secret_option("eos-token")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see ftp://me:word@host/x and http://h/a:b@c", "see ftp://***@host/x and http://h/a:b@c"),
        ("git+https://ghp_abcdefgh@host/x.git", "git+https://***@host/x.git"),
        ("http://u:pass@word@h:80/", "http://***@h:80/"),
        ("'db://u:p?w#d@h'", "'db://***@h'"),
        ("https://t:x-oauth-basic@h", "https://***@h"),
        ("https://example.com/@user", None),
        ("https://h.example?to=joe@x.org#a@b", None),
        ("http://h:8080?to=joe@x.org", None),
        ("http://[::1]:8080/?to=joe@x.org", None),
        ("write to joe@x.org of http://h, or me@h", None),
        ("ssh://git@host/x.git", None),
    ],
)
def test_what_stands_before_the_host_of_an_address_is_hidden(text: str, shown: str | None) -> None:
    assert Hider({}, named=())(text) == (shown or text)


def test_a_secret_of_an_address_is_known_wherever_it_is_printed() -> None:
    env = {
        "A": "https://ghp_of_a_user@h",
        "B": "https://ghp_of_another:x-oauth-basic@h",
        "C": "db://someuser:pass%40word%21@h/",
        "D": "ssh://somebody@h",
    }
    hide = Hider(env, named=())
    assert hide("ghp_of_a_user ghp_of_another pass%40word%21 pass@word!") == " ".join([HIDDEN] * 4)
    assert hide("someuser somebody") == "someuser somebody"
    assert without_secrets(env, named=()) == {"D": env["D"]}


# --- a key that only factory.toml names ---------------------------------------------------

OTHERS = {"OPENROUTER": NAMED, "LLM": f" {NAMED}", "AUTHORIZATION": f"Bearer {NAMED}"}
"""Under its own name, under another one, and within a longer value."""
TOLD = """
import json, os, pathlib
file = pathlib.Path(__file__).with_suffix(".environ")
file.write_text(json.dumps(dict(os.environ)))
"""
ROW = "[{'messages': [{'role': 'user', 'content': 'q'}, {'role': 'assistant', 'content': 'a'}]}]"
CUSTOM = FORGE.replace("json_cmd", "custom")


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace whose factory.toml names a key that has no name of a secret."""
    (tmp_path / "factory.toml").write_text('[teachers.big]\nmodel = "m"\nkey = "OPENROUTER"\n')
    for name, value in OTHERS.items():
        monkeypatch.setenv(name, value)
    return Workspace(tmp_path)


def got(file: Path) -> str:
    """What a program of the target found in its environment."""
    text = file.read_text()
    assert json.loads(text)["PATH"]
    return text


def test_no_generator_scorer_or_try_gets_it(
    named: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = make_target(named.path, CUSTOM)
    (target / "generator.py").write_text(f"{TOLD}\ndef generate(n, focus, seed): return {ROW}\n")
    (target / "scorer.py").write_text(f"{TOLD}\ndef score(expected, got): return True\n")
    grow(load_target(target), Wish(1, "generated", generator=True, output="more.jsonl"), named)
    assert NAMED not in got(target / "generator.environ")
    monkeypatch.chdir(named.path)
    there = Fake(lambda request: request.head("404 Not Found"))
    monkeypatch.setenv("MINE", "planted-for-this-line")
    words = ["eval", "tiny", "--url", there.url, "--model", "m", "--key-variable", "MINE"]
    with contextlib.closing(there), pytest.raises(SystemExit):
        main([*words, "--out", "out"])
    assert "Bearer planted-for-this-line" in str(there.requests[0].headers), capsys.readouterr()
    assert NAMED not in (scorer := got(target / "scorer.environ"))
    assert "planted-for-this-line" not in scorer
    run = named.runs_dir / "x"
    for kind, withholds in (("data", False), ("pretrain", False), ("command", True)):
        stage = Stage(name="x", kind=kind, argv=["x"], withholds_secrets=withholds)
        plan = Plan(run_id="x", target_dir="targets/tiny", created=utc_now(), stages=[stage])
        command = command_for(plan, stage, run, resuming=False)
        assert not any(NAMED in one for one in command.env.values()), kind
        assert NAMED in command.secrets, "it is looked for in what is printed"


def test_an_agent_may_have_it_and_it_is_kept_nowhere(named: Workspace) -> None:
    tree = make_tree(named.path, named.path / "tree")
    agent, folder = named.path / "agent.py", named.path / "it"
    agent.write_text(
        "import os, sys\n"
        "open('train.py', 'a').write('RATE = 0.2\\n')\n"
        "for pipe in (sys.stderr, sys.stdout):\n"
        "    print('description: with', os.environ['OPENROUTER'], file=pipe)\n"
    )
    found = by_command(
        ["{python}", str(agent)], "Go.", tree, folder, limit_s=60, check=lambda: None,
        named=key_names(named.path),
    )  # fmt: skip
    assert found.description == f"with {HIDDEN}"
    assert {one.name for one in folder.iterdir()} >= {"proposer-stdout.log", "proposer-stderr.log"}
    assert not [one for one in folder.iterdir() if NAMED in one.read_text()]


def test_no_package_and_nothing_that_is_sent_has_it(named: Workspace) -> None:
    run = make_shipped(named.path)
    witness(run)
    put(run / "decision.json", "/decided", "2026-11-20T10:00:00Z")
    put(run / "decision.json", "/reason", f"It works with {NAMED}.")
    made = make_package(named, run)
    texts = [one.read_text("utf-8") for one in made.rglob("*") if one.is_file()]
    assert any(f"It works with {HIDDEN}." in one for one in texts)
    assert not [one for one in texts if NAMED in one]
    target = make_target(named.path, FORGE + "promotion: {hf_repo: me/tiny}\n")
    adapter = target / "output" / "best_adapter_0_9000"
    adapter.mkdir(parents=True)
    (adapter / "adapters.safetensors").write_bytes(b"weights")
    (adapter / "adapter_config.json").write_text(json.dumps({"model": "b", "note": NAMED}))
    best = {"accuracy": 0.9, "iteration": 2, "adapter_dir": f"output/{adapter.name}"}
    (target / "output" / "best_score.json").write_text(json.dumps(best))
    (target / "system_prompt.md").write_text(f"Say {NAMED}.")
    sent = pack(load_target(target), named, system_prompt=True).files
    said = {one.name: one.content for one in sent if isinstance(one.content, bytes)}
    assert said["system_prompt.md"] == f"Say {HIDDEN}.".encode()
    assert not [name for name, content in said.items() if NAMED.encode() in content]


def test_a_slip_of_the_pen_in_factory_toml_gives_no_key_away(named: Workspace) -> None:
    file = named.path / "factory.toml"
    for broken in (b"oh no\n", b"\xff\n", b"[teachers.big]\n"):
        file.write_bytes(b'[teachers.big]\n  key = "OPENROUTER"\n' + broken)
        assert key_names(named.path) == ["OPENROUTER"], broken
    assert key_names(None) == [] == key_names(named.path / "elsewhere")


def test_a_crash_report_hides_what_a_targets_env_file_holds(named: Workspace) -> None:
    target = make_target(named.path)
    (target / ".env").write_text("OTHER_KEY=only-in-the-file\nOPENROUTER=another-of-the-file\n")
    error = RuntimeError(f"no way in with {NAMED}, only-in-the-file or another-of-the-file")
    leave_report(named.path, error, screen="live", run_id=None, actions=[])
    (report,) = (named.path / ".factory" / "crashes").iterdir()
    assert f"no way in with {HIDDEN}, {HIDDEN} or {HIDDEN}" in report.read_text()


def test_a_secret_is_found_however_it_is_cut() -> None:
    secret, text = "abcabcabd", b"xx abcabcabcabd yy abcabc\n"
    for size in range(1, len(text) + 1):
        hider = StreamHider([secret])
        pieces = [hider.feed("o", text[i : i + size]) for i in range(0, len(text), size)]
        assert b"".join([*pieces, hider.close("o")]) == b"xx abc*** yy abcabc\n"
    assert StreamHider([]).feed("o", b"abc") == b"abc"
