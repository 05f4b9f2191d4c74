"""Trains a small language model for TIME_BUDGET_S seconds and prints how good it is.

    SEED=1 python train.py

This is the file that may be changed. The first constants are neither good nor meant to be: what
can be learnt in two seconds depends on how many steps fit into them.
"""

from __future__ import annotations

import math
import os
import time

from prepare import MAX_SEQ_LEN, TIME_BUDGET_S, VOCAB_SIZE, batches, evaluate_bpb  # before mlx

# isort: split
import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_flatten

# --- what may be tuned ---------------------------------------------------------------------

DEPTH = 4  # 1..4 blocks
DIM = 64  # 32..64, width of the model
HEAD_DIM = 32  # 16..64, width of an attention head
MLP_RATIO = 4  # 1..4, width of the MLP over the model's
ACTIVATION = "gelu"  # gelu, relu, silu
TIE_EMBEDDINGS = False  # whether the head is the embedding

BATCH_SIZE = 16  # 2..16 rows of MAX_SEQ_LEN bytes
LEARNING_RATE = 3e-4  # 2e-4 to 6e-3 (log), at its highest
WARMUP_SHARE = 0.3  # 0.0 to 0.3 of the budget
COOLDOWN_SHARE = 0.0  # 0.0 to 0.6 of the budget; to nothing at its end
WEIGHT_DECAY = 0.1  # 0.0 to 0.3, of AdamW

# --- the model -----------------------------------------------------------------------------


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = max(1, DIM // HEAD_DIM)
        self.qkv = nn.Linear(DIM, 3 * self.heads * HEAD_DIM, bias=False)
        self.out = nn.Linear(self.heads * HEAD_DIM, DIM, bias=False)
        self.rope = nn.RoPE(HEAD_DIM)

    def __call__(self, x: mx.array) -> mx.array:
        rows, length, _ = x.shape
        parts = self.qkv(x).reshape(rows, length, 3, self.heads, HEAD_DIM)
        q, k, v = (parts[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
        q, k = self.rope(q), self.rope(k)
        seen = mx.fast.scaled_dot_product_attention(
            q, k, v, scale=1 / math.sqrt(HEAD_DIM), mask="causal"
        )
        return self.out(seen.transpose(0, 2, 1, 3).reshape(rows, length, -1))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(DIM), nn.RMSNorm(DIM)
        self.attention = Attention()
        self.up = nn.Linear(DIM, int(DIM * MLP_RATIO), bias=False)
        self.down = nn.Linear(int(DIM * MLP_RATIO), DIM, bias=False)

    def __call__(self, x: mx.array) -> mx.array:
        x = x + self.attention(self.norm1(x))
        return x + self.down(getattr(nn, ACTIVATION)(self.up(self.norm2(x))))


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCAB_SIZE, DIM)
        self.blocks = [Block() for _ in range(DEPTH)]
        self.norm = nn.RMSNorm(DIM)
        if not TIE_EMBEDDINGS:
            self.head = nn.Linear(DIM, VOCAB_SIZE, bias=False)

    def __call__(self, tokens: mx.array) -> mx.array:
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.embed.as_linear(x) if TIE_EMBEDDINGS else self.head(x)


def loss_of(model: Model, inputs: mx.array, targets: mx.array) -> mx.array:
    return nn.losses.cross_entropy(model(inputs), targets, reduction="mean")


def rate_at(progress: float) -> float:
    """The learning rate at a share of the budget."""
    if progress < WARMUP_SHARE:
        return LEARNING_RATE * max(progress, 0.01) / WARMUP_SHARE
    if progress > 1 - COOLDOWN_SHARE:
        return LEARNING_RATE * max(0.0, 1 - progress) / COOLDOWN_SHARE
    return LEARNING_RATE


# --- training ------------------------------------------------------------------------------


def main() -> None:
    began = time.perf_counter()
    seed = int(os.environ.get("SEED", "0"))
    mx.random.seed(seed)
    model = Model()
    mx.eval(model.parameters())
    params = sum(value.size for _, value in tree_flatten(model.parameters()))
    optimizer = optim.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    step_of = nn.value_and_grad(model, loss_of)
    rows = batches(BATCH_SIZE, seed)

    trained, step, loss = 0.0, 0, math.nan
    while trained < TIME_BUDGET_S:
        start = time.perf_counter()
        optimizer.learning_rate = rate_at(trained / TIME_BUDGET_S)
        value, gradients = step_of(model, *next(rows))
        gradients, _ = optim.clip_grad_norm(gradients, 1.0)
        optimizer.update(model, gradients)
        mx.eval(value, model.parameters(), optimizer.state)
        seconds = time.perf_counter() - start
        if step > 0:
            trained += seconds  # the first step also sets the machine up: outside the budget
        step += 1
        loss = value.item()
        if not math.isfinite(loss):
            raise SystemExit(f"The loss is {loss} at step {step}.")
        share = min(1.0, trained / TIME_BUDGET_S)
        print(
            f"\rstep {step:05d} ({share:.1%}) | loss: {loss:.4f} | lr: {rate_at(share):.2e} | "
            f"dt: {1000 * seconds:.0f}ms | tok/sec: {BATCH_SIZE * MAX_SEQ_LEN / seconds:,.0f}",
            end="    ",
            flush=True,
        )
    print()

    bpb = evaluate_bpb(model)
    print("---")
    print(f"val_bpb: {bpb:.6f}")
    print(f"training_seconds: {trained:.1f}")
    print(f"total_seconds: {time.perf_counter() - began:.1f}")
    print(f"peak_memory_mb: {mx.get_peak_memory() / 2**20:.1f}")
    print(f"total_tokens_M: {step * BATCH_SIZE * MAX_SEQ_LEN / 1e6:.3f}")
    print(f"num_steps: {step}")
    print(f"num_params_M: {params / 1e6:.3f}")
    print(f"depth: {DEPTH}")


if __name__ == "__main__":
    main()
