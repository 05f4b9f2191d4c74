"""Endpoints by name from factory.toml: those that can be used, and a sentence for the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.serving.endpoint import DEFAULT_MODEL, Endpoint
from engine.serving.named import read_endpoints


def test_endpoints_in_their_order(tmp_path: Path) -> None:
    assert read_endpoints(tmp_path) == ([], [])
    (tmp_path / "factory.toml").write_text(
        '[screen]\ntheme = "x"\n[endpoints.b]\nurl = "http://127.0.0.1:1"\n'
        '[endpoints.a]\nurl = "https://x.example/v1"\nmodel = "m"\nkey_variable = "KEY"\n'
    )
    found, problems = read_endpoints(tmp_path)
    assert problems == []
    assert found == [
        Endpoint("http://127.0.0.1:1", DEFAULT_MODEL, None, "b"),
        Endpoint("https://x.example/v1", "m", "KEY", "a"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("half [", "cannot be read"),
        ("endpoints = 3", "is a table for each"),
        ("[endpoints]\na = 3", "is a table with at least url"),
        ('[endpoints.a]\nmodel = "m"', "is a table with at least url"),
        ('[endpoints.a]\nurl = "x"\nkey = "s"', "knows no “key”"),
        ("[endpoints.a]\nurl = 3", "url is a text"),
        ('[endpoints.a]\nurl = "ftp://x"', "is no address"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "factory.toml").write_text(text)
    found, problems = read_endpoints(tmp_path)
    assert found == [] and len(problems) == 1 and says in problems[0]
    assert problems[0].startswith("factory.toml")
