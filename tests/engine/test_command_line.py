"""How the command line ends and speaks: pipes that close, disks that are full, few signs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from engine.samples import samples_dir

HOME = Path(__file__).resolve().parents[2]


def factory(
    *arguments: str, stdout: int | IO[Any] = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments, "--workspace", str(samples_dir())],
        env=os.environ | {"PYTHONPATH": str(HOME)} | environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
    )


def test_a_reader_that_has_gone_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = factory("list", "--json", stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_disk_that_takes_no_more_is_said(tmp_path: Path) -> None:
    code = (
        "import resource, engine.cli.app as app\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        f"app.main(['list', '--workspace', {str(samples_dir())!r}])"
    )
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=HOME, stdout=out, stderr=subprocess.PIPE, timeout=60
        )
    assert (done.returncode, done.stderr) == (3, b"factory-tui: File too large.\n")


def test_an_encoding_of_few_signs_stops_nothing() -> None:
    done = factory("list", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and b"\\u2192" in done.stdout
    runs = json.loads(factory("list", "--json", PYTHONIOENCODING="ascii").stdout)
    assert len(runs) == len([path for path in (samples_dir() / "runs").iterdir() if path.is_dir()])


def test_data_and_narration_keep_apart() -> None:
    for arguments in (("list", "--json"), ("validate", "--json"), ("doctor", "--json")):
        json.loads(factory(*arguments).stdout)
    refused = factory("show", "no-such-run", "--json")
    assert (refused.returncode, refused.stdout) == (3, b"")
    assert b"No run no-such-run" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "../no-such-run"), 3),
        (("run", "no-such-target"), 3),
        (("list", "--filter", "score>"), 2),
        (("no-such-command",), 2),
        (("validate",), 0),
        (("decide", "2026", "ship", "--reason", "x"), 3),
    ],
)
def test_exit_codes_are_as_documented(arguments: tuple[str, ...], code: int) -> None:
    done = factory(*arguments)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
