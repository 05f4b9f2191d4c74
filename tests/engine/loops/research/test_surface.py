"""Which files a try may change, their hash, and how long they are."""

from __future__ import annotations

import pytest

from engine.loops.research.snapshot import Entry
from engine.loops.research.surface import code_lines, mutable_files, surface_hash
from tests.engine.loops.research.repository_kit import protocol

ONE, TWO = Entry("100644", "1" * 40), Entry("100644", "2" * 40)


def test_what_is_mutable() -> None:
    names = ["train.py", "sub/train.py", "prepare.py", "models/a/b.py", "models/frozen.py", "x.md"]
    assert list(mutable_files(dict.fromkeys(names, ONE), protocol())) == [
        "models/a/b.py",
        "train.py",
    ]
    own = protocol(mutableSurface={"allowedGlobs": ["**"]})
    assert "prepare.py" not in mutable_files(dict.fromkeys(names, ONE), own)


def test_the_hash_is_of_names_bytes_and_the_executable_bit() -> None:
    rules = protocol()
    files = {"train.py": ONE, "models/a.py": TWO}
    same = surface_hash(files, rules)
    assert same == surface_hash(dict(reversed(files.items())) | {"README.md": ONE}, rules)
    others = [
        {"train.py": TWO, "models/a.py": ONE},
        {"train.py": ONE},
        {"train.py": Entry("100755", ONE.blob), "models/a.py": TWO},
        {"train.py": ONE, "models/b.py": TWO},
    ]
    assert len({same, *(surface_hash(one, rules) for one in others)}) == 5


@pytest.mark.parametrize(
    ("path", "text", "lines"),
    [
        ("a.py", "# c\n\nx = 1  # why\n   # d\n", 1),
        ("a.yaml", "#\na: 1\r\n\r\n", 1),
        ("a.md", "# Title\n\ntext\n", 2),
        ("a.py", "", 0),
    ],
    ids=["python", "yaml", "prose", "empty"],
)
def test_lines_that_count(path: str, text: str, lines: int) -> None:
    assert code_lines(path, text.encode()) == lines
