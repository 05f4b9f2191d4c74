"""The training loop: steps, reports, validation, best, early stop, checkpoints.

A loop of our own around mlx-lm's loss: its ``train`` can neither start in the middle
nor stop with everything saved. Batches are a function of seed and step, so a run that
goes on from a checkpoint takes the very steps that the unbroken run would have taken.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.tuner.trainer import default_loss, grad_checkpoint
from mlx_lm.utils import maybe_set_recommended_wired_limit

from engine.records.events import decode_number, encode_number
from engine.work.batches import (
    Batch,
    BatchOrder,
    Indices,
    counted,
    make_batch,
    pad_multiple,
    sorted_batches,
)
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
from engine.work.group import Alone
from engine.work.rows import TokenRows
from engine.work.runtime import Failure, WorkerContext
from engine.work.specs import TrainSpec
from engine.work.step import Step, make_step

PROGRESS_EVERY_S = 1.0
"""A slow step or validation still says that it goes on about this often."""

CACHE_LIMIT_BYTES = 1 << 30
"""Above this, MLX's cache of freed buffers is given back after a step."""


def _number(array: mx.array) -> float:
    value: Any = array.item()
    return float(value)


def get_random_state() -> list[int]:
    """MLX's global random key: two words of 32 bits."""
    key: Any = mx.random.state[0]  # type: ignore[index]
    return [int(word) for word in key.tolist()]


def _set_random_state(words: list[int]) -> None:
    """The state cannot be assigned to; but a key is the seed's two halves, high word first."""
    high, low = words
    mx.random.seed(high << 32 | low)


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
        ranks: Alone | None = None,
    ) -> None:
        self.ctx = ctx
        self.ranks = ranks or Alone()
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
        self.accumulated: Arrays | None = None
        self.saved_step = -1
        self.window_loss = 0.0
        self._time = 0.0
        self._timed_tokens = 0
        self._timed_steps = 0
        self._last_progress = 0.0
        self._asked = False
        optimizer.init(model.trainable_parameters())

    # --- going on from a checkpoint -----------------------------------------------

    def restore(self, checkpoint: Path, state: TrainState) -> None:
        """Take over everything that a checkpoint holds."""
        self.model.load_weights(list(load_arrays(checkpoint / ADAPTER_FILE).items()), strict=False)
        optimizer = load_arrays(checkpoint / OPTIMIZER_FILE)
        self.optimizer.state = tree_unflatten(list(optimizer.items()))
        self.optimizer.init(self.model.trainable_parameters())  # puts the empty branches back
        if ACCUMULATED_FILE in state.files:
            self.accumulated = load_arrays(checkpoint / ACCUMULATED_FILE)
        _set_random_state(state.random_state)
        self.state = state
        self.window_loss = decode_number(state.window_loss)
        self.saved_step = state.step
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
        run_step = make_step(self.model, self.optimizer, spec.grad_accumulation, self.ranks)
        self.model.train()
        if self._validation_due():  # before the first step, or where a stop prevented it
            self._validate()
        while state.step < spec.iters and not self._early():
            self._one_step(run_step)
            self._stop_if_asked()
            if self._validation_due():
                self._validate()
            if state.step % spec.save_every == 0 and state.step < spec.iters:
                self._save("periodic")
        self._finish()

    def _one_step(self, run_step: Step) -> None:
        spec, state = self.spec, self.state
        begin = time.perf_counter()
        step = state.step + 1
        chosen = self.order.rows(step)
        batch = self._share(self.rows, chosen)
        report = step % spec.report_every == 0 or step == spec.iters
        update = step % spec.grad_accumulation == 0
        loss_array, norm, self.accumulated = run_step(
            batch, self.accumulated, update, report and update
        )
        (loss,) = self._agree(_number(loss_array) / self.ranks.size)
        if mx.get_cache_memory() > CACHE_LIMIT_BYTES:
            mx.clear_cache()
        now = time.perf_counter()
        self._time += now - begin
        real = batch.real if self.ranks.size == 1 else int(self.order.lengths[chosen].sum())
        self._timed_tokens += real
        self._timed_steps += 1
        state.step = step
        state.tokens += real
        if not math.isfinite(loss):
            self.ctx.emit(kind="metric", step=step, values={"loss": loss})
            self._not_finite(f"The loss became {loss} at step {step} of {spec.iters}")
        self.window_loss += loss
        state.window_steps += 1
        if report:
            self._report(None if norm is None else _number(norm))
        elif now - self._last_progress > PROGRESS_EVERY_S:
            self._progress()

    def _report(self, norm: float | None) -> None:
        state = self.state
        values: dict[str, float] = {
            "loss": self.window_loss / state.window_steps,
            "learning_rate": _number(self.optimizer.learning_rate),
            "it_s": self._timed_steps / self._time,
            "tok_s": self._timed_tokens / self._time,
            "tokens": state.tokens,
            "mlx_peak_bytes": mx.get_peak_memory(),
        }
        if norm is not None:
            values["grad_norm"] = norm
        if self.ranks.size > 1:
            peaks = self.ranks.gather([values["mlx_peak_bytes"]])
            values |= {f"mlx_peak_bytes/rank-{i}": peak for i, (peak,) in enumerate(peaks) if i}
        self.ctx.emit(kind="metric", step=state.step, values=values)
        self._progress()
        self.window_loss, state.window_steps = 0.0, 0
        self._time, self._timed_tokens, self._timed_steps = 0.0, 0, 0

    def _progress(self) -> None:
        self._last_progress = time.perf_counter()
        self.ctx.emit(kind="progress", done=self.state.step, total=self.spec.iters, unit="steps")

    # --- among ranks --------------------------------------------------------------

    def _share(self, rows: TokenRows, chosen: Indices) -> Batch:
        """This rank's share of a batch."""
        mine = self.ranks.share(chosen)
        batch = make_batch(rows, mine, self.multiple)
        if self.ranks.size == 1:
            return batch
        part = counted(rows, mine) / counted(rows, chosen)
        return replace(batch, weight=part * self.ranks.size)

    def _agree(self, *values: float) -> list[float]:
        """The sums of the values over the ranks, and whether any rank was asked to stop."""
        if self.ranks.size == 1:
            self._asked = self.ctx.stopping
            return list(values)
        rows = self.ranks.gather([*values, float(self.ctx.stopping)])
        *found, asked = (sum(column) for column in zip(*rows, strict=True))
        self._asked = asked > 0
        return found

    def _stop_if_asked(self) -> None:
        if self._asked:
            self._save("signal")
            self.ctx.stop()

    def _not_finite(self, what: str) -> None:
        """Stop, where the stage wants that; nothing is saved of these weights."""
        if not self.ctx.stage.stop_on_nan:
            return
        raise Failure(
            "nan-loss",
            f"{what}. The learning rate ({self.spec.learning_rate:g}) or the LoRA scale "
            f"({self.spec.lora.scale:g}) is probably too high, or a row is broken. "
            f"{self._what_is_kept()}",
        )

    def _what_is_kept(self) -> str:
        if self.state.best_step is not None and self.spec.keep_best:
            return f"The best adapter, of step {self.state.best_step}, is kept."
        if self.saved_step > 0:
            return f"The checkpoint of step {self.saved_step} is kept."
        return "Nothing was saved yet."

    # --- validation ---------------------------------------------------------------

    def _validation_due(self) -> bool:
        state = self.state
        due = state.step % self.spec.eval_every == 0 or state.step == self.spec.iters
        return bool(self.valid) and due and state.validated_step != state.step

    def _early(self) -> bool:
        stop = self.spec.early_stop
        if stop is None or self.state.step < stop.earliest:
            return False
        return self.state.not_better >= stop.patience

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
            return
        self._not_finite(f"The validation loss became {mean} at step {state.step}")
        if self.spec.early_stop:
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
        total = count = 0.0
        for chosen in sorted_batches(rows, self.spec.batch_size):
            part, tokens = self._agree(*self._loss_of_share(rows, self.ranks.share(chosen)))
            total += part
            count += tokens
            if time.perf_counter() - self._last_progress > PROGRESS_EVERY_S:
                self._progress()
            self._stop_if_asked()  # this validation is made up for after a resume
        return total / count

    def _loss_of_share(self, rows: TokenRows, mine: Indices) -> tuple[float, float]:
        """The summed loss of some rows and how many tokens of them count."""
        if not len(mine):  # a last, smaller batch has not a row for every rank
            return 0.0, 0.0
        batch = make_batch(rows, mine, self.multiple)
        loss, tokens = default_loss(self.model, batch.tokens, batch.spans)
        mx.eval(loss, tokens)
        return _number(loss) * _number(tokens), _number(tokens)

    # --- saving -------------------------------------------------------------------

    def _adapter(self) -> Arrays:
        return dict(tree_flatten(self.model.trainable_parameters()))

    def _publish(self) -> None:
        """Make the adapter of this step the one that mlx-lm loads."""
        if self.ranks.rank == 0:
            write_adapter(self.adapter_dir / ADAPTER_FILE, self._adapter())

    def _save(self, reason: str) -> None:
        state = self.state
        if state.step == self.saved_step and reason != "final":
            return
        if self.accumulated and self.ranks.size > 1:
            # Each rank has summed up its own share; from here on each has the mean.
            self.accumulated = self.ranks.mean(self.accumulated)
            mx.eval(self.accumulated)
            self.ranks.gather([])  # nothing is saved that a rank which died meanwhile left
        if self.ranks.rank:
            self.saved_step = state.step
            return
        adapter = self._adapter()
        self._refuse_broken(adapter)
        state.random_state = get_random_state()
        state.window_loss = encode_number(self.window_loss)
        path = self.checkpoints.save(
            state, adapter, dict(tree_flatten(self.optimizer.state)), self.accumulated
        )
        self.saved_step = state.step
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
            self._not_finite(f"The adapter's weights became infinite in step {self.state.step}")

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
