"""The training loop: steps, reports, validation, best, early stop, checkpoints.

A loop of our own around mlx-lm's loss: its ``train`` can neither start in the middle
nor stop with everything saved. Batches are a function of seed and step, so a run that
goes on from a checkpoint takes the very steps that the unbroken run would have taken.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_map, tree_unflatten
from mlx_lm.tuner.trainer import default_loss, grad_checkpoint
from mlx_lm.utils import maybe_set_recommended_wired_limit

from engine.work.batches import Batch, BatchOrder, make_batch, pad_multiple, sorted_batches
from engine.work.checkpoints import (
    ACCUMULATED_FILE,
    ADAPTER_FILE,
    OPTIMIZER_FILE,
    Arrays,
    Checkpoints,
    TrainState,
    load_arrays,
    write_adapter,
)
from engine.work.rows import TokenRows
from engine.work.runtime import Failure, WorkerContext
from engine.work.specs import TrainSpec

PROGRESS_EVERY_S = 1.0
"""A slow step or validation still says that it goes on about this often."""

CACHE_LIMIT_BYTES = 1 << 30
"""Above this, MLX's cache of freed buffers is given back after a step."""


def _random_state() -> Any:
    """MLX's global random state: a list of one key that may be replaced."""
    return mx.random.state


class Trainer:
    """One training stage after its model, rows and optimizer are made."""

    def __init__(
        self,
        ctx: WorkerContext,
        spec: TrainSpec,
        model: Any,
        optimizer: Any,
        rows: TokenRows,
        valid: dict[str, TokenRows],
        state: TrainState,
    ) -> None:
        self.ctx = ctx
        self.spec = spec
        self.model = model
        self.optimizer = optimizer
        self.rows = rows
        self.valid = valid
        self.state = state
        self.adapter_dir = ctx.path(spec.adapter_dir)
        self.checkpoints = Checkpoints(self.adapter_dir)
        self.order = BatchOrder(rows.lengths, spec.batch_size, spec.seed)
        self.multiple = pad_multiple()
        self.accumulated: Any = None
        self._saved_step = -1
        self._time = 0.0
        self._timed_tokens = 0
        self._timed_steps = 0
        self._last_progress = 0.0
        optimizer.init(model.trainable_parameters())

    # --- going on from a checkpoint -----------------------------------------------

    def restore(self, checkpoint: Path, state: TrainState) -> None:
        """Take over everything that a checkpoint holds."""
        self.model.load_weights(list(load_arrays(checkpoint / ADAPTER_FILE).items()), strict=False)
        optimizer = load_arrays(checkpoint / OPTIMIZER_FILE)
        self.optimizer.state = tree_unflatten(list(optimizer.items()))
        if ACCUMULATED_FILE in state.files:
            accumulated = load_arrays(checkpoint / ACCUMULATED_FILE)
            self.accumulated = tree_unflatten(list(accumulated.items()))
        _random_state()[0] = mx.array(state.random_state, dtype=mx.uint32)
        self.state = state
        self._saved_step = state.step
        mx.eval(self.model.parameters(), self.optimizer.state)

    # --- the loop -----------------------------------------------------------------

    def train(self) -> None:
        """Train to the end, or until asked to stop (then ``Stopped`` after a checkpoint).

        Failure with code ``nan-loss`` when the loss is not finite and the stage stops on it.
        """
        spec, state = self.spec, self.state
        maybe_set_recommended_wired_limit()
        if spec.grad_checkpoint:
            grad_checkpoint(self.model.layers[0])
        run_step = self._make_step()
        self.model.train()
        if self._validation_due():  # before the first step, or where a stop prevented it
            self._validate()
        while state.step < spec.iters and not self._early():
            self._one_step(run_step)
            if self.ctx.stopping:
                self._stop()
            if self._validation_due():
                self._validate()
            if state.step % spec.save_every == 0 and state.step < spec.iters:
                self._save("periodic")
        self._finish()

    def _make_step(self) -> Callable[..., tuple[mx.array, mx.array | None, Any]]:
        model, optimizer, groups = self.model, self.optimizer, self.spec.grad_accumulation
        loss_and_grad = nn.value_and_grad(model, default_loss)
        mlx_state = [model.state, optimizer.state, mx.random.state]

        @partial(mx.compile, inputs=mlx_state, outputs=mlx_state)
        def step(
            tokens: mx.array, spans: mx.array, before: Any, update: bool, norm: bool
        ) -> tuple[mx.array, mx.array | None, Any]:
            (loss, _), grad = loss_and_grad(model, tokens, spans)
            if before is not None:
                grad = tree_map(lambda new, old: new + old, grad, before)
            size = None
            if norm:
                squares = [g.astype(mx.float32).square().sum() for _, g in tree_flatten(grad)]
                size = mx.sqrt(mx.stack(squares).sum()) / groups
            if update:
                if groups > 1:
                    grad = tree_map(lambda g: g / groups, grad)
                optimizer.update(model, grad)
                grad = None
            return loss, size, grad

        def run(batch: Batch, update: bool, norm: bool) -> tuple[mx.array, mx.array | None]:
            loss, size, self.accumulated = step(
                batch.tokens, batch.spans, self.accumulated, update, norm
            )
            mx.eval(loss, size, self.accumulated, mlx_state)
            return loss, size

        return run  # type: ignore[return-value]

    def _one_step(self, run_step: Callable[..., Any]) -> None:
        spec, state = self.spec, self.state
        begin = time.perf_counter()
        step = state.step + 1
        batch = make_batch(self.rows, self.order.rows(step), self.multiple)
        report = step % spec.report_every == 0 or step == spec.iters
        update = step % spec.grad_accumulation == 0
        loss_array, norm = run_step(batch, update, report and update)
        loss = float(loss_array.item())
        if mx.get_cache_memory() > CACHE_LIMIT_BYTES:
            mx.clear_cache()
        now = time.perf_counter()
        self._time += now - begin
        self._timed_tokens += batch.real
        self._timed_steps += 1
        state.step = step
        state.tokens += batch.real
        if not math.isfinite(loss):
            self._not_finite(loss)
        state.window_loss += loss
        state.window_steps += 1
        if report:
            self._report(None if norm is None else float(norm.item()))
        elif now - self._last_progress > PROGRESS_EVERY_S:
            self._progress()

    def _report(self, norm: float | None) -> None:
        state = self.state
        values: dict[str, float] = {
            "loss": state.window_loss / state.window_steps,
            "learning_rate": float(self.optimizer.learning_rate.item()),
            "it_s": self._timed_steps / self._time,
            "tok_s": self._timed_tokens / self._time,
            "tokens": state.tokens,
            "mlx_peak_bytes": mx.get_peak_memory(),
        }
        if norm is not None:
            values["grad_norm"] = norm
        self.ctx.emit(kind="metric", step=state.step, values=values)
        self._progress()
        state.window_loss, state.window_steps = 0.0, 0
        self._time, self._timed_tokens, self._timed_steps = 0.0, 0, 0

    def _progress(self) -> None:
        self._last_progress = time.perf_counter()
        self.ctx.emit(kind="progress", done=self.state.step, total=self.spec.iters, unit="steps")

    def _not_finite(self, loss: float) -> None:
        """Show it, and stop where the stage wants that; nothing is saved of these weights."""
        step = self.state.step
        self.ctx.emit(kind="metric", step=step, values={"loss": loss})
        if not self.ctx.stage.stop_on_nan:
            return
        kept = self._what_is_kept()
        raise Failure(
            "nan-loss",
            f"The loss became {loss} at step {step} of {self.spec.iters}. The learning rate "
            f"({self.spec.learning_rate:g}) or the LoRA scale ({self.spec.lora.scale:g}) is "
            f"probably too high, or a row is broken. {kept}",
        )

    def _what_is_kept(self) -> str:
        if self.state.best_step is not None and self.spec.keep_best:
            return f"The best adapter, of step {self.state.best_step}, is kept."
        if self._saved_step > 0:
            return f"The checkpoint of step {self._saved_step} is kept."
        return "Nothing was saved yet."

    # --- validation ---------------------------------------------------------------

    def _validation_due(self) -> bool:
        state = self.state
        due = state.step % self.spec.eval_every == 0 or state.step == self.spec.iters
        return bool(self.valid) and due and state.validated_step != state.step

    def _early(self) -> bool:
        stop = self.spec.early_stop
        return stop is not None and self.state.not_better >= stop.patience

    def _validate(self) -> None:
        """Measure the validation losses, keep the best adapter, and count for early stopping."""
        losses = {}
        self.model.eval()
        for name, rows in self.valid.items():
            losses[name] = self._loss_of(rows)
        self.model.train()
        state = self.state
        mean = sum(losses.values()) / len(losses)
        values = {"val_loss": mean}
        if len(losses) > 1:
            values |= {f"val_loss/{name}": loss for name, loss in losses.items()}
        self.ctx.emit(kind="metric", step=state.step, values=values)
        state.validated_step = state.step
        state.last_val_loss = mean if math.isfinite(mean) else None
        if state.step == 0:
            state.start_val_loss = state.last_val_loss
            return
        if math.isfinite(mean):
            self._judge(mean)
        elif self.spec.early_stop:
            state.not_better += 1

    def _judge(self, mean: float) -> None:
        state, early = self.state, self.spec.early_stop
        if state.best_val_loss is None or mean < state.best_val_loss:
            state.best_step, state.best_val_loss = state.step, mean
            if self.spec.keep_best:
                self._publish()
                self.ctx.emit(
                    kind="checkpoint",
                    step=state.step,
                    path=f"{self.spec.adapter_dir}/{ADAPTER_FILE}",
                    reason="best",
                    val_loss=mean,
                )
        if early is None:
            return
        reference = state.reference_val_loss
        if reference is None or mean < reference - early.min_delta:
            state.reference_val_loss, state.not_better = mean, 0
        else:
            state.not_better += 1

    def _loss_of(self, rows: TokenRows) -> float:
        """Mean loss a counted token over all rows of a set."""
        total, count = 0.0, 0
        for chosen in sorted_batches(rows, self.spec.batch_size):
            batch = make_batch(rows, chosen, self.multiple)
            loss, tokens = default_loss(self.model, batch.tokens, batch.spans)
            mx.eval(loss, tokens)
            total += float(loss.item()) * int(tokens.item())
            count += int(tokens.item())
            if time.perf_counter() - self._last_progress > PROGRESS_EVERY_S:
                self._progress()
            if self.ctx.stopping:  # this validation is made up for after a resume
                self._stop()
        return total / count

    # --- saving -------------------------------------------------------------------

    def _adapter(self) -> Arrays:
        return dict(tree_flatten(self.model.trainable_parameters()))

    def _publish(self) -> None:
        """Make the adapter of this step the one that mlx-lm loads."""
        write_adapter(self.adapter_dir / ADAPTER_FILE, self._adapter())

    def _save(self, reason: str) -> None:
        state = self.state
        if state.step == self._saved_step and reason != "final":
            return
        adapter = self._adapter()
        self._refuse_broken(adapter)
        state.random_state = [int(word) for word in _random_state()[0].tolist()]
        accumulated = dict(tree_flatten(self.accumulated)) if self.accumulated is not None else None
        path = self.checkpoints.save(
            state, adapter, dict(tree_flatten(self.optimizer.state)), accumulated
        )
        self._saved_step = state.step
        if not (self.spec.keep_best and state.best_step is not None):
            self._publish()
        self.checkpoints.prune(self.spec.keep_checkpoints)
        self.ctx.emit(
            kind="checkpoint",
            step=state.step,
            path=path.relative_to(self.ctx.run).as_posix(),
            reason=reason,
            val_loss=state.last_val_loss if state.validated_step == state.step else None,
        )

    def _refuse_broken(self, adapter: Arrays) -> None:
        """The loss of this step can be finite and its update not; such weights are not saved."""
        if not self.ctx.stage.stop_on_nan:
            return
        finite = mx.all(mx.stack([mx.all(mx.isfinite(value)) for value in adapter.values()]))
        if not finite.item():
            self._not_finite(math.nan)

    def _stop(self) -> None:
        self._save("signal")
        self.ctx.stop()

    def _finish(self) -> None:
        state = self.state
        if self._early() and state.step < self.spec.iters:
            self.ctx.message(
                "early-stop",
                f"Stopped early at step {state.step} of {self.spec.iters}: the validation loss "
                f"was not lower in {state.not_better} validations in a row.",
            )
        self._save("final")
        if not self.spec.keep_best or state.best_val_loss is None:
            return
        self.ctx.message(
            "best",
            f"The adapter is that of step {state.best_step}, with the lowest validation loss "
            f"({state.best_val_loss:.4g}).",
        )
        if state.start_val_loss is not None and state.best_val_loss >= state.start_val_loss:
            self.ctx.message(
                "no-gain",
                f"Training did not lower the validation loss: it was {state.start_val_loss:.4g} "
                f"before and {state.best_val_loss:.4g} at best.",
                level="warning",
            )
