"""The ``convert`` stage: a model in fewer bits, once, into the workspace's cache.

The result is an ordinary MLX model directory, with ``converted.json`` that says what it was made
from. It is built beside its place and renamed, so that it is either whole or not there.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from engine.folder import write_json_atomic
from engine.work import blas, models, runtime
from engine.work.pretrain import put_in_place
from engine.work.runtime import Refusal, WorkerContext
from engine.work.specs import ConvertSpec

SAYS = "converted.json"


def main(ctx: WorkerContext) -> None:
    spec = ctx.parse(ConvertSpec)
    out = ctx.path(spec.out)
    if is_whole(out):
        ctx.message("cached", f"{spec.model} in {spec.bits} bits was found in the cache.")
        return
    ctx.emit(**blas.prepare())
    path = models.resolve(ctx, spec.model, spec.revision)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".tmp-{out.name}-", dir=out.parent))
    try:
        said = _convert(ctx, spec, path, temporary)
        write_json_atomic(temporary / SAYS, spec.model_dump(exclude={"out"}))
        ctx.check_stop()
        put_in_place(temporary, out, is_whole)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    ctx.message("converted", said)


def is_whole(out: Path) -> bool:
    """Whether ``out`` is a model directory that a convert stage finished."""
    return (out / SAYS).is_file() and (out / "config.json").is_file()


def _convert(ctx: WorkerContext, spec: ConvertSpec, path: Path, out: Path) -> str:
    """Write the model to ``out``; what was done, as a sentence."""
    import mlx.nn as nn
    from mlx_lm.utils import compute_bits_per_weight, quantize_model, save

    model, tokenizer, config = models.load(ctx, path, spec.model)
    if config.get("quantization"):
        save(out, str(path), model, tokenizer, config)
        return f"{spec.model} was quantised already and is taken as it is."
    with ctx.interruptible():
        model, config = quantize_model(model, config, spec.group_size, spec.bits)
        packed = [one for _, one in model.named_modules() if isinstance(one, nn.QuantizedLinear)]
        if not packed:
            raise Refusal(
                f"No layer of {spec.model} can be converted: their widths are no multiples of "
                f"{spec.group_size}. Set model.load_in_4bit to false in forge.yaml."
            )
        bits = compute_bits_per_weight(model)
        save(out, str(path), model, tokenizer, config)
    return (
        f"{spec.model} was converted: {len(packed)} layers to {spec.bits} bits, {bits:.1f} bits a "
        "weight over all."
    )


if __name__ == "__main__":
    runtime.run(main)
