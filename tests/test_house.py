"""The rules of the house: who may import whom, read from the code itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"mlx", "mlx_lm", "transformers", "tokenizers"}
NEVER_ON_START = HEAVY | {"numpy", "scipy", "optuna", "torch", "huggingface_hub"}
LONGEST_MODULE = 400


def modules(package: str) -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where things come from"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def offenders(package: str, forbidden: set[str], *, but_not: str = "\0") -> list[str]:
    return [
        f"{name} imports {imported}"
        for name, path in modules(package).items()
        if not name.startswith(but_not)
        for imported in imports(path)
        if imported.split(".")[0] in forbidden
    ]


def test_engine_works_without_a_screen() -> None:
    assert offenders("engine", {"tui", "textual", "rich"}) == []


def test_only_the_workers_import_mlx() -> None:
    assert offenders("engine", HEAVY, but_not="engine.work") == []
    assert offenders("tui", HEAVY) == []


def test_records_import_nothing_of_ours() -> None:
    ours = [
        f"{name} imports {imported}"
        for name, path in modules("engine/records").items()
        for imported in imports(path)
        if imported.split(".")[0] in ("engine", "tui") and not imported.startswith("engine.records")
    ]
    assert ours == []


@pytest.mark.parametrize("room", ["judge", "checks"])
def test_judge_and_checks_do_no_processes_and_no_network(room: str) -> None:
    forbidden = {"subprocess", "socket", "urllib", "http", "asyncio", "multiprocessing"}
    assert offenders(f"engine/{room}", forbidden) == []


def test_no_import_circles() -> None:
    graph = {}
    for package in ("engine", "tui"):
        known = modules(package)
        graph |= {
            name: {
                one for one in imports(path, top_level_only=True) if one in known and one != name
            }
            for name, path in known.items()
        }
    state: dict[str, int] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert state.get(name) != 1, f"a circle: {' → '.join((*path, name))}"
        if name in state:
            return
        state[name] = 1
        for other in sorted(graph.get(name, ())):
            visit(other, (*path, name))
        state[name] = 2

    for name in graph:
        visit(name, ())


def test_modules_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for package in ("engine", "tui")
        for path in modules(package).values()
        if (lines := len(path.read_text("utf-8").splitlines())) > LONGEST_MODULE
    }
    assert long == {}, "look for the second job in these"


@pytest.mark.parametrize(
    "statement",
    ["import tui.__main__, tui.app", "import engine.cli.app", "import engine.workspace"],
)
def test_nothing_heavy_on_the_way_to_the_first_paint(statement: str) -> None:
    code = f"import sys; {statement}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert NEVER_ON_START.isdisjoint(done.stdout.split())


def test_a_broken_rule_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("def f():\n    from textual.app import App\n    import mlx.core as mx\n")
    assert {"textual.app", "mlx.core"} <= set(imports(file))
