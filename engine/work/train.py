"""The ``train`` stage: LoRA on an MLX model, through mlx-lm's layers, loss and optimizers."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.folder import FolderError, sha256_file, write_json_atomic
from engine.work import blas, models, runtime
from engine.work.runtime import Refusal, WorkerContext
from engine.work.specs import TrainSpec

if TYPE_CHECKING:
    from engine.work.checkpoints import Checkpoints
    from engine.work.rows import TokenRows
    from engine.work.training import Trainer
    from engine.work.tuning import Adapted

NO_EFFECT = (
    "adapter_dir",
    "report_every",
    "save_every",
    "keep_checkpoints",
    "grad_checkpoint",
    "resume_from",
)
"""Settings that do not change the curve; all others are in the settings' hash."""


def main(ctx: WorkerContext) -> None:
    spec = ctx.parse(TrainSpec)
    ctx.emit(**blas.prepare())
    from engine.work.checkpoints import Checkpoints, TrainState
    from engine.work.training import Trainer
    from engine.work.tuning import add_lora, make_optimizer

    path = models.resolve(ctx, spec.model, spec.revision)
    model, tokenizer, _ = models.load(ctx, path, spec.model)
    rows = _rows(ctx, spec, tokenizer, "training", spec.train)
    valid = {
        name: _rows(ctx, spec, tokenizer, f"valid {name}", file)
        for name, file in spec.valid_files.items()
    }
    adapted = add_lora(model, spec)
    adapter_dir = ctx.path(spec.adapter_dir)
    adapter_dir.mkdir(parents=True, exist_ok=True)
    write_json_atomic(adapter_dir / "adapter_config.json", adapted.config)
    state = TrainState(settings_sha256=settings_hash(ctx, spec))
    trainer = Trainer(ctx, spec, model, make_optimizer(spec), rows, valid, state)
    _say_what(ctx, spec, adapted, rows)
    _go_on(ctx, spec, trainer, Checkpoints(adapter_dir))
    trainer.train()


def settings_hash(ctx: WorkerContext, spec: TrainSpec) -> str:
    """SHA-256 over the settings that change the curve and the data files' bytes."""
    settings: dict[str, Any] = spec.model_dump(mode="json", exclude=set(NO_EFFECT))
    files = [spec.train, *spec.valid_files.values()]
    settings["sha256"] = {file: sha256_file(ctx.path(file)) for file in files}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _rows(ctx: WorkerContext, spec: TrainSpec, tokenizer: Any, what: str, file: str) -> TokenRows:
    from engine.work.rows import tokenise

    last = time.monotonic()

    def each(done: int, total: int) -> None:
        nonlocal last
        if done % 64 == 0 and time.monotonic() - last > 1.0:
            last = time.monotonic()
            ctx.emit(kind="progress", done=done, total=total, unit=f"{what} rows read")
            ctx.check_stop()

    rows = tokenise(
        ctx.path(file),
        file,
        tokenizer,
        mask_prompt=spec.mask_prompt,
        max_seq_len=spec.max_seq_len,
        each=each,
    )
    for note in rows.notes(spec.max_seq_len):
        ctx.message("rows", note, level="warning")
    return rows


def _say_what(ctx: WorkerContext, spec: TrainSpec, adapted: Adapted, rows: TokenRows) -> None:
    if spec.num_layers > adapted.num_layers:
        ctx.message(
            "layers",
            f"num_layers is {spec.num_layers}, the model has {adapted.num_layers}: all are used.",
        )
    if len(rows) < spec.batch_size:
        ctx.message(
            "small-data",
            f"There are {len(rows)} training rows, fewer than a batch ({spec.batch_size}): each "
            "step uses all of them.",
            level="warning",
        )
    if spec.keep_best and not spec.valid_files:
        ctx.message(
            "no-validation",
            "There is no validation set, so the last adapter is kept, not the best.",
            level="warning",
        )
    share = adapted.trainable / adapted.total
    ctx.message(
        "train",
        f"LoRA trains {adapted.trainable:,} of {adapted.total:,} parameters ({share:.2%}): "
        f"{', '.join(adapted.keys)} in the last {adapted.num_layers} layers; {len(rows):,} rows "
        f"of {int(rows.lengths.mean())} tokens on average, {int(rows.lengths.max())} at most.",
        trainable_parameters=adapted.trainable,
        total_parameters=adapted.total,
    )


def _go_on(ctx: WorkerContext, spec: TrainSpec, trainer: Trainer, checkpoints: Checkpoints) -> None:
    """Take up the newest whole checkpoint, or say that training starts at the beginning."""
    checkpoints.clear_temporary()
    if ctx.resuming:
        if _resume(ctx, trainer, checkpoints):
            return
        ctx.message(
            "not-restored",
            "There is no whole checkpoint to go on from: training starts again at step 1.",
            level="warning",
        )
    elif aside := checkpoints.set_aside():
        ctx.message(
            "checkpoints-set-aside",
            f"Checkpoints of an earlier start were renamed to {aside.name}.",
            level="warning",
        )
    if spec.resume_from:
        _start_from(ctx, trainer, ctx.path(spec.resume_from))


def _resume(ctx: WorkerContext, trainer: Trainer, checkpoints: Checkpoints) -> bool:
    from engine.work.checkpoints import ADAPTER_FILE

    found = checkpoints.newest_whole(
        lambda text: ctx.message("broken-checkpoint", text, level="warning")
    )
    if found is None:
        return False
    path, state = found
    if state.settings_sha256 != trainer.state.settings_sha256:
        raise Refusal(
            f"The checkpoint of step {state.step} was made with other settings or other data "
            "than plan.json names now. Put those back, or make a new run."
        )
    trainer.restore(path, state)
    if state.best_step is not None and not (trainer.adapter_dir / ADAPTER_FILE).is_file():
        ctx.message(
            "best-lost",
            f"The best adapter, of step {state.best_step}, is gone; the best from here on is kept.",
            level="warning",
        )
        state.best_step = state.best_val_loss = None
    ctx.message(
        "resumed", f"Going on after step {state.step} of {trainer.spec.iters}.", step=state.step
    )
    return True


def _start_from(ctx: WorkerContext, trainer: Trainer, source: Path) -> None:
    """Begin with the state of another run's checkpoint, or with an adapter's weights alone."""
    from mlx.utils import tree_flatten

    from engine.work.checkpoints import ADAPTER_FILE, load_arrays, read_state

    try:
        state = read_state(source)
    except FolderError:
        state = None
    if state is not None and state.settings_sha256 == trainer.state.settings_sha256:
        trainer.restore(source, state)
        ctx.message("resumed", f"Going on after step {state.step} of {source.name}.")
        return
    weights = load_arrays(source / ADAPTER_FILE)
    mine = dict(tree_flatten(trainer.model.trainable_parameters()))
    fits = weights.keys() == mine.keys() and all(
        weights[name].shape == mine[name].shape for name in mine
    )
    if not fits:
        raise Refusal(
            f"resume_from: the adapter in {source.name} does not fit: it was made for another "
            "model, or with other lora settings."
        )
    trainer.model.load_weights(list(weights.items()), strict=False)
    ctx.message(
        "not-restored",
        f"The weights of {source.name} were taken over; the optimizer's state, the step and the "
        "order of the data begin anew, as that run had other settings.",
        level="warning",
    )


if __name__ == "__main__":
    runtime.run(main)
