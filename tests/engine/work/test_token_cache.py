"""The cache of tokens: the same rows as without it, for the same data and tokenizer alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.work import token_cache
from engine.work.rows import TokenRows
from engine.work.token_cache import TokenCache
from tests.engine.work.children import curve, make_run, run_child
from tests.engine.work.test_train import spec
from tests.engine.work.tiny import chat_rows, write_rows


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "train.jsonl"
    path.write_text('{"text": "alpha"}\n')
    return path


def cache(model: Path, *, mask_prompt: bool = True, max_seq_len: int = 64) -> TokenCache:
    folder = model.parent / "cache"
    return TokenCache(folder, model, mask_prompt=mask_prompt, max_seq_len=max_seq_len)


def rows(*lengths: int) -> TokenRows:
    found = TokenRows("train.jsonl", truncated=1, dropped=2, longest=99)
    for number, length in enumerate(lengths):
        found.tokens.append(np.arange(number, number + length, dtype=np.int32))
        found.starts.append(number)
    return found


def test_what_is_kept_comes_back_as_it_was(model: Path, data: Path) -> None:
    assert cache(model).find(data, "x") is None
    kept = rows(3, 1, 5)
    cache(model).keep(data, kept)
    found = cache(model).find(data, "shown name")
    assert found is not None
    assert [row.tolist() for row in found.tokens] == [row.tolist() for row in kept.tokens]
    assert (found.name, found.starts) == ("shown name", kept.starts)
    assert (found.truncated, found.dropped, found.longest) == (1, 2, 99)
    assert found.tokens[0].dtype == np.int32


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda m, d: d.write_text("{}\n"), id="data"),
        pytest.param(lambda m, d: (m / "tokenizer.json").write_text("[]"), id="tokenizer"),
        pytest.param(lambda m, d: (m / "chat_template.jinja").write_text("{{ x }}"), id="template"),
        pytest.param(lambda m, d: (m / "config.json").write_text("{}"), id="config"),
    ],
)
def test_other_tokens_are_not_found(
    model: Path, data: Path, change: Callable[[Path, Path], object]
) -> None:
    cache(model).keep(data, rows(3))
    change(model, data)
    assert cache(model).find(data, "x") is None


def test_other_settings_are_other_rows_and_other_weights_are_not(model: Path, data: Path) -> None:
    cache(model).keep(data, rows(3))
    assert cache(model, mask_prompt=False).find(data, "x") is None
    assert cache(model, max_seq_len=32).find(data, "x") is None
    (model / "model.safetensors").write_bytes(b"other weights")
    assert cache(model).find(data, "x") is not None


def test_a_template_with_the_date_is_another_one_tomorrow(
    model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (model / "chat_template.jinja").write_text("{{ strftime_now('%d %b %Y') }}")
    cache(model).keep(data, rows(3))
    assert cache(model).find(data, "x") is not None

    class Tomorrow(date):
        @classmethod
        def today(cls) -> Tomorrow:
            return cls(2100, 1, 1)

    monkeypatch.setattr(token_cache, "date", Tomorrow)
    assert cache(model).find(data, "x") is None


def test_a_damaged_file_is_made_again(model: Path, data: Path) -> None:
    cache(model).keep(data, rows(3, 4))
    (path,) = (model.parent / "cache").glob("*.tokens")
    whole = path.read_bytes()
    damaged = [whole[:size] for size in range(0, len(whole), 97)]
    damaged += [
        whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), 53)
    ]
    for one in damaged:
        path.write_bytes(one)
        assert cache(model).find(data, "x") is None
    cache(model).keep(data, rows(3, 4))
    assert cache(model).find(data, "x") is not None


def test_the_cache_stays_within_its_bound(
    model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_cache, "MAX_BYTES", 8_000)
    paths = []
    for number in range(4):
        path = data.with_name(f"{number}.jsonl")
        path.write_text(str(number))
        cache(model).keep(path, rows(500))
        paths.append(path)
        for age, kept in enumerate(reversed(paths)):
            if (there := cache(model)._path(kept)).exists():
                os.utime(there, (1000 - age, 1000 - age))
    there = [cache(model).find(path, "x") is not None for path in paths]
    assert there == [False, False, True, True]
    cache(model).keep(data, rows(100_000))
    assert cache(model).find(data, "x") is None


def test_a_disk_that_takes_nothing_is_no_trouble(model: Path, data: Path) -> None:
    (model.parent / "cache").write_text("a file where the folder should be")
    cache(model).keep(data, rows(3))
    assert cache(model).find(data, "x") is None


def test_a_second_run_on_the_same_data_takes_the_same_steps_without_a_tokenizer(
    tmp_path: Path, model_dir: Path
) -> None:
    few = spec(model_dir, iters=4, eval_every=4, save_every=4)
    starts, curves = [], []
    for folder in ("first", "second"):
        root = tmp_path / folder
        if folder == "second":
            (tmp_path / "first" / ".factory").rename(root.mkdir() or root / ".factory")
        run = make_run(root, "train", few)
        write_rows(run / "data" / "train.jsonl", chat_rows(50, 12, 80))
        write_rows(run / "data" / "valid.jsonl", chat_rows(12, 12, 60, seed=1))
        write_rows(run / "data" / "valid-breadth.jsonl", chat_rows(6, 12, 60, seed=2))
        code, events = run_child(run)
        assert code == 0, (run / "train.log").read_text()
        starts.append(next(e["start_s"] for e in events if e.get("code") == "train"))
        curves.append((curve(events), curve(events, "val_loss")))
        notes = [e["text"] for e in events if e.get("code") == "rows"]
        assert len(notes) == 2, "rows over max_seq_len are told of, kept or not"
    assert "tokenise" in starts[0]
    assert "tokenise" not in starts[1]
    assert curves[0] == curves[1]
