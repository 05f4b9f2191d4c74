"""A tiny llama with a tokenizer that falls back to bytes, and an adapter for it; run in a child."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LAYERS = 2
KEYS = ["self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"]
CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": LAYERS,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "max_position_embeddings": 256,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "eos_token_id": 2,
}
TEMPLATE = (
    "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


def make(folder: Path) -> None:
    """``base`` and ``adapters`` below ``folder``."""
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.models.llama import Model, ModelArgs
    from mlx_lm.tuner.utils import linear_to_lora_layers
    from mlx_lm.utils import save_config, save_model

    base = folder / "base"
    config = {**CONFIG, "vocab_size": _tokenizer(base)}
    mx.random.seed(0)
    model = Model(ModelArgs.from_dict(config))
    mx.eval(model.parameters())
    save_model(base, model)
    save_config(config, base / "config.json")
    model.freeze()
    lora = {"rank": 4, "scale": 4.0, "dropout": 0.0, "keys": KEYS}
    linear_to_lora_layers(model, LAYERS, lora)
    weights = {
        name: mx.random.normal(value.shape) * 0.3
        for name, value in tree_flatten(model.trainable_parameters())
    }
    adapters = folder / "adapters"
    adapters.mkdir()
    mx.save_safetensors(str(adapters / "adapters.safetensors"), weights)
    settings = {"fine_tune_type": "lora", "num_layers": LAYERS, "lora_parameters": lora}
    (adapters / "adapter_config.json").write_text(json.dumps(settings))


def _tokenizer(folder: Path) -> int:
    from tokenizers import Tokenizer, decoders, models, normalizers

    words = ["<unk>", "<s>", "</s>", *(f"<0x{one:02X}>" for one in range(256)), "▁"]
    words += [chr(one) for one in range(33, 127)]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=[], byte_fallback=True, unk_token="<unk>")
    )
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(words[:3])
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<unk>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "chat_template": TEMPLATE,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return len(words)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
