"""The ``data`` stage: from a target's files and generator to the rows that a run trains on.

Rows come from ``canonical`` (a JSONL file) and from the generator, a Python file of the target
that is loaded here, in this child, and nowhere else. It has ``generate(n, focus, seed)`` and,
for replay, ``breadth(n, seed)``; both return chat rows.

Left out and counted: a row that was there before (same conversation), and a row that comes near a
gold prompt (``engine.judge.leaks``). What is left is searched again, and ``leakage.json`` says what
was found. What is wrong with a file is said with its line, and stops the stage: training on fewer
rows than one believes to have is worse than correcting a line.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from engine.folder import FolderError, read_record, sha256_file, write_bytes_atomic
from engine.judge.leaks import counted
from engine.records.run import Counts, Dataset, Processing, Source
from engine.work import gold, runtime
from engine.work.chats import Row, read_jsonl
from engine.work.generators import Generator, load_generator
from engine.work.runtime import Refusal, WorkerContext
from engine.work.sieve import Sieve, draw
from engine.work.specs import DataSpec


def main(ctx: WorkerContext) -> None:
    spec = ctx.parse(DataSpec)
    held = gold.read_gold(ctx, spec.gold, spec.shown)
    generator = load_generator(ctx.target_path(spec.generator)) if spec.generator else None
    sieve = Sieve([one.index for one in held])
    target, sources = _target_rows(ctx, spec, generator, sieve)
    ctx.check_stop()
    train, valid = _split(target, spec.valid_rows, spec)
    files = {"valid": valid}
    replay = 0
    if spec.replay_share > 0:
        # The share is of all training rows: x / (x + train) = share.
        replay = round(len(train) * spec.replay_share / (1 - spec.replay_share))
        old = _replay_rows(ctx, spec, generator, sieve, replay + spec.valid_rows)
        kept, files["valid-breadth"] = _split(old, spec.valid_rows, spec)
        replay = len(kept)
        train = train + kept
        sources.append(_source(ctx, "replay", str(spec.generator), replay))
    random.Random(spec.seed).shuffle(train)
    files["train"] = train
    ctx.check_stop()
    hashes = {name: _write(ctx, name, rows) for name, rows in files.items()}
    leakage = gold.leakage_of(held, train, "data/train.jsonl", hashes["train"], sieve)
    ctx.write_record(gold.FILE, leakage)
    counts = Counts.model_validate(
        {
            "train_rows": len(train),
            "heldout_rows": sum(len(one.index.gold) for one in held),
            "dropped_rows": sieve.duplicates + sieve.in_gold,
            # ours
            "valid_rows": len(valid),
            "replay_rows": replay,
            "duplicate_rows": sieve.duplicates,
            "gold_rows_left_out": sieve.in_gold,
        }
    )
    _complete(ctx, spec, sources, counts, hashes)
    ctx.emit(kind="progress", done=len(train), total=len(train), unit="rows")
    ctx.message(
        "data",
        f"{len(train)} training rows ({replay} of them replay), {len(valid)} for validation; "
        f"{sieve.duplicates} duplicates and {sieve.in_gold} rows near a gold prompt were left out"
        f"{f' ({counted(sieve.refused)})' if sieve.refused else ''}.",
    )
    for suite in leakage.suites:
        if suite.shown:
            ctx.message(
                "gold-shown",
                f"{suite.shown:,} {'prompt' if suite.shown == 1 else 'prompts'} of {suite.file} "
                f"{'was' if suite.shown == 1 else 'were'} shown to the data generator.",
                level="warning",
            )


def _target_rows(
    ctx: WorkerContext, spec: DataSpec, generator: Generator | None, sieve: Sieve
) -> tuple[list[Row], list[Source]]:
    """The rows of the skill itself, for training and validation, and where they come from."""
    rows: list[Row] = []
    sources: list[Source] = []
    if spec.canonical:
        rows = sieve.take(read_jsonl(ctx.target_path(spec.canonical), spec.canonical))
        sources.append(_source(ctx, "canonical", spec.canonical, len(rows)))
    if generator is not None:
        wanted = round(spec.rows * (1 - spec.replay_share)) + spec.valid_rows - len(rows)
        made = _draw(ctx, generator, "generate", sieve, wanted, spec.seed)
        rows += made
        sources.append(_source(ctx, "generator", str(spec.generator), len(made)))
    if not sources:
        raise Refusal(
            "There is nothing to train on: the plan names no canonical file and no generator."
        )
    if spec.system_prompt:
        rows = [_with_system(row, _read_prompt(ctx, spec.system_prompt)) for row in rows]
    return rows, sources


def _draw(
    ctx: WorkerContext, generator: Generator, function: str, sieve: Sieve, wanted: int, seed: int
) -> list[Row]:
    """Rows of a generator's function; where it runs dry, what became of the others is said."""
    focus = (None,) if function == "generate" else ()
    drawn = draw(sieve, lambda n, s: generator.call(function, n, *focus, s), wanted, seed)
    if len(drawn.rows) < wanted:
        ctx.message(
            "few-rows",
            f"{generator.name} gave {len(drawn.rows)} different rows by {function}; {wanted} were "
            f"asked for: {drawn.why_few}.",
            level="warning",
        )
    return drawn.rows


def _replay_rows(
    ctx: WorkerContext, spec: DataSpec, generator: Generator | None, sieve: Sieve, count: int
) -> list[Row]:
    if generator is None or not generator.has("breadth"):
        raise Refusal(
            f"factory.data.replay_share is {spec.replay_share:g}, but the target has no generator "
            "with breadth(n, seed) to replay from. Write one, or set the share to 0."
        )
    return _draw(ctx, generator, "breadth", sieve, count, spec.seed)


def _split(rows: Sequence[Row], valid_rows: int, spec: DataSpec) -> tuple[list[Row], list[Row]]:
    """Training and validation rows, drawn by the seed; Refusal when too few are there."""
    if len(rows) < valid_rows + 1:
        raise Refusal(
            f"There are {len(rows)} different rows, and {valid_rows} are wanted for validation "
            "alone. Lower factory.data.valid_rows or add rows."
        )
    shuffled = list(rows)
    random.Random(spec.seed).shuffle(shuffled)
    return shuffled[valid_rows:], shuffled[:valid_rows]


def _read_prompt(ctx: WorkerContext, name: str) -> str:
    try:
        return ctx.target_path(name).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"The system prompt {name} cannot be read ({error}).") from error


def _with_system(row: Row, prompt: str) -> Row:
    if not prompt or any(turn["role"] == "system" for turn in row["messages"]):
        return row
    return {**row, "messages": [{"role": "system", "content": prompt}, *row["messages"]]}


def _source(ctx: WorkerContext, kind: str, name: str, rows: int) -> Source:
    return Source(kind=kind, path=name, rows=rows, sha256=sha256_file(ctx.target_path(name)))


def _write(ctx: WorkerContext, name: str, rows: list[Row]) -> str:
    """Write ``data/<name>.jsonl``; its hash."""
    path = ctx.run / "data" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_bytes_atomic(path, text.encode("utf-8", "replace"))
    digest = sha256_file(path)
    ctx.emit(kind="record", file=f"data/{name}.jsonl", sha256=digest)
    return digest


def _complete(
    ctx: WorkerContext,
    spec: DataSpec,
    sources: list[Source],
    counts: Counts,
    hashes: dict[str, str],
) -> None:
    """Put what is known now into ``dataset.json``; what others wrote there stays."""
    try:
        record = read_record(ctx.run / "dataset.json", Dataset)
    except FolderError:
        if (ctx.run / "dataset.json").exists():
            raise
        record = Dataset(dataset_id=ctx.plan.run_id, sources=[])
    before = {(source.kind, source.path): source.sha256 for source in record.sources}
    for source in sources:
        planned = before.get((source.kind, source.path))
        if planned and planned != source.sha256:
            ctx.message(
                "source-changed",
                f"{source.path} was changed after the run was created; its new hash is recorded.",
                level="warning",
            )
    processing = record.processing.model_copy(
        update={"dedupe": True, "heldout_split": record.processing.heldout_split or "locked"}
    )
    update = {
        "sources": sources,
        "shown": spec.shown,
        "processing": Processing.model_validate(processing.model_dump()),
        "counts": counts,
        "files": {f"data/{name}.jsonl": digest for name, digest in sorted(hashes.items())},
    }
    ctx.write_record("dataset.json", record.model_copy(update=update))


if __name__ == "__main__":
    runtime.run(main)
