"""What a try would have installed: which modules a Python file needs, and which files name
packages. Pure."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

FILES = (
    "pyproject.toml",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "requirements*.txt",
    "requirements*.in",
    "constraints*.txt",
    "setup.py",
    "setup.cfg",
    "environment.yml",
    "environment.yaml",
    "Pipfile",
    "Pipfile.lock",
    "package.json",
    "package-lock.json",
    ".python-version",
)
"""Names of files that say what is installed, in any directory."""

_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_INSTALLS = re.compile(
    r"\b(?:pip3?\s+install|uv\s+(?:pip\s+install|add|sync)|(?:conda|mamba|brew|apt|apt-get)"
    r"\s+install|poetry\s+add|npm\s+(?:install|i))\b"
)
_RUNNERS = ("system", "popen", "run", "call", "check_call", "check_output", "Popen", "main")


def is_dependency_file(path: str) -> bool:
    """The file says what is installed."""
    name = PurePosixPath(path).name
    return any(fnmatchcase(name, pattern) for pattern in FILES)


def modules_of(text: str) -> frozenset[str]:
    """The top-level modules that Python code imports, by whatever way it says so literally.

    Code that cannot be parsed is read line by line.
    """
    tree = _parsed(text)
    if tree is None:
        return frozenset(_IMPORT.findall(text))
    return frozenset(name.split(".")[0] for name in _imported(tree) if name)


def installs(text: str) -> str | None:
    """The words with which Python code installs something, None where it does not."""
    tree = _parsed(text)
    if tree is None:
        return found[0] if (found := _INSTALLS.search(text)) else None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in _RUNNERS:
            words = " ".join(
                one.value
                for argument in [*node.args, *(keyword.value for keyword in node.keywords)]
                for one in ast.walk(argument)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )
            if found := _INSTALLS.search(words):
                return found[0]
    return None


def new_modules(text: str, known: frozenset[str], files: Iterable[str]) -> list[str]:
    """Modules that code imports, and that are neither ``known``, nor of the standard library, nor
    in the repository, whose files are ``files``."""
    wanted = modules_of(text) - known - sys.stdlib_module_names
    return sorted(wanted - own_modules(files)) if wanted else []


def own_modules(files: Iterable[str]) -> frozenset[str]:
    """Names by which files of a repository can be imported."""
    found: set[str] = set()
    for name in files:
        path = PurePosixPath(name)
        if path.suffix in (".py", ".pyi", ".so"):
            found.add(path.name.split(".")[0])
            found.update(path.parts[:-1])
    return frozenset(found)


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                yield node.module or ""
        elif isinstance(node, ast.Call) and _name(node.func) in ("import_module", "__import__"):
            named = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "name")]
            for one in named:
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield "" if one.value.startswith(".") else one.value


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
