"""The ``train`` stage: LoRA on an MLX model, through mlx-lm's layers, loss and optimizers."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.folder import FolderError, sha256_file, write_json_atomic
from engine.work import bare_mlx_lm, blas, models, runtime
from engine.work.runtime import Refusal, WorkerContext
from engine.work.specs import TrainSpec
from engine.work.spent import Spent
from engine.work.token_cache import TokenCache

if TYPE_CHECKING:
    from engine.work.checkpoints import Checkpoints
    from engine.work.group import Alone
    from engine.work.rows import TokenRows
    from engine.work.training import Trainer
    from engine.work.tuning import Adapted

TOKENS = ".factory/cache/tokens"
"""Below the workspace: rows that were tokenised before."""

NO_EFFECT = (
    "adapter_dir",
    "report_every",
    "save_every",
    "keep_checkpoints",
    "grad_checkpoint",
    "resume_from",
    "compute",
)
"""Settings that do not change the curve; all others are in the settings' hash."""


def main(ctx: WorkerContext) -> None:
    spec = ctx.parse(TrainSpec)
    ctx.emit(**blas.prepare())
    from engine.work.group import join

    ranks = join()
    if ranks.size > 1:
        assignment = {"run": str(ctx.run), "stage": ctx.stage.name}
        ranks.text(json.dumps(assignment | {"plan": ctx.plan.model_dump(mode="json")}))
    train(ctx, spec, ranks)


def train(ctx: WorkerContext, spec: TrainSpec, ranks: Alone) -> None:
    """The training of one rank; only rank 0 reads and writes the run folder."""
    first, spent = ranks.rank == 0, Spent()
    path = models.resolve(ctx, spec.model, spec.revision)
    if first:
        model, found = _model_and_rows(ctx, spec, path, spent)
    else:
        bare_mlx_lm.import_bare()
        model, found = models.load_alone(ctx, path, spec.model), []

    # After the model: what they import of mlx_lm may have come without its tokenizers.
    from engine.work.checkpoints import Checkpoints, TrainState
    from engine.work.sharing import rows_of_first, stand_with_first
    from engine.work.training import Trainer
    from engine.work.tuning import add_lora, make_optimizer

    rows, *others = rows_of_first(ranks, found)
    valid = dict(zip(spec.valid_files, others, strict=True))
    if len(rows) < ranks.size:
        raise Refusal(
            f"There are {len(rows)} training rows for {ranks.size} ranks: each needs at least one. "
            "Name fewer hosts, or make more rows."
        )
    adapted = add_lora(model, spec)
    state = TrainState(settings_sha256=settings_hash(ctx, spec) if first else "")
    trainer = Trainer(ctx, spec, model, make_optimizer(spec), rows, valid, state, ranks)
    if first:
        adapter_dir = ctx.path(spec.adapter_dir)
        adapter_dir.mkdir(parents=True, exist_ok=True)
        write_json_atomic(adapter_dir / "adapter_config.json", adapted.config)
        _say_what(ctx, spec, adapted, rows, spent)
        _go_on(ctx, spec, trainer, Checkpoints(adapter_dir))
    stand_with_first(trainer)
    trainer.train()


def settings_hash(ctx: WorkerContext, spec: TrainSpec) -> str:
    """SHA-256 over the settings that change the curve and the data files' bytes."""
    settings: dict[str, Any] = spec.model_dump(mode="json", exclude=set(NO_EFFECT))
    files = [spec.train, *spec.valid_files.values()]
    settings["sha256"] = {file: sha256_file(ctx.path(file)) for file in files}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _model_and_rows(
    ctx: WorkerContext, spec: TrainSpec, path: Path, spent: Spent
) -> tuple[Any, list[TokenRows]]:
    """The model, and the rows of the training file and of each validation file as tokens.

    Rows that were tokenised before need no tokenizer: then none is loaded, nor what it imports.
    """
    files = {"training": spec.train}
    files |= {f"valid {name}": file for name, file in spec.valid_files.items()}
    with spent.on("cache"):
        cache = TokenCache(
            ctx.workspace / TOKENS,
            path,
            mask_prompt=spec.mask_prompt,
            max_seq_len=spec.max_seq_len,
        )
        kept = [cache.find(ctx.path(file), file) for file in files.values()]
    known = [rows for rows in kept if rows is not None]
    if len(known) == len(kept):
        with spent.on("imports"):
            bare_mlx_lm.import_bare()
        with spent.on("model"):
            model = models.load_alone(ctx, path, spec.model)
        rows = known
    else:
        with spent.on("imports"):
            import mlx_lm.utils  # noqa: F401 - so that it is not counted as the model's time
        with spent.on("model"):
            model, tokenizer, _ = models.load(ctx, path, spec.model)
        with spent.on("tokenise"):
            rows = [
                _tokenise(ctx, spec, tokenizer, what, file, cache) if found is None else found
                for found, (what, file) in zip(kept, files.items(), strict=True)
            ]
    for note in [note for one in rows for note in one.notes(spec.max_seq_len)]:
        ctx.message("rows", note, level="warning")
    return model, rows


def _tokenise(
    ctx: WorkerContext, spec: TrainSpec, tokenizer: Any, what: str, file: str, cache: TokenCache
) -> TokenRows:
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
    cache.keep(ctx.path(file), rows)
    return rows


def _say_what(
    ctx: WorkerContext, spec: TrainSpec, adapted: Adapted, rows: TokenRows, spent: Spent
) -> None:
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
        start_s=spent,
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
