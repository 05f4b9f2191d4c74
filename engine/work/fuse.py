"""The ``fuse`` stage: the adapter's weights added to the base model's, as a model directory."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

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
    from mlx.utils import tree_unflatten
    from mlx_lm.utils import save_config, save_model

    fused = [(name, part.fuse()) for name, part in model.named_modules() if hasattr(part, "fuse")]
    if not fused:
        raise Refusal(f"The adapter {spec.adapter} changes no layer of {spec.model}.")
    model.update_modules(tree_unflatten(fused))
    out = ctx.path(spec.out)
    beside = out.with_name(f".tmp-{out.name}-{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        save_model(beside, model)
        vision = "vision_tower" in getattr(model, "model", {})
        save_config(config, beside / "config.json", keep_vision_config=vision)
        tokenizer.save_pretrained(str(beside))
        for pattern in COPIED:
            for file in path.glob(pattern):
                shutil.copy(file, beside)
        ctx.check_stop()
        _replace(beside, out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    ctx.message("fused", f"{len(fused)} layers were fused into {out.name} ({size / 2**20:.1f} MB).")


def _replace(beside: Path, out: Path) -> None:
    """Put a whole directory in the place of ``out``, which may be there from an earlier start."""
    old = out.with_name(f".tmp-{out.name}-old-{os.getpid()}")
    if out.exists():
        out.rename(old)
    beside.rename(out)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    runtime.run(main)
