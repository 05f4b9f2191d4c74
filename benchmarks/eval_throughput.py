"""Examples a second of our evaluation against other ways to ask, alternating in one run.

    python benchmarks/eval_throughput.py [--quick] [--check] [--slack SHARE] [--json FILE]
    python benchmarks/eval_throughput.py --peers --vllm-mlx .cache/vllm-mlx/bin/vllm-mlx

Ours is what an eval stage does when nobody sets a batch size: batches by length, a shared beginning
computed once, rows that have ended make room. The other side asks ``mlx_lm.stream_generate``, which
is what ``mlx_lm.generate`` does, one prompt after the other. Both have the same process, prompts,
loaded model, BLAS and limit of new tokens, and both count until the answer is text.

The demo's candidate is trained first, by the demo's own plan, and answers its own gold set; its
answers end by themselves. The model of some 25 million random weights never ends, so every answer
of it has all the tokens of the limit, on both sides. "Shared" has the same 200 tokens before every
prompt. The one-by-one side of the large model answers an even sample of the prompts: its examples a
second do not depend on how many there are.

The full form, or ``--peers``, asks three more: ``mlx_lm.batch_generate`` in the same process;
``mlx_lm.server`` as a child on 127.0.0.1 with 1, 8 and 32 clients at once, of which the best is
told; and, where it is installed, ``vllm-mlx serve --continuous-batching``, the public batch runner
for MLX that starts on Linux, in the same way. A server has the same weights, BLAS and prompts, as
text that makes the same tokens, and a cache of prompts of its own, which it may use. vllm-mlx
wants an environment of its own, since it needs an older mlx-lm, and gets the demo's adapter fused
into the model, since it takes none.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import train_throughput as training  # noqa: E402
from figures import Figure, add_json_option, report  # noqa: E402
from served import NAME, Served  # noqa: E402

from engine.judge.latency import evenly_spread  # noqa: E402

SHARED = 200
"""Tokens that stand before every prompt of the second case of each model."""

BOUNDS = {"demo": 5.0, "demo, shared": 10.0, "25 M": 9.0, "25 M, shared": 18.0}
"""The least ratio that is asked for."""

SHORT = ("factory.base.steps=150", "factory.train.iters=240", "factory.data.rows=3000")
"""The demo's candidate of the short form: trained less, of the same size."""

CLIENTS = (1, 8, 32)
"""How many ask a server at once."""

RUNNER = ROOT / ".cache/vllm-mlx/bin/vllm-mlx"
"""Where the public batch runner is looked for."""

Prompts = list[list[int]]
Way = Callable[[Any, Any, Prompts, int], list[str]]
"""Model, tokenizer, prompts and limit of new tokens to the answers."""


def demo_run(folder: Path, quick: bool) -> tuple[Path, Path]:
    """Train the demo's candidate in a copy of the samples: its base model and its adapter."""
    for name in ("runs", "loops", "artifacts"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / "sample_runs/factory.toml", folder)
    shutil.copytree(ROOT / "sample_runs/targets", folder / "targets")
    command = [sys.executable, "-P", "-m", "engine.cli", "run", "drone-router", "-w", str(folder)]
    command += ["--set", "factory.stages=[pretrain, data, train]"]
    for setting in SHORT if quick else ():
        command += ["--set", setting]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    runs = list((folder / "runs").iterdir())
    adapter = runs[0] / "adapters" if runs else folder
    if not (adapter / "adapters.safetensors").is_file():
        raise SystemExit(f"The demo's candidate was not trained:\n{done.stdout}\n{done.stderr}")
    return next((folder / ".factory/cache/bases").iterdir()), adapter


def gold_prompts(tokenizer: Any, count: int) -> Prompts:
    """The prompts of the demo's gold set, as its evaluation makes them."""
    from engine.judge.suites import load_suite
    from engine.work.prompting import prompts_of

    suite = load_suite(
        ROOT / "sample_runs/targets/drone-router/dataset/gold.jsonl", "gold", "json_cmd"
    )
    return prompts_of(tokenizer, suite)[:count]


def made_prompts(tokenizer: Any, count: int) -> Prompts:
    """Made-up questions of 6 to 16 tokens."""
    from tests.engine.work.tiny import chat_rows

    return [
        list(
            tokenizer.apply_chat_template(
                row["messages"][:-1], add_generation_prompt=True, return_dict=False
            )
        )
        for row in chat_rows(count, 10, 20)
    ]


def with_shared(prompts: Prompts) -> Prompts:
    """The same prompts behind the same tokens: those of the first prompts, over and over."""
    tokens = [token for prompt in prompts for token in prompt]
    while len(tokens) < SHARED:
        tokens += tokens
    return [tokens[:SHARED] + prompt for prompt in prompts]


def one_by_one(model: Any, tokenizer: Any, prompts: Prompts, limit: int) -> list[str]:
    """The answers of mlx-lm's own path; texts of its tokens, without what a stream holds back."""
    from mlx_lm import stream_generate

    found = []
    for prompt in prompts:
        tokens = [one.token for one in stream_generate(model, tokenizer, prompt, max_tokens=limit)]
        kept = [token for token in tokens if token not in tokenizer.eos_token_ids]
        found.append(tokenizer.decode(kept) if kept else "")
    return found


def in_batches(model: Any, tokenizer: Any, prompts: Prompts, limit: int) -> list[str]:
    """The answers of an eval stage that chooses its batch size itself."""
    from engine.work import batch_size
    from engine.work.generation import How, answers

    rows = batch_size.chosen(model, [len(prompt) for prompt in prompts], limit)
    found = list(answers(model, tokenizer, prompts, How(limit, rows)))
    return [one.text for one in sorted(found, key=lambda one: one.index)]


def batch_generate(model: Any, tokenizer: Any, prompts: Prompts, limit: int) -> list[str]:
    """The answers of mlx-lm's own batches, as it makes them by itself."""
    from mlx_lm import batch_generate

    return list(batch_generate(model, tokenizer, prompts, max_tokens=limit).texts)


def asking(server: Served, clients: int) -> Way:
    """A way to ask a server; SystemExit where a text would not make the prompt's tokens."""

    def way(_model: Any, tokenizer: Any, prompts: Prompts, limit: int) -> list[str]:
        texts = [tokenizer.decode(prompt) for prompt in prompts]
        if any(tokenizer.encode(text) != ids for text, ids in zip(texts, prompts, strict=True)):
            raise SystemExit(
                "A server would be asked for other tokens: the prompt's text is not it."
            )
        return server.answers(texts, limit, clients)

    return way


def servers(
    stack: ExitStack, folder: Path, base: Path, adapter: Path | None, runner: Path | None
) -> dict[str, Way]:
    """The servers of one model, started, with each number of clients."""
    env = training.bare_environment()
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(base)]
    command += ["--adapter-path", str(adapter)] if adapter else []
    started = {"mlx_lm.server": stack.enter_context(Served(command, env, folder))}
    if runner:
        if adapter:
            fused = folder / "fused"
            fuse = [sys.executable, "-m", "mlx_lm", "fuse", "--model", str(base)]
            fuse += ["--adapter-path", str(adapter), "--save-path", str(fused)]
            subprocess.run(fuse, env=env, check=True, capture_output=True)
            base = fused
        command = [str(runner), "serve", str(base), "--served-model-name", NAME]
        command += ["--continuous-batching"]
        # Its environment has packages of its own, which ours must not stand before.
        own = {name: value for name, value in env.items() if name != "PYTHONPATH"}
        try:
            started["vllm-mlx"] = stack.enter_context(Served(command, own, folder))
        except (OSError, RuntimeError) as error:
            print(f"vllm-mlx does not run here and is left out. {error}", file=sys.stderr)
    return {
        f"{name}, {clients} at once": asking(server, clients)
        for name, server in started.items()
        for clients in CLIENTS
    }


def measure(
    name: str,
    model: Any,
    tokenizer: Any,
    prompts: Prompts,
    alone: int,
    limit: int,
    rounds: int,
    peers: dict[str, Way],
) -> dict[str, Any]:
    """All sides in turn; the ratio is that of the best rounds.

    What else a machine does only ever makes a round slower, so the best round is the nearest to
    what a side can do. A side that asks one prompt after the other answers ``alone`` of them.
    """
    places = evenly_spread(len(prompts), alone)
    few = [prompts[place] for place in places]
    ways: dict[str, Way] = {"ours": in_batches, "one by one": one_by_one, **peers}
    rates: dict[str, list[float]] = {side: [] for side in ways}
    answers: dict[str, list[str]] = {}
    for number in range(rounds):
        # The side that begins changes, so that a machine that warms up favours neither.
        for side in list(ways)[:: 1 if number % 2 else -1]:
            slow = side == "one by one" or side.endswith(", 1 at once")
            asked = few if slow else prompts
            begin = time.perf_counter()
            found = ways[side](model, tokenizer, asked, limit)
            rates[side].append(len(asked) / (time.perf_counter() - begin))
            answers[side] = found if slow else [found[place] for place in places]
            print(f"{name:14}{side:28}{rates[side][-1]:10,.1f} examples/s", file=sys.stderr)
    return {
        "best": {side: max(values) for side, values in rates.items()},
        "equal": {
            side: sum(
                ours.strip() == theirs.strip()
                for ours, theirs in zip(answers["ours"], found, strict=True)
            )
            for side, found in answers.items()
        },
        "compared": len(places),
    }


def figures_of(name: str, case: dict[str, Any], slack: float) -> list[Figure]:
    """The lines of one case: one by one, and each peer with the clients that served it best."""
    best, bound = case["best"], BOUNDS[name] * slack
    key = name.lower().replace(", ", "-").replace(" ", "")
    groups: dict[str, str] = {}
    for side in best:
        peer = side.split(",")[0]
        if peer not in groups or best[side] > best[groups[peer]]:
            groups[peer] = side
    figures = []
    for peer, side in groups.items():
        if peer == "ours":
            continue
        ratio = best["ours"] / best[side]
        asked = bound if peer == "one by one" else 1.0
        equal = f"{case['equal'][side]} of {case['compared']} answers equal"
        figures.append(
            Figure(
                f"eval-{key}-{peer.replace(' ', '-')}",
                "Evaluation",
                f"examples a second over {peer}, model {name}",
                f"{ratio:.1f} ({best['ours']:,.1f} examples/s)",
                f"≥ {asked:.3g}",
                ratio >= asked,
                f"{side} {best[side]:,.1f} examples/s, {equal}",
            )
        )
    return figures


def cases(folder: Path, args: argparse.Namespace) -> list[Figure]:
    """The figures of every case."""
    from engine.work import blas

    print("training the demo's candidate …", file=sys.stderr)
    base, adapter = demo_run(folder / "demo", args.quick)
    print(blas.prepare()["text"], file=sys.stderr)
    blas.keep_memory()  # as in an eval stage
    from mlx_lm.utils import load

    from tests.engine.work.tiny import make_model

    runner = args.vllm_mlx if args.vllm_mlx.is_file() else None
    if args.peers and runner is None:
        print(f"vllm-mlx is not at {args.vllm_mlx} and is left out.", file=sys.stderr)
    count = args.count or (90 if args.quick else 180)
    figures: list[Figure] = []

    def pair(name: str, path: Path, tuned: Path | None, few: int, limit: int) -> None:
        model, tokenizer = load(str(path), adapter_path=str(tuned) if tuned else None)
        prompts = (gold_prompts if tuned else made_prompts)(tokenizer, count)
        with ExitStack() as stack:
            peers: dict[str, Way] = {}
            if args.peers:
                work = folder / f"served-{path.name}"
                work.mkdir()
                peers["mlx_lm.batch_generate"] = batch_generate
                peers |= servers(stack, work, path, tuned, runner)
            for case, asked in ((name, prompts), (f"{name}, shared", with_shared(prompts))):
                found = measure(
                    case, model, tokenizer, asked, min(few, count), limit, args.rounds, peers
                )
                figures.extend(figures_of(case, found, args.slack))

    pair("demo", base, adapter, count, 40)
    large = make_model(folder / "large", hidden=512, layers=10, heads=8)
    pair("25 M", large, None, 6 if args.quick else 24, 10)
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a small form for CI, about a minute")
    parser.add_argument("--check", action="store_true", help="exit 1 when a ratio is too low")
    parser.add_argument(
        "--slack", type=float, default=1.0, help="bounds are multiplied by this on a noisy machine"
    )
    parser.add_argument("--peers", action="store_true", help="ask the peers in the short form too")
    parser.add_argument(
        "--vllm-mlx", type=Path, default=RUNNER, metavar="FILE", help="its command, if installed"
    )
    parser.add_argument("--count", type=int, help="prompts of a case")
    parser.add_argument("--rounds", type=int)
    add_json_option(parser)
    args = parser.parse_args(argv)
    args.rounds = args.rounds or (2 if args.quick else 4)
    args.peers = args.peers or not args.quick
    with tempfile.TemporaryDirectory() as name:
        figures = cases(Path(name), args)
    holds = report(figures, args.json)
    return int(args.check and not holds)


if __name__ == "__main__":
    sys.exit(main())
