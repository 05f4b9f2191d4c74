"""The rules, held against what a try changed: with facts made up, and with a real repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.loops.research import guard, harness
from engine.loops.research.dependencies import installs, modules_of, new_modules
from engine.loops.research.snapshot import Act, Change, Entry, Snapshot
from engine.loops.research.surface import surface_hash
from engine.records.protocol import Protocol
from tests.engine.loops.research.repository_kit import campaign, fill, protocol
from tests.shared import made_once

OLD, NEW = Entry("100644", "1" * 40), Entry("100644", "2" * 40)
BASE = dict.fromkeys(("train.py", "prepare.py", "README.md", "lib/util.py"), OLD)
RULES = protocol()


def shot(*changes: Change) -> Snapshot:
    """The base with changes."""
    files = dict(BASE)
    for one in changes:
        files.pop(one.path, None)
        if one.act is not Act.DELETE and one.stored:
            files[one.path] = NEW
    return Snapshot("h", "t", files, changes)


def change(path: str, act: str = "modify", form: str = "text", **more: Any) -> Change:
    return Change(path, Act(act), form, **more)


def rules_broken(
    snapshot: Snapshot, code: str = "", rules: Protocol = RULES, **more: Any
) -> list[str]:
    known = {"known": frozenset({"numpy"}), "seen": {}} | more
    return [one.rule for one in guard.before(rules, snapshot, lambda _: code.encode(), **known)]


@pytest.mark.parametrize(
    ("one", "rule"),
    [
        (change("train.py"), None),
        (change("models/new.py", "add"), None),
        (change("README.md"), "glob"),
        (change("sub/train.py", "add"), "glob"),
        (change("models/frozen.py", "add"), "glob"),
        (change("prepare.py"), "harness"),
        (change("prepare.py", "delete"), "harness"),
        (change("train.py", "delete"), "kind"),
        (change("models/w.bin", "add", "binary", size=5), "kind"),
        (change("models/w.bin", "add", "binary", size=2**21, stored=False), "size"),
        (change("models/l", "add", "link"), "kind"),
        (change("models/r", "add", "repository", stored=False), "kind"),
        (change("train.py", form="special", stored=False), "kind"),
    ],
    ids=lambda one: f"{one.act}-{one.form}-{one.path}" if isinstance(one, Change) else None,
)
def test_what_a_proposal_may_change(one: Change, rule: str | None) -> None:
    assert rules_broken(shot(one)) == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("kinds", "one", "fine"),
    [
        (["file_delete"], change("train.py", "delete"), True),
        (["file_delete"], change("train.py"), False),
        (["file_add"], change("models/a.py", "add"), True),
        (["file_add"], change("train.py"), False),
        (["config_edit"], change("models/a.yaml"), True),
        (["config_edit"], change("models/a.py"), False),
        (["data_edit"], change("models/a.npz", "add", "binary"), True),
        (["data_edit"], change("train.py"), False),
        (["unheard"], change("train.py"), True),
        (["file_delete", "code_edit"], change("train.py"), True),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, list) else None,
)
def test_kinds_of_change(kinds: list[str], one: Change, fine: bool) -> None:
    rules = protocol(
        mutableSurface={"allowedGlobs": ["train.py", "models/**"], "allowedKinds": kinds}
    )
    assert rules_broken(shot(one), rules=rules) == ([] if fine else ["kind"])


@pytest.mark.parametrize(
    ("code", "broken"),
    [
        ("import math, numpy.linalg\nfrom util import x\nfrom . import y\n", False),
        ("import torch\n", True),
        ("def f():\n    from torch.nn import Linear\n", True),
        ("import importlib as i\ni.import_module('torch.nn')\n", True),
        ("__import__('torch')\n", True),
        ("import subprocess\nsubprocess.run(['pip', 'install', 'x'])\n", True),
        ("import os\nos.system('uv add x')\n", True),
        ("print('pip install x')\n", False),
        ("import torch\nthis is not python", True),
    ],
    ids=["known", "import", "inner", "importlib", "dunder", "pip", "uv", "words", "broken-code"],
)
def test_new_dependencies(code: str, broken: bool) -> None:
    assert rules_broken(shot(change("train.py")), code) == (["dependency"] if broken else [])
    free = protocol(environment={})
    assert rules_broken(shot(change("train.py")), code, free) == []


def test_files_that_say_what_is_installed() -> None:
    rules = protocol(mutableSurface={"allowedGlobs": ["**"]})
    for name in ("requirements-dev.txt", "sub/uv.lock", "pyproject.toml"):
        assert rules_broken(shot(change(name, "add")), rules=rules) == ["dependency"]


def test_literal_imports_only() -> None:
    assert modules_of("import_module('.x')\n__import__(name)\nimport a.b as c") == {"a"}
    assert new_modules("import lib, util, x", frozenset(), BASE) == ["x"]
    assert installs("run('python -m pip install y', shell=True)") == "pip install"


def test_nothing_and_the_same_again() -> None:
    assert rules_broken(shot()) == ["empty"]
    again = shot(change("train.py"))
    seen = {surface_hash(again.files, RULES): 4}
    found = guard.before(RULES, again, lambda _: b"", known=frozenset(), seen=seen)
    assert [one.rule for one in found] == ["repeat"] and "try 3" in found[0].text


@pytest.mark.parametrize(
    ("left", "rule"),
    [
        (change("run.log", "add"), None),
        (change("out/ckpt.bin", "add", "binary", size=2**22, stored=False), None),
        (change("models/__pycache__/a.pyc", "add", "binary"), None),
        (change("models/out.npz", "add", "binary"), None),
        (change("models/new.py", "add"), "changed-while-running"),
        (change("models/frozen.py", "add"), "changed-while-running"),
        (change("README.md"), "changed-while-running"),
        (change("lib/util.py", "delete"), "changed-while-running"),
        (change("link", "add", "link"), "changed-while-running"),
        (change("prepare.py"), "harness"),
    ],
    ids=lambda one: one.path if isinstance(one, Change) else None,
)
def test_what_an_execution_may_leave(left: Change, rule: str | None) -> None:
    start = shot(change("train.py"))
    end = shot(change("train.py"), left)
    assert [one.rule for one in guard.after(RULES, start, end)] == ([rule] if rule else [])
    assert guard.leftovers(RULES, start, end) == ([] if rule else [left.path])
    assert guard.after(RULES, start, start) == []


def test_a_try_that_takes_its_change_back_is_seen() -> None:
    found = guard.after(RULES, shot(change("train.py")), shot())
    assert [(one.rule, one.path) for one in found] == [("changed-while-running", "train.py")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "recipe-repository", fill)


def test_a_harness_that_git_ignores_is_put_back(made: Path, tmp_path: Path) -> None:
    _, tree = campaign(made, tmp_path)
    top, folder = tree.path, tree.path.parent
    (top / "data").mkdir()
    (top / "data/eval.bin").write_bytes(b"\0gold")
    tracked = tree.snapshot().files
    assert harness.note(folder, top, RULES.immutable_harness.paths, tracked) == []
    assert harness.broken(folder, top) == []
    (top / "data/eval.bin").write_bytes(b"\0easy")
    (top / "prepare.py").write_text("# nothing\n")
    broken = harness.broken(folder, top)
    assert broken == ["data/eval.bin", "prepare.py"]
    found = guard.before(
        RULES,
        tree.snapshot(),
        lambda name: (top / name).read_bytes(),
        known=frozenset(),
        seen={},
        harness=broken,
    )
    assert [(one.rule, one.path) for one in found] == [("harness", name) for name in broken]
    (top / "data/eval.bin").unlink()
    (top / "data").rmdir()
    (top / "data").symlink_to(tmp_path)
    assert harness.put_back(folder, top) == []
    assert (top / "data/eval.bin").read_bytes() == b"\0gold" and not (
        tmp_path / "eval.bin"
    ).exists()
    assert tree.is_clean()
