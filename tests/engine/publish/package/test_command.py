"""The command ``package``: its exit codes, and what it says where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.app import app
from engine.publish.package.making import PackageError, make_package
from engine.workspace import Workspace
from tests.engine.folders import make_run, make_shipped, put


def command(workspace: Path, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["package", *words, "-w", str(workspace)])
    assert "Traceback" not in done.output
    return done.exit_code, done.stdout, done.stderr


def test_stdout_is_the_package_and_stderr_says_what_is_missing(tmp_path: Path) -> None:
    run = make_shipped(tmp_path)
    code, out, err = command(tmp_path, run.name[:12])
    assert (code, out) == (0, "specialists/router\n")
    assert "The example is not rendered: The base model router/tiny is not on this disk." in err
    assert "Not verified" in err
    code, out, err = command(tmp_path, "router", "--json")
    assert code == 0 and "Nothing changed" in err
    assert json.loads(out) == {
        "package": "specialists/router",
        "id": "router",
        "run": run.name,
        "verified": False,
        "export": None,
    }


def test_what_is_refused_says_every_reason_and_ends_with_1(tmp_path: Path) -> None:
    run = make_shipped(tmp_path)
    put(run / "eval-candidate.json", "/score", 1.0)
    code, out, err = command(tmp_path, run.name)
    assert (code, out) == (1, "")
    assert err.startswith("eval-candidate.json says 1.0000; its rows give 0.9500.")
    undecided = make_run(tmp_path, run_id="2026-11-22-router")
    code, _, err = command(tmp_path, undecided.name, "--force")
    assert code == 1 and "is not decided" in err


def test_a_check_says_what_is_wrong_and_what_is_not_here(tmp_path: Path) -> None:
    run = make_shipped(tmp_path)
    assert command(tmp_path, run.name, "--check")[0] == 1, "there is none yet"
    command(tmp_path, run.name)
    code, out, err = command(tmp_path, run.name, "--check")
    assert code == 3
    assert "warning  specialist.lock.json/base/id" in out
    assert "cannot be checked here" in err
    (tmp_path / "specialists" / "router" / "prompt.md").write_text("\x1b[31mAsk nicely.\n")
    code, out, _ = command(tmp_path, run.name, "--check", "--json")
    assert code == 1
    found = json.loads(out)
    assert found["ok"] is False and found["answer"] is None
    assert ("package-edited", "prompt.md") in {(f["rule"], f["file"]) for f in found["findings"]}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("2026", "--export", "onnx"), 2, "--export takes mlx or gguf, not onnx."),
        (("2026", "--check", "--export", "mlx"), 2, "--check writes nothing"),
        (("2026", "--dequantise"), 2, "belong to --export"),
        (("nothing",), 3, "No run nothing"),
        (("../x",), 3, "is not a run id"),
        (("2026", "--id", "../x"), 3, "is no id of a package"),
        (("2026", "--prompt", "  "), 1, "The prompt is empty"),
        (("2026", "--weights"), 1, "The adapter of 2026-11-20-router is not on this disk"),
        (("2026", "--export", "mlx"), 1, "base model router/tiny"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_done_is_a_sentence(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    make_shipped(tmp_path)
    found, _, err = command(tmp_path, *words)
    assert (found, said in err) == (code, True), err


def test_a_run_of_another_workspace_is_none_of_this_one(tmp_path: Path) -> None:
    run = make_shipped(tmp_path / "there")
    with pytest.raises(PackageError, match="is no run of"):
        make_package(Workspace(tmp_path / "here"), run)
