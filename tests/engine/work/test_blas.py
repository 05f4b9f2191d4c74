"""In children, because a library that is loaded globally stays."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from engine.work import blas

REPORT = "import json; from engine.work import blas; print(json.dumps(blas.prepare()))"


def run(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_says_what_was_done() -> None:
    report = json.loads(run(REPORT).stdout)
    assert (report["kind"], report["code"], report["level"]) == ("message", "mlx", "info")
    assert report["device"] in ("cpu", "gpu")
    assert report["mlx"]
    if platform.system() == "Linux" and report["device"] == "cpu":
        assert report["compile"] is False
        assert ("slow BLAS" in report["text"]) == (report["blas"] is None)


def test_a_library_that_is_not_there_is_no_error() -> None:
    code = "from engine.work import blas; blas.LIBRARIES = ('libnone.so.9',);" + REPORT
    report = json.loads(run(code).stdout)
    assert report["blas"] is None
    assert report["blas_threads"] is None


def test_after_mlx_it_would_have_no_effect_and_says_so() -> None:
    done = run("import mlx.core;" + REPORT)
    if platform.system() == "Linux":
        assert done.returncode != 0
        assert "before mlx is imported" in done.stderr
    else:
        assert json.loads(done.stdout)["blas"] is None


def test_importing_the_workers_imports_no_mlx() -> None:
    code = (
        "import sys, engine.work.train, engine.work.evaluate, engine.work.fuse\n"
        "heavy = {'mlx', 'mlx_lm', 'transformers', 'numpy', 'huggingface_hub'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    assert run(code).stdout.strip() == "[]"


def test_on_a_card_nothing_is_done_for_the_processor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert not blas.expects_gpu()  # no CUDA build is installed here
    monkeypatch.setattr(blas, "CUDA_BUILDS", ("mlx",))
    monkeypatch.setattr(blas, "CARDS", (str(tmp_path),))
    assert blas.expects_gpu()
    assert blas.load_openblas() is None and not blas.keep_memory()
    monkeypatch.setattr(blas, "CARDS", (str(tmp_path / "none"),))
    assert not blas.expects_gpu()
