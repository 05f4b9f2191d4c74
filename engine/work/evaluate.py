"""The ``eval`` stage: every suite answered and scored in one child, the model loaded once."""

from __future__ import annotations

import platform
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.folder import FolderError, read_record, sha256_file, write_bytes_atomic
from engine.judge.scorers import Score, has_option, score
from engine.judge.stats import wilson
from engine.judge.suites import Example, Suite, SuiteError, load_suite
from engine.records.base import utc_now
from engine.records.evaluation import EvalResult, Interval, RowResult
from engine.records.run import RunConfig
from engine.work import blas, models, runtime
from engine.work.runtime import Refusal, WorkerContext
from engine.work.specs import EvalSpec, SuiteSpec

CLIP = 600
"""Characters of a text that an example event holds; the rows file has it whole."""

PROGRESS_EVERY_S = 0.2
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Scored:
    """One row, and what only the sums over the suite need."""

    row: RowResult
    parsed: bool
    prose: bool
    cut_off: bool
    forbidden: bool = False


class Progress:
    """Rows done over all suites of the stage, told a few times a second."""

    def __init__(self, ctx: WorkerContext, total: int) -> None:
        self._ctx, self._total = ctx, total
        self._done, self._last = 0, 0.0

    def step(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._last > PROGRESS_EVERY_S or self._done == self._total:
            self._last = now
            self._ctx.emit(kind="progress", done=self._done, total=self._total, unit="rows")


def main(ctx: WorkerContext) -> None:
    spec = ctx.parse(EvalSpec)
    suites = [_suite(ctx, suite) for suite in spec.suites]
    ctx.emit(**blas.prepare())
    if ctx.resuming:
        ctx.message(
            "not-restored", "An evaluation keeps nothing half done: it starts at its first row."
        )
    path = models.resolve(ctx, spec.model, spec.revision)
    adapter = ctx.path(spec.adapter) if spec.adapter else None
    model, tokenizer, _ = models.load(ctx, path, spec.model, adapter)
    model.eval()
    progress = Progress(ctx, sum(len(suite.examples) for suite in suites))
    for wanted, suite in zip(spec.suites, suites, strict=True):
        _evaluate(ctx, spec, wanted, suite, model, tokenizer, progress)


def _suite(ctx: WorkerContext, wanted: SuiteSpec) -> Suite:
    system_prompt = None
    if wanted.system_prompt:
        try:
            system_prompt = ctx.target_path(wanted.system_prompt).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise Refusal(
                f"The system prompt {wanted.system_prompt} of suite {wanted.name} cannot be read "
                f"({error})."
            ) from error
    path = ctx.target_path(wanted.file)
    try:
        return load_suite(path, wanted.name, wanted.scorer, wanted.direction, system_prompt)
    except SuiteError as error:
        raise Refusal(f"The suite {wanted.name} cannot be used: {error}") from error


def _evaluate(
    ctx: WorkerContext,
    spec: EvalSpec,
    wanted: SuiteSpec,
    suite: Suite,
    model: Any,
    tokenizer: Any,
    progress: Progress,
) -> None:
    """Answer and score one suite; writes its rows file and then its record."""
    import mlx.core as mx

    from engine.work.generation import answers

    prompts = [_prompt(tokenizer, suite, example) for example in suite.examples]
    options = _options(spec, suite)
    scored: dict[int, Scored] = {}
    mx.reset_peak_memory()
    begin = time.perf_counter()
    for answer in answers(
        model,
        tokenizer,
        prompts,
        batch_size=spec.batch_size,
        max_new_tokens=spec.max_new_tokens,
        exact=spec.exact,
        check_stop=ctx.check_stop,
    ):
        example = suite.examples[answer.index]
        result = score(suite.scorer, example.expected, answer.text, **options)
        row = _row(example, answer.text, result, answer.latency_ms, answer.tokens)
        scored[answer.index] = Scored(
            row, result.parsed, result.prose, answer.cut_off, result.forbidden
        )
        _tell(ctx, suite, row)
        progress.step()
    duration = time.perf_counter() - begin
    in_order = [scored[i] for i in range(len(suite.examples))]
    rows_file = ctx.path(wanted.rows)
    _write_rows(rows_file, [item.row for item in in_order])
    record = EvalResult(
        model_id=_model_id(ctx, spec),
        command=ctx.command,
        passed=_passed(ctx, wanted, [item.row for item in in_order]),
        date=utc_now(),
        rows_file=wanted.rows,
        rows_sha256=sha256_file(rows_file),
        peak_rss_mb=_peak_rss_mb(),
        mlx_peak_mb=mx.get_peak_memory() / 2**20,
        notes=_notes(spec),
        safety_violations=(
            sum(item.forbidden for item in in_order) if "forbidden" in options else None
        ),
        **summarise(in_order, suite, duration),
    )
    ctx.emit(kind="record", file=wanted.rows)
    ctx.write_record(wanted.record, record)


def _prompt(tokenizer: Any, suite: Suite, example: Example) -> list[int]:
    """Token ids, so that the start token is not added a second time to the template's own."""
    try:
        tokens = tokenizer.apply_chat_template(
            list(example.messages), add_generation_prompt=True, return_dict=False
        )
    except Exception as error:  # a template may raise anything: it is input
        raise Refusal(
            f"The model's chat template does not take example {example.id} of suite "
            f"{suite.name} ({type(error).__name__}: {error})."
        ) from error
    if not tokens:
        raise Refusal(
            f"The model's chat template makes nothing of example {example.id} of {suite.name}."
        )
    return [int(token) for token in tokens]


def _options(spec: EvalSpec, suite: Suite) -> dict[str, Any]:
    """What the suite's scorer is told besides the texts."""
    if spec.forbidden_commands and has_option(suite.scorer, "forbidden"):
        return {"forbidden": frozenset(spec.forbidden_commands)}
    return {}


def _row(example: Example, got: str, result: Score, latency_ms: float, tokens: int) -> RowResult:
    return RowResult(
        id=example.id,
        prompt=example.prompt,
        expected=example.expected,
        got=got,
        score=result.score,
        correct=result.correct,
        error=result.error,
        slice=example.slice,
        latency_ms=round(latency_ms, 3),
        tokens=tokens,
    )


def _tell(ctx: WorkerContext, suite: Suite, row: RowResult) -> None:
    ctx.emit(
        kind="example",
        suite=suite.name,
        id=row.id,
        score=row.score,
        correct=row.correct,
        prompt=_clip(row.prompt),
        expected=_clip(row.expected),
        got=_clip(row.got),
        error=row.error,
        slice=row.slice,
    )


def _clip(text: str) -> str:
    return text if len(text) <= CLIP else text[: CLIP - 1] + "…"


def _write_rows(path: Path, rows: Sequence[RowResult]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(row.model_dump_json() + "\n" for row in rows)
    write_bytes_atomic(path, text.encode("utf-8", "replace"))


def summarise(scored: Sequence[Scored], suite: Suite, duration: float) -> dict[str, Any]:
    """What of an EvalResult follows from the rows of a suite; ``duration`` in seconds.

    The score is the mean over the rows, its interval Wilson's.
    """
    rows = [item.row for item in scored]
    n = len(rows)
    total = sum(row.score for row in rows)
    low, high = wilson(total, n, CONFIDENCE)
    return {
        "suite": suite.name,
        "score": total / n,
        "latency_ms": sum(row.latency_ms or 0.0 for row in rows) / n,
        "tokens_per_second": sum(row.tokens or 0 for row in rows) / duration,
        "n": n,
        "metric": suite.metric,
        "direction": suite.direction,
        "interval": Interval(low=low, high=high, confidence=CONFIDENCE),
        "suite_sha256": suite.sha256,
        "scorer": suite.scorer,
        "slices": _slices(rows),
        "format": {
            "parsed": sum(item.parsed for item in scored) / n,
            "prose": sum(item.prose for item in scored) / n,
            "empty": sum(not row.got.strip() for row in rows) / n,
            "cut_off": sum(item.cut_off for item in scored) / n,
        },
        "duration_s": duration,
    }


def _slices(rows: Sequence[RowResult]) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[float]] = {}
    for row in rows:
        if row.slice is not None:
            groups.setdefault(row.slice, []).append(row.score)
    return {
        name: {"n": len(scores), "score": sum(scores) / len(scores)}
        for name, scores in sorted(groups.items())
    }


def _config(ctx: WorkerContext) -> RunConfig | None:
    try:
        return read_record(ctx.run / "config.json", RunConfig)
    except FolderError:
        return None  # a worker started by hand needs no config; the check of the folder tells


def _model_id(ctx: WorkerContext, spec: EvalSpec) -> str:
    config = _config(ctx)
    base = config.base_model.id if config else spec.model
    return f"{base} + {spec.adapter}" if spec.adapter else base


def _passed(ctx: WorkerContext, wanted: SuiteSpec, rows: Sequence[RowResult]) -> bool | None:
    """Whether the primary score is within its bound; a drop needs both evaluations: None."""
    config = _config(ctx)
    if config is None or wanted.role != "primary":
        return None
    mean = sum(row.score for row in rows) / len(rows)
    bound = config.eval.threshold.primary_min
    return mean <= bound if wanted.direction == "lower" else mean >= bound


def _peak_rss_mb() -> float:
    """Peak resident size of this process so far, in units of 2**20 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if platform.system() == "Darwin" else peak / 2**10


def _notes(spec: EvalSpec) -> list[str]:
    how = "one at a time" if spec.exact else f"in batches of {spec.batch_size}"
    return [f"Greedy, {how}, at most {spec.max_new_tokens} new tokens."]


if __name__ == "__main__":
    runtime.run(main)
