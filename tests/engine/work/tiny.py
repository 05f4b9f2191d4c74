"""A tiny model made by code, for tests and benchmarks: random weights, a tokenizer, chat rows."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
WORDS = ["alpha", "bravo", "cargo", "delta", "ember", "fjord", "grain", "haste", "ivory", "jolly"]


def make_model(
    folder: Path, *, hidden: int = 64, layers: int = 2, heads: int = 4, seed: int = 0
) -> Path:
    """An ordinary MLX model directory (qwen3, float32, random weights); returns ``folder``."""
    import mlx.core as mx
    from mlx_lm.models.qwen3 import Model, ModelArgs
    from mlx_lm.utils import save_config, save_model

    vocabulary = _tokenizer(folder)
    config: dict[str, Any] = {
        "model_type": "qwen3",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "intermediate_size": 2 * hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "head_dim": hidden // heads,
        "rms_norm_eps": 1e-6,
        "vocab_size": vocabulary,
        "max_position_embeddings": 2048,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "eos_token_id": SPECIAL.index("<|end|>"),
    }
    mx.random.seed(seed)
    model = Model(ModelArgs.from_dict(config))
    mx.eval(model.parameters())
    save_model(folder, model)
    save_config(config, folder / "config.json")
    return folder


def _tokenizer(folder: Path) -> int:
    """Write a byte-level BPE tokenizer; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["".join(f" {word}" for word in WORDS)] * 4, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|end|>",
        "pad_token": "<|pad|>",
        "chat_template": TEMPLATE,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return tokenizer.get_vocab_size()


def make_scripted(folder: Path, script: dict[str, str], template: str | None = None) -> Path:
    """A model that answers as scripted: the last word of its prompt decides; returns ``folder``.

    ``script`` is word (of ``WORDS``) to answer. Every layer passes on what it gets, so the next
    token follows from the last one alone: the word gives the answer, which is one token of its own,
    and that gives the end. The template ends with the user's words, unless another is given.
    """
    import mlx.core as mx
    from mlx.utils import tree_unflatten
    from mlx_lm.models.qwen3 import Model, ModelArgs
    from mlx_lm.utils import save_config, save_model
    from tokenizers import AddedToken, Tokenizer

    _tokenizer(folder)
    file = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in script.values()])
    tokenizer.save(str(file))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["chat_template"] = template or "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    vocabulary, hidden = tokenizer.get_vocab_size(), 512
    config: dict[str, Any] = {
        "model_type": "qwen3",
        "hidden_size": hidden,
        "num_hidden_layers": 1,
        "intermediate_size": 32,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "rms_norm_eps": 1e-6,
        "vocab_size": vocabulary,
        "max_position_embeddings": 512,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "eos_token_id": SPECIAL.index("<|end|>"),
    }
    mx.random.seed(0)
    model = Model(ModelArgs.from_dict(config))
    embedding = mx.random.normal((vocabulary, hidden))
    head = mx.zeros((vocabulary, hidden))
    for word, text in script.items():
        before, answer = tokenizer.token_to_id(f"Ġ{word}"), tokenizer.token_to_id(text)
        head[answer] = head[answer] + embedding[before]
        end = SPECIAL.index("<|end|>")
        head[end] = head[end] + embedding[answer]
    weights = {
        "model.embed_tokens.weight": embedding,
        "lm_head.weight": head,
        "model.layers.0.self_attn.o_proj.weight": mx.zeros((hidden, 32)),
        "model.layers.0.mlp.down_proj.weight": mx.zeros((hidden, 32)),
    }
    model.update(tree_unflatten(list(weights.items())))
    mx.eval(model.parameters())
    save_model(folder, model)
    save_config(config, folder / "config.json")
    return folder


def chat_rows(count: int, low: int, high: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of ``low`` to ``high`` tokens (at least 8), uniformly; each word is one token.

    The answer is the last two words of the question. The template takes four tokens.
    """
    chance = random.Random(seed)
    rows = []
    for _ in range(count):
        size = chance.randint(low, high) - 6
        words = [chance.choice(WORDS) for _ in range(max(2, size))]
        ask, answer = ("".join(f" {word}" for word in part) for part in (words, words[-2:]))
        rows.append(
            {
                "messages": [
                    {"role": "user", "content": ask},
                    {"role": "assistant", "content": answer},
                ]
            }
        )
    return rows


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
