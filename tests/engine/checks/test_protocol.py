"""What is wrong with a protocol is said, each at its place."""

from __future__ import annotations

import json
import subprocess
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.checks.finding import Severity
from engine.checks.protocol import check_protocol
from engine.checks.protocol.around import Around
from engine.checks.protocol.provenance import why_no_branch
from engine.protocols.reading import read_document

FILE = Path(__file__).resolve().parents[2] / "data/protocols/small-lm-mlx.json"
FILES = frozenset({"train.py", "prepare.py", "pyproject.toml", "uv.lock", "src/a.py"})
MAC = Around("darwin", "arm64", frozenset({"uv"}), FILES)


@cache
def _seed() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return value


def _with(pointer: str, value: object) -> dict[str, Any]:
    """The document with one value put in place of another."""
    document = deepcopy(_seed())
    *path, last = pointer.split("/")[1:]
    at: Any = document
    for part in path:
        at = at[int(part)] if isinstance(at, list) else at[part]
    at[last if isinstance(at, dict) else int(last)] = value
    return document


def _without(pointer: str) -> dict[str, Any]:
    document = deepcopy(_seed())
    *path, last = pointer.split("/")[1:]
    at = document
    for part in path:
        at = at[part]
    del at[last]
    return document


def _found(document: dict[str, Any], around: Around = MAC) -> set[tuple[str, str, str]]:
    read = read_document("protocol.json", json.dumps(document).encode())
    return {(str(one.severity), one.rule, one.pointer) for one in check_protocol(read, around)}


PATTERN = "/measurement/primaryMetric/extract/pattern"
EXAMPLE = "/measurement/primaryMetric/extract/exampleStdout"
ALLOWED = "/mutableSurface/allowedGlobs"
COMMAND = "/execution/command"
COLUMNS = "/provenance/resultsLog/columns"
LOG = "/provenance/resultsLog/path"
BRANCH = "/provenance/gitWorkflow/branchPattern"

BROKEN: list[tuple[str, object, str, str, str]] = [
    # where, what stands there, and then the finding: severity, rule, pointer
    ("/schemaKind", "campaign", "error", "protocol-kind", "/schemaKind"),
    ("/protocolVersion", "2.0", "error", "protocol-version", "/protocolVersion"),
    ("/execution/hardTimeoutSeconds", "soon", "error", "file-shape",
     "/execution/hardTimeoutSeconds"),
    ("/execution/hardTimeoutSeconds", 300, "error", "protocol-timeout",
     "/execution/hardTimeoutSeconds"),
    ("/execution/cwd", "../other", "error", "protocol-cwd", "/execution/cwd"),
    ("/execution/cwd", "nowhere", "error", "protocol-cwd", "/execution/cwd"),
    (PATTERN, "val_bpb: (", "error", "protocol-pattern", PATTERN),
    (PATTERN, "a" * 3000, "error", "protocol-pattern", PATTERN),
    (PATTERN, "^loss: ([0-9]+)", "error", "protocol-example-unmatched", EXAMPLE),
    (PATTERN, "^[a-z_]+: ([0-9.]+)", "error", "protocol-example-twice", EXAMPLE),
    (PATTERN, "^(val_bpb)", "error", "protocol-example-number", EXAMPLE),
    (PATTERN, "^val_bpb: [0-9.]+", "warning", "protocol-pattern-groups", PATTERN),
    (PATTERN, "^val_bpb: ([0-9]+)([.])", "warning", "protocol-pattern-groups", PATTERN),
    (PATTERN, "^(a|aa)+$", "error", "protocol-pattern-slow", PATTERN),
    (PATTERN, r"(x+x+)+y", "error", "protocol-pattern-slow", PATTERN),
    (PATTERN, "^(a+)+$", "warning", "protocol-pattern-repeats", PATTERN),
    (EXAMPLE, None, "warning", "protocol-example-missing", EXAMPLE),
    (EXAMPLE, "val_bpb: 1\nval_bpb: 2", "error", "protocol-example-twice", EXAMPLE),
    ("/measurement/primaryMetric/direction", "maximize", "warning", "protocol-direction",
     "/measurement/primaryMetric/direction"),
    ("/measurement/secondaryMetrics/0/name", "val_bpb", "error", "protocol-metric-twice",
     "/measurement/secondaryMetrics/0/name"),
    (ALLOWED, ["prepare.py"], "error", "protocol-glob-harness", f"{ALLOWED}/0"),
    (ALLOWED, ["*.py"], "info", "protocol-glob-harness", f"{ALLOWED}/0"),
    (ALLOWED, ["train.py", "uv.lock"], "error", "protocol-glob-contradiction", f"{ALLOWED}/1"),
    (ALLOWED, ["*.py"], "warning", "protocol-glob-contradiction", f"{ALLOWED}/0"),
    (ALLOWED, ["uv.lock"], "error", "protocol-nothing-allowed", ALLOWED),
    (ALLOWED, ["train.py", "lib/*.py"], "warning", "protocol-glob-empty", f"{ALLOWED}/1"),
    (ALLOWED, ["../train.py"], "error", "protocol-glob-outside", f"{ALLOWED}/0"),
    (ALLOWED, ["/etc/*"], "error", "protocol-glob-outside", f"{ALLOWED}/0"),
    (ALLOWED, [".git/hooks/*"], "error", "protocol-glob-outside", f"{ALLOWED}/0"),
    (ALLOWED, [], "error", "file-shape", ALLOWED),
    ("/mutableSurface/forbiddenGlobs", [], "error", "protocol-log-mutable", LOG),
    ("/mutableSurface/allowedKinds", ["weights"], "warning", "protocol-kind-of-change",
     "/mutableSurface/allowedKinds/0"),
    ("/immutableHarness/paths", ["measure.py"], "warning", "protocol-harness-made",
     "/immutableHarness/paths/0"),
    (LOG, "../results.tsv", "error", "protocol-path-outside", LOG),
    (LOG, "train.py", "error", "protocol-log-mutable", LOG),
    (LOG, "prepare.py", "error", "protocol-log-harness", LOG),
    ("/provenance/baselineArtifactPath", "/tmp/log", "error", "protocol-path-outside",
     "/provenance/baselineArtifactPath"),
    (COLUMNS, ["commit", "status", "description"], "warning", "protocol-columns", COLUMNS),
    (COLUMNS, ["val_bpb"], "warning", "protocol-columns", COLUMNS),
    (BRANCH, "a b/", "error", "protocol-branch", BRANCH),
    (BRANCH, "x..", "error", "protocol-branch", BRANCH),
    (COMMAND, "uv sync && uv run train.py", "error", "protocol-command-shell", COMMAND),
    (COMMAND, "uv run train.py > run.log 2>&1", "error", "protocol-command-shell", COMMAND),
    (COMMAND, "uv run train.py|tee log", "error", "protocol-command-shell", COMMAND),
    (COMMAND, "SEED=1 uv run train.py", "error", "protocol-command-shell", COMMAND),
    (COMMAND, "uv run 'train.py", "error", "protocol-command-words", COMMAND),
    (COMMAND, "uv run $HOME/train.py", "warning", "protocol-command-expanded", COMMAND),
    (COMMAND, "nobody train.py", "error", "protocol-command-missing", COMMAND),
    (COMMAND, "./run.sh", "warning", "protocol-command-missing", COMMAND),
    ("/environment/setupCommands", ["./setup.sh"], "error", "protocol-command-missing",
     "/environment/setupCommands/0"),
    ("/environment/packageManagers", ["uv", "pixi"], "warning", "protocol-package-manager",
     "/environment/packageManagers/1"),
    ("/environment/constraints/networkPolicy", "none", "warning", "protocol-network",
     "/environment/constraints/networkPolicy"),
    ("/environment/osHints", ["linux"], "warning", "protocol-system", "/environment/osHints"),
    ("/safety/oomPolicy", "pray", "warning", "protocol-policy", "/safety/oomPolicy"),
    ("/safety/crashStatus", "shrug", "warning", "protocol-policy", "/safety/crashStatus"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "value", "severity", "rule", "pointer"), BROKEN)
def test_each_broken_document_has_its_finding(
    where: str, value: object, severity: str, rule: str, pointer: str
) -> None:
    document = _with(where, value)
    if rule == "protocol-log-mutable" and value == []:
        document["mutableSurface"]["allowedGlobs"] = ["**"]
    assert (severity, rule, pointer) in _found(document)


def test_a_sound_protocol_on_its_own_system_has_no_finding() -> None:
    assert _found(_seed()) == set()


def test_a_protocol_for_a_mac_only_warns_elsewhere_where_its_program_is_there() -> None:
    linux = Around("linux", "x86_64", frozenset({"uv"}), FILES)
    assert _found(_seed(), linux) == {("warning", "protocol-system", "/environment/osHints")}


def test_a_program_that_is_missing_is_said_by_name() -> None:
    read = read_document("protocol.json", FILE.read_bytes())
    bare = Around("linux", "x86_64", frozenset())
    said = [one for one in check_protocol(read, bare) if one.severity is Severity.ERROR]
    assert {one.rule for one in said} == {"protocol-command-missing"}
    assert len(said) == 3 and all("uv" in one.message for one in said)


@pytest.mark.parametrize(
    "pointer", ["/execution", "/measurement", "/mutableSurface", "/provenance", "/meta/repo"]
)
def test_a_missing_part_is_named(pointer: str) -> None:
    assert ("error", "key-missing", pointer) in _found(_without(pointer))


@pytest.mark.parametrize("quoted", ["uv run train.py --text 'a && b > c'", 'uv run "x;y"'])
def test_a_sign_in_quotes_needs_no_shell(quoted: str) -> None:
    assert _found(_with(COMMAND, quoted)) == set()


def test_branches_are_refused_as_git_refuses_them(tmp_path: Path) -> None:
    names = ["a/x", "a b", "a..b", "a//x", "/a", "-a", ".a/x", "a/.x", "a.lock/x", "a@{x", "x.",
             "a~x", "a^x", "a:x", "a?x", "a[x", "a\\x", "a<x", "ä/x", "@x"]  # fmt: skip
    for name in names:
        done = subprocess.run(
            ["git", "check-ref-format", "--branch", name], capture_output=True, cwd=tmp_path
        )
        assert (done.returncode == 0) == (why_no_branch(name) is None), name


def test_a_harness_that_no_setup_could_make_is_an_error() -> None:
    document = _seed()
    document["environment"]["setupCommands"] = []
    document["immutableHarness"]["paths"] = ["measure.py"]
    found = {one[1] for one in _found(document)}
    assert "protocol-harness-missing" in found
