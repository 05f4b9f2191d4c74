"""The ``pretrain`` stage: a tiny base model, made from nothing but a recipe and a seed.

The result is an ordinary MLX model directory (``config.json``, ``model.safetensors``,
``tokenizer.json``, ``tokenizer_config.json``) that mlx-lm loads like any other, with the
``recipe.json`` that it came from. It is built beside its place and renamed, so that
it is either whole or not there; a whole one is found again and not trained twice.

The target's generator (see ``engine.work.generators``) gives the texts: ``pretrain_rows(n, seed,
router_share)`` is what the model is trained on, ``generate(n, focus, seed)`` only adds its
words to the tokenizer, as a base model's tokenizer knows more words than the model was told.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.folder import flush, write_json_atomic
from engine.work import blas, runtime
from engine.work.chats import Row
from engine.work.generators import Generator, load_generator
from engine.work.runtime import Failure, Refusal, WorkerContext
from engine.work.specs import PretrainSpec, Recipe

if TYPE_CHECKING:
    import mlx.core as mx
    import mlx.nn as nn
    import numpy as np
    from tokenizers import Tokenizer

WHOLE = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
RECIPE = "recipe.json"

PAD, END = "<|pad|>", "<|end|>"
SPECIAL_TOKENS = (PAD, END, "<|system|>", "<|user|>", "<|assistant|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>"
    "{{ '' if message.role == 'assistant' else ' ' }}{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

WORDS = r"""\d|[A-Z](?=\d)| (?=[A-Z]?\d)|["{}\[\]:,.!?][^\dA-Z\s]*| ?[A-Za-z]+|\s|."""
"""What tokens may not cross: a digit, the letter before a digit, a run of JSON, a word."""


def main(ctx: WorkerContext) -> None:
    spec = ctx.parse(PretrainSpec)
    recipe, out = spec.recipe, ctx.path(spec.out)
    if is_whole(out):
        ctx.message(
            "cached", f"The base model of this recipe and seed was found in the cache ({out.name})."
        )
        ctx.emit(kind="progress", done=recipe.steps, total=recipe.steps, unit="steps")
        return
    if out.exists() and not (out / RECIPE).exists():
        raise Refusal(
            f"{out} is there and was not made by a pretrain stage; move it away or name another."
        )
    generator = load_generator(ctx.target_path(spec.generator))
    ctx.emit(**blas.prepare())
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".tmp-{out.name}-", dir=out.parent))
    try:
        _build(ctx, recipe, generator, spec.seed, temporary)
        put_in_place(temporary, out, is_whole)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_whole(out: Path) -> bool:
    """Whether ``out`` is a model directory that a pretrain stage finished."""
    return all((out / name).is_file() for name in (*WHOLE, RECIPE))


def put_in_place(temporary: Path, out: Path, is_whole: Callable[[Path], bool]) -> None:
    """Flush a finished directory to disk and give it its name; a whole one that is there stays."""
    for path in temporary.iterdir():
        flush(path)
    if out.exists() and not is_whole(out):
        shutil.rmtree(out)
    try:
        temporary.rename(out)
    except OSError:
        if not is_whole(out):  # else another run was faster with the same model
            raise


def _build(ctx: WorkerContext, recipe: Recipe, generator: Generator, seed: int, out: Path) -> None:
    import mlx.core as mx
    from mlx.utils import tree_flatten

    texts = generator.call("pretrain_rows", recipe.rows, seed, recipe.router_share)
    words = generator.call("generate", recipe.tokenizer_rows, None, seed)
    tokenizer = train_tokenizer(texts + words, recipe.vocab_size)
    config = model_config(recipe, tokenizer)
    model = _train(ctx, recipe, config, pack(texts, tokenizer, recipe), seed)
    tokenizer.save(str(out / "tokenizer.json"))
    write_json_atomic(out / "tokenizer_config.json", tokenizer_config(recipe))
    write_json_atomic(out / "config.json", config)
    weights = dict(tree_flatten(model.parameters()))
    mx.save_safetensors(str(out / "model.safetensors"), weights, metadata={"format": "mlx"})
    write_json_atomic(out / RECIPE, {"recipe": recipe.model_dump(), "seed": seed})


def render(messages: list[dict[str, str]], add_generation_prompt: bool) -> str:
    """What CHAT_TEMPLATE renders, without the price of a template engine per row."""
    text = ""
    for message in messages:
        space = "" if message["role"] == "assistant" else " "
        text += f"<|{message['role']}|>{space}{message['content']}{END}"
    return text + "<|assistant|>" if add_generation_prompt else text


# --- tokenizer -----------------------------------------------------------------------


def train_tokenizer(rows: list[Row], vocab_size: int) -> Tokenizer:
    """A byte-level BPE tokenizer of the rows' texts; each digit is a token of its own."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[AddedToken(token, special=True) for token in SPECIAL_TOKENS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (message["content"] for row in rows for message in row["messages"])
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def tokenizer_config(recipe: Recipe) -> dict[str, Any]:
    """``tokenizer_config.json``, with the class that both generations of transformers load."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": PAD,
        "model_max_length": recipe.max_positions,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }


def model_config(recipe: Recipe, tokenizer: Tokenizer) -> dict[str, Any]:
    """``config.json`` of a qwen3 model of the recipe's size."""
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "hidden_size": recipe.hidden_size,
        "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads,
        "num_key_value_heads": recipe.heads,
        "head_dim": recipe.hidden_size // recipe.heads,
        "intermediate_size": recipe.intermediate_size,
        "vocab_size": tokenizer.get_vocab_size(),
        "max_position_embeddings": recipe.max_positions,
        "rms_norm_eps": 1e-6,
        "rope_theta": recipe.rope_theta,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "eos_token_id": tokenizer.token_to_id(END),
        "pad_token_id": tokenizer.token_to_id(PAD),
    }


# --- packing -------------------------------------------------------------------------


class Packed:
    """Whole chats in rows of one length: token ids, and the loss weight of each token."""

    def __init__(self, ids: np.ndarray, weights: np.ndarray) -> None:
        self.ids = ids
        self.weights = weights

    def __len__(self) -> int:
        return len(self.ids)


def pack(rows: list[Row], tokenizer: Tokenizer, recipe: Recipe) -> Packed:
    """Pack chats greedily, in their order, into rows of ``row_tokens + 1`` tokens.

    A row begins with the begin of a chat, and none is cut; the rest is padding of weight 0.
    Refusal for a chat that is longer than a row.
    """
    import numpy as np

    length = recipe.row_tokens + 1
    pad = tokenizer.token_to_id(PAD)
    prompts = tokenizer.encode_batch_fast([render(row["messages"][:-1], True) for row in rows])
    answers = tokenizer.encode_batch_fast([row["messages"][-1]["content"] + END for row in rows])
    ids = np.full((len(rows), length), pad, dtype=np.int32)
    weights = np.zeros((len(rows), length), dtype=np.float32)
    row, used = 0, 0
    for prompt, answer in zip(prompts, answers, strict=True):
        size = len(prompt.ids) + len(answer.ids)
        if size > length:
            raise Refusal(
                f"A row of the generator has {size} tokens, and recipe.row_tokens is "
                f"{recipe.row_tokens}; set factory.base.row_tokens to {size} or more."
            )
        if used + size > length:
            row, used = row + 1, 0
        middle, end = used + len(prompt.ids), used + size
        ids[row, used:end] = prompt.ids + answer.ids
        weights[row, used:middle] = recipe.prompt_weight
        weights[row, middle:end] = 1.0
        used = end
    return Packed(ids[: row + 1], weights[: row + 1])


# --- training ------------------------------------------------------------------------


def _train(
    ctx: WorkerContext, recipe: Recipe, config: dict[str, Any], packed: Packed, seed: int
) -> nn.Module:
    import mlx.core as mx
    import mlx.nn as nn
    import mlx.optimizers as optim
    import numpy as np
    from mlx_lm.models import qwen3

    mx.random.seed(seed)
    model = qwen3.Model(qwen3.ModelArgs.from_dict(config))
    mx.eval(model.parameters())
    optimizer = optim.AdamW(
        _schedule(recipe),
        betas=[0.9, recipe.beta2],
        weight_decay=recipe.weight_decay,
        bias_correction=True,
    )
    step_and_grad = nn.value_and_grad(model, _loss)
    state = [model.state, optimizer.state]
    order = np.random.default_rng(seed)
    queue: list[int] = []
    losses, tokens, since, before = [], 0, time.perf_counter(), 0
    for step in range(1, recipe.steps + 1):
        ctx.check_stop()
        while len(queue) < recipe.batch_rows:
            queue.extend(order.permutation(len(packed)).tolist())
        chosen, queue = queue[: recipe.batch_rows], queue[recipe.batch_rows :]
        ids, weights = packed.ids[chosen], packed.weights[chosen]
        loss, gradient = step_and_grad(model, mx.array(ids), mx.array(weights))
        optimizer.update(model, gradient)
        mx.eval(state, loss)
        losses.append(loss.item())
        tokens += int((weights[:, 1:] > 0).sum())
        if step % recipe.report_every == 0 or step == recipe.steps:
            now = time.perf_counter()
            values = {
                "loss": sum(losses) / len(losses),
                "learning_rate": optimizer.learning_rate.item(),
                "it_s": len(losses) / (now - since),
                "tok_s": (tokens - before) / (now - since),
                "tokens": tokens,
                "mlx_peak_bytes": mx.get_peak_memory(),
            }
            ctx.emit(kind="metric", step=step, values=values)
            ctx.emit(kind="progress", done=step, total=recipe.steps, unit="steps")
            if not np.isfinite(values["loss"]):
                raise Failure(
                    "nan-loss",
                    f"The loss was not a number at step {step}; "
                    "a smaller factory.base.learning_rate helps.",
                )
            losses, since, before = [], now, tokens
    return model


def _schedule(recipe: Recipe) -> Any:
    """Linear warm-up, then a cosine down to 0 at the last step."""
    import mlx.optimizers as optim

    peak, warmup = recipe.learning_rate, min(recipe.warmup_steps, recipe.steps - 1)
    cosine = optim.cosine_decay(peak, max(1, recipe.steps - warmup))
    if warmup == 0:
        return cosine
    return optim.join_schedules(
        [optim.linear_schedule(peak / warmup, peak, warmup), cosine], [warmup]
    )


def _loss(model: nn.Module, ids: mx.array, weights: mx.array) -> mx.array:
    """Weighted mean cross entropy of the next token."""
    import mlx.nn as nn

    logits = model(ids[:, :-1])
    losses = nn.losses.cross_entropy(logits, ids[:, 1:])
    mean: mx.array = (losses * weights[:, 1:]).sum() / weights[:, 1:].sum()
    return mean


if __name__ == "__main__":
    runtime.run(main)
