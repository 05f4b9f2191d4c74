"""pretrain: raw text is cut, held against gold, trained on, and fused into a new base."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.folder import sha256_file
from engine.work.corpus import pieces
from tests.engine.loops.project_kit import lines, make_project, run, write

GOLD = "please bring the drone down near the old barn"
TEXT = " ".join(["alpha bravo cargo delta ember"] * 12)
FORGE = """\
# What is read, and by whom.
model:
  base: {base}  # tiny
  max_seq_len: 64
lora: {{r: 4, alpha: 8, target_modules: [q_proj, v_proj]}}
pretrain: {{epochs: 2, batch_size: 2, gradient_accumulation_steps: 1, learning_rate: 1e-3}}
"""


@pytest.fixture
def target(tmp_path: Path, model_dir: Path) -> Path:
    target = make_project(tmp_path, forge=FORGE.format(base=model_dir))
    corpus = target / "dataset/corpus"
    corpus.mkdir()
    (corpus / "a.txt").write_text(f"{TEXT}\n\n{TEXT} fjord.\n\nHe said: {GOLD}, and went.\n")
    (corpus / "b.md").write_bytes(b"\xff broken utf-8 is no reason to stop\n")
    write(corpus / "more/c.jsonl", [{"text": TEXT}, {"text": "grain haste ivory"}, {"no": 1}])
    (corpus / "notes.pdf").write_bytes(b"%PDF")
    return target


@pytest.mark.slow
def test_a_base_reads_and_becomes_a_new_base(target: Path, model_dir: Path) -> None:
    before = sha256_file(model_dir / "model.safetensors")
    done = run("pretrain", target, "--set-base")
    assert done.code == 0, done.err + done.out
    assert "held-out question stands in them" in done.err and "1 lines hold no text" in done.err
    merged = target / "output/pretrain_merged"
    assert (merged / "config.json").is_file() and (merged / "tokenizer.json").is_file()
    assert sha256_file(merged / "model.safetensors") != before
    assert sha256_file(model_dir / "model.safetensors") == before
    found = json.loads((target / "output/pretrain_results.json").read_text())
    assert found["model"] == str(model_dir) and found["corpus_files"] == 3
    assert found["epochs"] == 2 and found["learning_rate"] == 1e-3
    assert found["final_loss"] > 0 and found["elapsed_min"] > 0
    assert found["merged_path"] == "output/pretrain_merged"
    assert (target / found["adapter_path"] / "adapters.safetensors").is_file()

    (made,) = (target.parent.parent / "runs").iterdir()
    rows = lines(made / "data/train.jsonl")
    assert len(rows) == found["corpus_chunks"] and all(set(row) == {"text"} for row in rows)
    assert not any(GOLD in row["text"] for row in rows)
    assert any("broken utf-8" in row["text"] for row in rows)

    forge = (target / "forge.yaml").read_text()
    assert "base: output/pretrain_merged  # tiny" in forge and "# What is read" in forge
    again = run("pretrain", target)
    assert again.code == 3 and "trained on top of itself" in again.err
    # The new base is one like any other.
    write(target / "dataset/probe.jsonl", [{"question": "alpha", "ideal": "bravo"}])
    assert run("probe", target, "--tag", "read", "--overlap").code == 0


def test_what_cannot_be_read_is_a_sentence(target: Path, tmp_path: Path) -> None:
    for name, says in (
        ("nowhere", "There is no corpus"),
        ("empty", "holds no .txt, .md, .jsonl"),
        ("notes.pdf", "is none of .txt, .md, .jsonl"),
    ):
        place = tmp_path / name
        if name == "empty":
            place.mkdir()
        elif name == "notes.pdf":
            place.write_bytes(b"%PDF")
        done = run("pretrain", target, "--corpus", place)
        assert done.code == 3 and says in done.err
    blank = tmp_path / "blank.txt"
    blank.write_text(" \n\n")
    done = run("pretrain", target, "--corpus", blank)
    assert done.code == 3 and "holds no text that could be trained on" in done.err
    assert list((target.parent.parent / "runs").iterdir()) == []


def test_adapters_are_not_stacked_and_a_recipe_comes_first(target: Path) -> None:
    adapter = target / "output/adapter"
    adapter.mkdir(parents=True)
    (adapter / "adapter_config.json").write_text("{}")
    (target / "forge.yaml").write_text("model: {base: output/adapter}\n")
    done = run("pretrain", target)
    assert done.code == 3 and "adapters are not stacked on adapters" in done.err
    (target / "forge.yaml").write_text("factory: {base: {hidden_size: 16}}\n")
    done = run("pretrain", target, "--set-base")
    assert done.code == 3 and "recipe for the base" in done.err


def count(text: str) -> int:
    """A tokenizer of sorts: three characters a token, and a beginning."""
    return 1 + -(-len(text) // 3)


@given(st.text(alphabet="ab .\n", max_size=400), st.integers(min_value=3, max_value=40))
def test_pieces_are_short_and_lose_nothing_but_space(text: str, most: int) -> None:
    found = list(pieces(text, most, count))
    assert all(count(one) <= most and one.strip() == one and one for one in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_pieces_are_cut_at_the_best_places() -> None:
    text = "First one. Second one.\n\nA new part that is longer. It ends here."
    assert list(pieces(text, 12, count)) == [
        "First one. Second one.",
        "A new part that is longer.",
        "It ends here.",
    ]
    assert list(pieces(text, 100, count)) == [text]
