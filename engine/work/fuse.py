"""The ``fuse`` stage: the adapter's weights added to the base model's, as a model directory."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from engine.work import blas, models, runtime
from engine.work.runtime import Refusal, WorkerContext
from engine.work.specs import FuseSpec

COPIED = ("*.py", "generation_config.json")
"""Files of the base model that a fused one needs as they are."""


def main(ctx: WorkerContext) -> None:
    spec = ctx.parse(FuseSpec)
    ctx.emit(**blas.prepare())
    path = models.resolve(ctx, spec.model, spec.revision)
    model, tokenizer, config = models.load(ctx, path, spec.model, ctx.path(spec.adapter))
    fused = fuse_layers(model)
    if not fused:
        raise Refusal(f"The adapter {spec.adapter} changes no layer of {spec.model}.")
    out = ctx.path(spec.out)
    beside = out.with_name(f".tmp-{out.name}-{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        save_fused(beside, path, model, tokenizer, config)
        ctx.check_stop()
        _replace(beside, out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    ctx.message("fused", f"{fused} layers were fused into {out.name} ({size / 2**20:.1f} MB).")


def fuse_layers(model: Any, *, dequantise: bool = False) -> int:
    """Add the adapter's weights to the model's, layer by layer; returns how many layers it changed.

    With ``dequantise`` the packed weights of the whole model become ordinary ones.
    """
    from mlx.utils import tree_unflatten
    from mlx_lm.utils import dequantize_model

    fused = [
        (name, part.fuse(dequantize=dequantise))
        for name, part in model.named_modules()
        if hasattr(part, "fuse")
    ]
    model.update_modules(tree_unflatten(fused))
    if dequantise:
        dequantize_model(model)
    return len(fused)


def save_fused(out: Path, base: Path, model: Any, tokenizer: Any, config: dict[str, Any]) -> None:
    """Write a model directory: weights, config, tokenizer, and what the base has besides."""
    from mlx_lm.utils import save_config, save_model

    save_model(out, model)
    vision = "vision_tower" in getattr(model, "model", {})
    save_config(config, out / "config.json", keep_vision_config=vision)
    tokenizer.save_pretrained(str(out))
    for pattern in COPIED:
        for file in base.glob(pattern):
            shutil.copy(file, out)


def _replace(beside: Path, out: Path) -> None:
    """Put a whole directory in the place of ``out``, which may be there from an earlier start."""
    old = out.with_name(f".tmp-{out.name}-old-{os.getpid()}")
    if out.exists():
        out.rename(old)
    beside.rename(out)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    runtime.run(main)
