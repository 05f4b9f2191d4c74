"""Writes a specialist as one model: an MLX directory, or a GGUF file as far as mlx-lm can.

A helper child (see ``engine.work.helper``). Request::

    {"model": DIR, "adapter": DIR | null, "out": PATH, "kind": "mlx" | "gguf", "dequantise": false,
     "messages": [turns]}

Answer: ``layers`` that were fused; for "mlx" ``same_token`` and ``difference`` (the largest between
the logits after the prompt of what was packaged and of what was written, read again); for "gguf"
``tensors``, their count. ``out`` is made new; the parent moves it to its place.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from engine.work import blas, helper
from engine.work.fuse import fuse_layers, save_fused
from engine.work.helper import Send
from engine.work.models import load_whole
from engine.work.runtime import Refusal

GGUF_MODELS = ("llama", "mistral", "mixtral")
"""The architectures that mlx-lm's writer of GGUF knows (mlx_lm.fuse, 0.32.2)."""

LARGEST_FLOAT16 = 65504.0


def answer(request: dict[str, Any], send: Send) -> dict[str, Any]:
    """Refusal where there is nothing to fuse, or mlx-lm cannot write such a model."""
    path, out = Path(request["model"]), Path(request["out"])
    adapter = Path(request["adapter"]) if request.get("adapter") else None
    dequantise, gguf = bool(request["dequantise"]), request["kind"] == "gguf"
    if gguf:
        _check_gguf(_config(path), path, dequantise)
    blas.prepare()
    model, tokenizer, config = load_whole(path, path.name, adapter)
    before = None if gguf else _after(model, tokenizer, request["messages"])
    layers = fuse_layers(model, dequantise=dequantise)
    if adapter is not None and not layers:
        raise Refusal(f"The adapter changes no layer of {path.name}.")
    if dequantise:
        config.pop("quantization", None)
        config.pop("quantization_config", None)
    if gguf:
        return {"layers": layers, "tensors": _write_gguf(out, path, model, tokenizer, config)}
    save_fused(out, path, model, tokenizer, config)
    del model
    written, tokenizer, _ = load_whole(out, out.name)
    after = _after(written, tokenizer, request["messages"])
    return {"layers": layers, **_compared(before, after)}


def _after(model: Any, tokenizer: Any, messages: list[Any]) -> Any:
    """The logits of the token that follows the prompt."""
    import mlx.core as mx

    tokens = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    logits = model(mx.array([tokens]))[0, -1].astype(mx.float32)
    mx.eval(logits)
    return logits


def _compared(before: Any, after: Any) -> dict[str, Any]:
    import mlx.core as mx

    apart: Any = mx.max(mx.abs(before - after)).item()
    same = mx.argmax(before).item() == mx.argmax(after).item()
    return {"same_token": same, "difference": float(apart)}


# --- gguf -------------------------------------------------------------------------------------


def _config(path: Path) -> dict[str, Any]:
    found = json.loads((path / "config.json").read_text("utf-8"))
    return found if isinstance(found, dict) else {}


def _check_gguf(config: dict[str, Any], path: Path, dequantise: bool) -> None:
    """Refusal for what mlx-lm's writer does not write, or writes so that others misread it."""
    kind = config.get("model_type")
    if kind not in GGUF_MODELS:
        raise Refusal(
            f"mlx-lm writes GGUF of {', '.join(GGUF_MODELS)} only; this model is {kind}. Take "
            "--export mlx --dequantise and convert that with llama.cpp's convert_hf_to_gguf.py."
        )
    if ("quantization" in config or "quantization_config" in config) and not dequantise:
        raise Refusal(
            "mlx-lm writes no GGUF of packed weights. Add --dequantise: it is written in float16."
        )
    scaling = config.get("rope_scaling")
    named = scaling.get("type", scaling.get("rope_type")) if isinstance(scaling, dict) else None
    if named not in (None, "default", "linear"):
        raise Refusal(
            f"The positions of this model are scaled by {named}, which mlx-lm leaves out of a GGUF "
            "file: it would answer otherwise on long texts. Take --export mlx."
        )
    heads = config.get("num_attention_heads") or 1
    width = config.get("hidden_size", 0) // heads
    if config.get("head_dim") not in (None, width):
        raise Refusal(
            f"The heads of this model are {config['head_dim']} wide and not {width}, which mlx-lm "
            "does not write into a GGUF file. Take --export mlx."
        )
    _check_tokenizer(path)


def _check_tokenizer(path: Path) -> None:
    try:
        model = json.loads((path / "tokenizer.json").read_text("utf-8"))["model"]
        bytes_apart = model["type"] == "BPE" and bool(model.get("byte_fallback"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Refusal("The model has no tokenizer.json that mlx-lm could put into GGUF.") from error
    if not bytes_apart:
        raise Refusal(
            "mlx-lm writes every tokenizer into GGUF as if it were SentencePiece. This one is not: "
            "others would split text into other tokens. Take --export mlx --dequantise and convert "
            "that with llama.cpp's convert_hf_to_gguf.py."
        )


def _write_gguf(out: Path, base: Path, model: Any, tokenizer: Any, config: dict[str, Any]) -> int:
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.gguf import convert_to_gguf

    weights = dict(tree_flatten(model.parameters()))
    vocabulary = len(tokenizer.get_vocab())
    rows = weights["model.embed_tokens.weight"].shape[0]
    if rows != vocabulary:
        raise Refusal(
            f"The model has {rows:,} word vectors for {vocabulary:,} tokens, and mlx-lm names only "
            "the tokens: others would refuse the GGUF file. Take --export mlx."
        )
    for name, value in weights.items():
        largest: Any = mx.max(mx.abs(value)).item()
        if largest > LARGEST_FLOAT16:
            raise Refusal(f"{name} holds numbers that float16 does not. Take --export mlx.")
        weights[name] = value.astype(mx.float16)
    positions = config.get("rope_parameters")
    if config.get("rope_theta") is None and isinstance(positions, dict):
        config["rope_theta"] = positions.get("rope_theta")  # where newer configs have it
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        # The writer reads the tokenizer from a directory of its own.
        tokenizer.save_pretrained(folder)
        convert_to_gguf(Path(folder), weights, config, str(out))
    return len(weights)


if __name__ == "__main__":
    helper.serve(answer)
