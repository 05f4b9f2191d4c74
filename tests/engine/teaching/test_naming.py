"""The names of teachers: who they are, and what a name must not do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from engine.secrecy import Hider
from engine.teaching.errors import TeachingError
from engine.teaching.keys import environment
from engine.teaching.naming import ANTHROPIC_URL, OPENAI_URL, TeacherSpec, spec_for
from engine.teaching.prices import price_of
from engine.workspace import Workspace


@pytest.mark.parametrize(
    ("name", "api", "model", "url", "key"),
    [
        ("claude-sonnet-4-6", "anthropic", "claude-sonnet-4-6", ANTHROPIC_URL, "ANTHROPIC_API_KEY"),
        ("anthropic:claude-x", "anthropic", "claude-x", ANTHROPIC_URL, "ANTHROPIC_API_KEY"),
        ("openai:gpt-5-mini", "openai", "gpt-5-mini", OPENAI_URL, "OPENAI_API_KEY"),
        ("local", "openai", "default_model", "http://127.0.0.1:8080/v1", None),
        ("ollama:qwen3:8b", "openai", "qwen3:8b", "http://127.0.0.1:11434/v1", None),
        ("lmstudio:a/b", "openai", "a/b", "http://127.0.0.1:1234/v1", None),
        ("http://127.0.0.1:9/v1", "openai", "default_model", "http://127.0.0.1:9/v1", None),
        ("a/b@http://127.0.0.1:9", "openai", "a/b", "http://127.0.0.1:9", None),
        ("openai:a@https://x.example/v1", "openai", "a", "https://x.example/v1", None),
        ("anthropic:a@https://x.example", "anthropic", "a", "https://x.example", None),
        ("claude-a@https://x.example", "openai", "claude-a", "https://x.example", None),
        (" claude-a ", "anthropic", "claude-a", ANTHROPIC_URL, "ANTHROPIC_API_KEY"),
    ],
)
def test_names(name: str, api: str, model: str, url: str, key: str | None) -> None:
    spec = spec_for(name)
    assert (spec.api, spec.model, spec.url, spec.key_variable) == (api, model, url, key)
    assert spec.official == (key is not None)
    assert spec.concurrency == (1 if "127.0.0.1" in url else 4)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "No teacher is named"),
        ("gpt-5-mini", "write openai:gpt-5-mini"),
        ("locl", "Did you mean local"),
        ("ollama:", "There is no teacher ollama:"),
        ("serve:base", "none is open"),
        ("a@ftp://x", "is no address"),
        ("a@http://me:secret-word@x/v1", "user or password"),
        ("http://me:secret-word@x/v1", "user or password"),
        ("a@http://x/v1?key=1", "ends with its path"),
        ("nonsense:x", "There is no teacher"),
    ],
)
def test_names_of_nobody(name: str, sentence: str) -> None:
    with pytest.raises(TeachingError, match=sentence) as error:
        spec_for(name)
    assert error.value.code == "name"
    assert "secret-word" not in str(error.value)


def table(tmp_path: Path, text: str) -> Workspace:
    (tmp_path / "factory.toml").write_text(text)
    return Workspace(tmp_path)


def test_a_table_of_factory_toml(tmp_path: Path) -> None:
    text = """
[teachers.big]
model = "qwen3-235b"
url = "https://gate.example/v1"
key = "GATE_KEY"
input_usd = 0.5
output_usd = 1.5
concurrency = 8
max_tokens = 4000

[teachers.claude-sonnet-4-6]
api = "anthropic"
model = "claude-opus-5"
temperature = 0.2
"""
    workspace = table(tmp_path, text)
    spec = spec_for("big", workspace)
    assert spec == TeacherSpec(
        "big", "openai", "qwen3-235b", "https://gate.example/v1", "GATE_KEY",
        input_usd=0.5, output_usd=1.5, concurrency=8, max_tokens=4000,
    )  # fmt: skip
    price = price_of(spec)
    assert price is not None and price.cost(1_000_000, 2_000_000) == pytest.approx(3.5)
    # A table may take over a name that a forge.yaml uses.
    other = spec_for("claude-sonnet-4-6", workspace)
    assert (other.model, other.url, other.temperature) == ("claude-opus-5", ANTHROPIC_URL, 0.2)
    assert other.official and other.key_variable == "ANTHROPIC_API_KEY"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[teachers.a]\nmodle = 'x'", "teachers.a.modle"),
        ("[teachers.a]\nkey = 'sk-live-123'", "teachers.a.key"),
        ("[teachers.a]\nmax_tokens = 0", "teachers.a.max_tokens"),
        ("[teachers.a]\napi = 'smtp'", "teachers.a.api"),
        ("[teachers]\na = 3", "teachers.a"),
        ("teachers = 3", "no table of tables"),
        ("[teachers.a", "cannot be read"),
        ("[teachers.a]\napi = 'openai'", "neither a url nor a model"),
    ],
)
def test_a_table_that_is_wrong(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(TeachingError, match=sentence) as error:
        spec_for("a", table(tmp_path, text))
    assert error.value.code == "name"
    assert "sk-live-123" not in str(error.value)


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TeachingError, match="There is no server base"):
        spec_for("serve:base", table(tmp_path, ""))


def test_prices(tmp_path: Path) -> None:
    known = price_of(spec_for("claude-sonnet-4-6"))
    assert known is not None and known.output_usd > known.input_usd > 0
    assert known.source.startswith("genai-prices ")
    assert price_of(spec_for("claude-that-never-was")) is None
    assert price_of(spec_for("claude-sonnet-4-6@http://127.0.0.1:9")) is None
    assert price_of(spec_for("local")) is None


def test_the_env_file_is_beneath_the_environment_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "of-the-environment")
    (tmp_path / ".env").write_bytes(
        "\ufeffA_KEY=of-the-file\nexport B_KEY='quoted # not a comment'\nC_KEY=plain # a comment\n"
        "# D_KEY=no\nE KEY=no\n=no\nF_KEY=\nHTTPS_PROXY=http://evil.example\n".encode()
    )
    env = environment(tmp_path)
    assert env["A_KEY"] == "of-the-environment"
    assert env["B_KEY"] == "quoted # not a comment"
    assert (env["C_KEY"], env["F_KEY"]) == ("plain", "")
    assert "D_KEY" not in env
    assert "B_KEY" not in os.environ


@pytest.mark.parametrize("make", ["directory", "binary", "missing", "pipe"])
def test_an_env_file_that_is_none(tmp_path: Path, make: str) -> None:
    file = tmp_path / ".env"
    if make == "directory":
        file.mkdir()
    elif make == "binary":
        file.write_bytes(b"\xff\xfe\x00A_KEY=1")
    elif make == "pipe":
        os.mkfifo(file)
    assert environment(tmp_path, {"X": "1"}) == {"X": "1"}


def test_secrets_are_hidden(tmp_path: Path) -> None:
    env: dict[str, Any] = {
        "ANTHROPIC_API_KEY": "sk-ant-12345678",
        "HF_TOKEN": "hf_abcdefgh",
        "DB_PASSWORD": "short",
        "MONKEY": "not-a-secret",
        "PATH": "/usr/local/bin",
    }
    hide = Hider(env, "given-key-1", None, named=())
    text = "sk-ant-12345678 hf_abcdefgh given-key-1 short /usr/local/bin"
    assert hide(text) == "*** *** *** short /usr/local/bin"
