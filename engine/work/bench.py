"""Measures what a model costs here: training steps of a few shapes, prompt and generation speed.

A helper child (see ``engine.work.helper``), started by ``engine.costs.benching``. Request::

    {"model": DIR, "name": ID, "points": [{"batch_size", "seq_len", "layers" (0 is all),
     "grad_checkpoint"}, …], "lora": {"rank", "keys"}, "optimizer": "adam", "seconds": 40,
     "limit_bytes": N or null}

Points are measured in their order, so the caller puts small ones first. A point that would take
more memory than ``limit_bytes`` by what was measured before is left out: the benchmark that is
made to keep a machine alive must not kill it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from engine.costs.estimate import Point, Shape, peak_bytes
from engine.work import blas, helper
from engine.work.helper import Send
from engine.work.own_code import TOKENIZER, refuse_own_code
from engine.work.runtime import Refusal

PROMPT_TOKENS = 512
NEW_TOKENS = 64
MIN_STEPS = 2
MAX_STEPS = 50
SLOW_STEP_S = 20.0
"""A step that took longer than this is measured once: the second would say the same."""


def answer(request: dict[str, Any], send: Send) -> dict[str, Any]:
    """Measure everything that was asked for, within about ``seconds``."""
    begin = time.perf_counter()
    started = psutil.Process().create_time()
    mlx = blas.prepare()
    overhead = psutil.Process().memory_info().rss
    bench = Bench(request, send, begin)
    bench.load()
    load_seconds = time.time() - started
    found: dict[str, Any] = {
        "mlx": mlx["mlx"],
        "device": mlx["device"],
        "model_bytes": bench.active(),
        "load_seconds": load_seconds,
        "layers": bench.layers,
        "limit_bytes": bench.metal_limit,
    }
    found |= bench.speeds()
    found |= bench.train()
    found["overhead_bytes"] = max(overhead, bench.rest())
    found["duration_s"] = time.perf_counter() - begin
    return found


class Bench:
    """One model that is measured; it is loaded anew for each number of adapted layers."""

    def __init__(self, request: dict[str, Any], send: Send, begin: float) -> None:
        import mlx.core as mx

        self.mx = mx
        self.request = request
        self.send = send
        self.begin = begin
        self.path = Path(request["model"])
        self.seconds = float(request["seconds"])
        self.model: Any = None
        self.tokenizer: Any = None
        self.layers = 0
        self.vocabulary = 0
        self.notes: list[str] = []
        self.metal_limit = _metal_limit(mx)
        asked = request.get("limit_bytes")
        limits = [one for one in (asked, self.metal_limit) if one]
        self.limit = min(limits) if limits else None

    def active(self) -> int:
        return int(self.mx.get_active_memory())

    def rest(self) -> int:
        """What the process holds now besides MLX's buffers: Python, libraries, the tokenizer.

        Metal's buffers are counted only in part among what is resident, so there this is a floor.
        """
        held = self.active() + int(self.mx.get_cache_memory())
        return int(psutil.Process().memory_info().rss) - held

    def left(self) -> float:
        """Seconds that are left of the time that was given."""
        return self.seconds - (time.perf_counter() - self.begin)

    def load(self) -> None:
        """The model as it is on disk, without adapters."""
        import mlx_lm.utils

        self.model = self.tokenizer = None
        self.mx.clear_cache()
        refuse_own_code(self.path, self.request["name"])
        try:
            self.model, self.tokenizer, config = mlx_lm.utils.load(
                str(self.path), tokenizer_config=TOKENIZER, return_config=True
            )
        except (ValueError, KeyError, FileNotFoundError, TypeError, AttributeError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise Refusal(f"mlx-lm cannot load {self.request['name']} ({first}).") from error
        self.layers = len(self.model.layers)
        text = config.get("text_config")
        size = config.get("vocab_size") or (text or {}).get("vocab_size") or 256
        self.vocabulary = int(size)

    # --- prompt and generation ----------------------------------------------------

    def speeds(self) -> dict[str, Any]:
        """Tokens a second of a prompt, and of one answer, greedy and without adapter."""
        from mlx_lm.models.cache import make_prompt_cache

        mx = self.mx
        self._say("prompt and generation", 0)
        length = min(PROMPT_TOKENS, max(16, self.request["points"][-1]["seq_len"]))
        tokens = self._tokens(1, length)
        times = []
        for _ in range(2):  # the first compiles kernels
            cache = make_prompt_cache(self.model)
            start = time.perf_counter()
            logits = self.model(tokens, cache=cache)
            mx.eval(logits)
            times.append(time.perf_counter() - start)
        start, made = time.perf_counter(), 0
        token = mx.argmax(logits[:, -1, :], axis=-1)
        while made < NEW_TOKENS and (made < 4 or time.perf_counter() - start < self.seconds / 8):
            token = mx.argmax(self.model(token[:, None], cache=cache)[:, -1, :], axis=-1)
            mx.eval(token)
            made += 1
        return {
            "prompt_tokens_per_second": length / min(times),
            "generation_tokens_per_second": made / (time.perf_counter() - start),
        }

    # --- training -----------------------------------------------------------------

    def train(self) -> dict[str, Any]:
        """The points, and the speed of a loss without gradient."""
        points: list[dict[str, Any]] = []
        forward, trainable = None, None
        fresh = True
        count = len(self.request["points"])
        total = max(1, count)
        # Checkpointing patches the layers' class for good, so those points come last.
        order = sorted(
            self.request["points"], key=lambda p: (p["grad_checkpoint"], p["layers"] != 0)
        )
        for (checkpoint, layers), group in groupby(
            order, key=lambda p: (p["grad_checkpoint"], p["layers"])
        ):
            if not fresh:
                self.load()
            fresh = False
            run, parameters = self._prepare(layers, checkpoint)
            if layers == 0 and not checkpoint:
                trainable = parameters
            for point in group:
                self._say(_words(point, self.layers), len(points), total)
                if why := self._why_not(point, points):
                    self.notes.append(why)
                    continue
                points.append(self._measure(run, point))
                self.send("point", **points[-1])
                if forward is None:
                    forward = self._forward(point)
        return {
            "points": points,
            "forward_tokens_per_second": forward,
            "trainable_parameters": trainable,
            "notes": self.notes,
        }

    def _why_not(self, point: dict[str, Any], done: list[dict[str, Any]]) -> str | None:
        """Why a point is left out: no time is left, or memory would not do."""
        words = _words(point, self.layers)
        if len(done) >= MIN_STEPS and self.left() <= 0:
            return f"{words} was left out: the time for the benchmark was over."
        if self.limit is None or not done:
            return None
        forecast = peak_bytes([_point(one) for one in done], _shape(point, self.layers))
        if forecast is None:
            return None
        # What longer rows take was not measured before: there the worst counts.
        longer = point["seq_len"] > max(one["seq_len"] for one in done)
        need = forecast.value.high if longer else forecast.value.likely
        if need > 0.9 * self.limit:
            return (
                f"{words} was left out: it would take {'up to' if longer else 'about'} "
                f"{need / 2**30:.1f} GB, and {self.limit / 2**30:.1f} GB are there."
            )
        return None

    def _prepare(self, layers: int, checkpoint: bool) -> tuple[Callable[[int, int], float], int]:
        """Adapters and a step; returns what runs one step of (rows, tokens) and its seconds."""
        from mlx.utils import tree_flatten
        from mlx_lm.tuner.trainer import grad_checkpoint

        from engine.work.batches import Batch
        from engine.work.specs import Lora, TrainSpec
        from engine.work.step import make_step
        from engine.work.tuning import add_lora, make_optimizer

        lora = self.request["lora"]
        spec = TrainSpec(
            model=str(self.path),
            train="",
            iters=1000,
            learning_rate=1e-9,  # what is learned is thrown away; it must only cost the same
            num_layers=layers,
            optimizer=self.request.get("optimizer", "adam"),
            lora=Lora(rank=lora["rank"], keys=lora.get("keys")),
        )
        add_lora(self.model, spec)
        optimizer = make_optimizer(spec)
        optimizer.init(self.model.trainable_parameters())
        if checkpoint:
            grad_checkpoint(self.model.layers[0])
        self.model.train()
        step = make_step(self.model, optimizer, 1)
        mx = self.mx
        mx.eval(self.model.parameters(), optimizer.state)

        def run(rows: int, tokens: int) -> float:
            # The model sees all but the last token, hence the one more.
            batch = Batch(
                self._tokens(rows, tokens + 1),
                mx.array([[0, tokens]] * rows, dtype=mx.int32),
                rows * tokens,
            )
            mx.eval(batch.tokens, batch.spans)
            start = time.perf_counter()
            loss, _, _ = step(batch, None, True, False)
            mx.eval(loss)
            return time.perf_counter() - start

        return run, sum(value.size for _, value in tree_flatten(self.model.trainable_parameters()))

    def _measure(self, run: Callable[[int, int], float], point: dict[str, Any]) -> dict[str, Any]:
        rows, tokens = point["batch_size"], point["seq_len"]
        self.mx.clear_cache()
        self.mx.reset_peak_memory()
        share = max(0.5, self.left() / max(1, len(self.request["points"]) + 1))
        first = run(rows, tokens)
        times: list[float] = []
        begin = time.perf_counter()
        while len(times) < MAX_STEPS:
            if len(times) >= MIN_STEPS and time.perf_counter() - begin > share:
                break
            if first > SLOW_STEP_S and times:
                break
            times.append(run(rows, tokens))
        return {
            "batch_size": rows,
            "seq_len": tokens,
            "layers": point["layers"] or self.layers,
            "grad_checkpoint": point["grad_checkpoint"],
            "iterations": len(times),
            "seconds_per_iteration": median(times),
            "mlx_peak_bytes": int(self.mx.get_peak_memory()),
        }

    def _forward(self, point: dict[str, Any]) -> float:
        from mlx_lm.tuner.trainer import default_loss

        mx = self.mx
        rows, tokens = point["batch_size"], point["seq_len"]
        self.model.eval()
        times = []
        for _ in range(3):
            batch = self._tokens(rows, tokens + 1)
            spans = mx.array([[0, tokens]] * rows, dtype=mx.int32)
            start = time.perf_counter()
            mx.eval(default_loss(self.model, batch, spans))
            times.append(time.perf_counter() - start)
        self.model.train()
        return float(rows * tokens / min(times))

    def _tokens(self, rows: int, length: int) -> Any:
        """Random tokens: what a step costs does not depend on what they say."""
        return self.mx.random.randint(0, max(2, self.vocabulary), (rows, length))

    def _say(self, what: str, done: int, total: int = 1) -> None:
        self.send("progress", what=what, done=done, total=total)


def _words(point: dict[str, Any], layers: int) -> str:
    text = f"batch {point['batch_size']} × {point['seq_len']} tokens"
    if point["layers"] and point["layers"] != layers:
        text += f", {point['layers']} of {layers} layers"
    return text + (", gradient checkpointing" if point["grad_checkpoint"] else "")


def _shape(point: dict[str, Any], layers: int) -> Shape:
    return Shape(
        point["batch_size"], point["seq_len"], point["layers"] or layers, point["grad_checkpoint"]
    )


def _point(found: dict[str, Any]) -> Point:
    shape = _shape(found, found["layers"])
    return Point(shape, found["seconds_per_iteration"], found["mlx_peak_bytes"])


def _metal_limit(mx: Any) -> int | None:
    """What Metal recommends to use at most, in bytes; None without Metal."""
    if not mx.metal.is_available():
        return None
    info = (getattr(mx, "device_info", None) or mx.metal.device_info)()
    value = info.get("max_recommended_working_set_size")
    return int(value) if value else None


if __name__ == "__main__":
    helper.serve(answer)
