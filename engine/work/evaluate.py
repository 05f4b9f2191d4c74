"""The ``eval`` stage: every suite answered and scored in one child, the model loaded once."""

from __future__ import annotations

import platform
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.evaluating.asking import Refused
from engine.evaluating.marking import GIVES, SCORER_FILE, Marker
from engine.evaluating.outcome import NoScore, Outcome
from engine.evaluating.results import Told, result_of
from engine.folder import FolderError, read_record
from engine.judge.scorers import ScorerError
from engine.judge.suites import Example, Suite, SuiteError, load_suite
from engine.records.base import utc_now
from engine.records.evaluation import EvalResult, LatencySample, RowResult, Through
from engine.records.run import RunConfig
from engine.secrecy import key_names
from engine.work import blas, models, runtime
from engine.work.harness_suites import by_harness, harness_for
from engine.work.runtime import Failure, Refusal, WorkerContext
from engine.work.serve_suites import needs_server, through_server
from engine.work.specs import EvalSpec, HarnessSpec, SuiteSpec

CLIP = 600
"""Characters of a text that an example event holds; the rows file has it whole."""

PROGRESS_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """A suite of the stage, and who scores it."""

    wanted: SuiteSpec
    marker: Marker

    @property
    def suite(self) -> Suite:
        return self.marker.suite


class Teller:
    """Tells of each scored answer; of the progress over all suites a few times a second."""

    def __init__(self, ctx: WorkerContext, total: int) -> None:
        self._ctx, self._total = ctx, total
        self._done, self._last = 0, 0.0

    def answered(self, suite: Suite, row: RowResult) -> None:
        self._ctx.emit(
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
        self._step()

    def missing(self, suite: Suite, example: Example, why: str) -> None:
        self._ctx.message("unscored", f"{suite.name}, example {example.id}: {why}", level="warning")
        self._step()

    def _step(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._last > PROGRESS_EVERY_S or self._done == self._total:
            self._last = now
            self._ctx.emit(kind="progress", done=self._done, total=self._total, unit="rows")


def main(ctx: WorkerContext) -> None:
    spec = ctx.parse(EvalSpec)
    with ExitStack() as stack:
        jobs = [Job(one, stack.enter_context(_marker(ctx, spec, one))) for one in spec.suites]
        harness = harness_for(spec.harness)
        ctx.emit(**blas.prepare())
        blas.keep_memory()
        if ctx.resuming:
            ctx.message(
                "not-restored", "An evaluation keeps nothing half done: it starts at its first row."
            )
        path = models.resolve(ctx, spec.model, spec.revision)
        served = [job for job in jobs if needs_server(job.suite, job.wanted.server)]
        here = [job for job in jobs if job not in served]
        total = spec.passes * sum(len(job.suite.examples) for job in here)
        teller = Teller(ctx, total + sum(len(job.suite.examples) for job in served))
        if here:
            _answer_here(ctx, spec, here, path, teller)
        if served:
            _answer_by_server(ctx, spec, served, path, teller)
        for wanted in spec.harness:
            _answer_by_harness(ctx, spec, wanted, path, harness)


def _marker(ctx: WorkerContext, spec: EvalSpec, wanted: SuiteSpec) -> Marker:
    suite = _suite(ctx, wanted)
    with _scoring(suite):
        marker = Marker(
            suite,
            ctx.target / SCORER_FILE,
            spec.forbidden_commands,
            named=key_names(ctx.workspace),
        )
    if marker.teacher is not None:
        ctx.message("judge", f"{suite.name}: {marker.teacher.where}")
    return marker


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
    relative = not Path(ctx.expand(wanted.file)).is_absolute()
    if relative and not path.resolve().is_relative_to(ctx.target):
        raise Refusal(
            f"The file {wanted.file} of suite {wanted.name} is outside the target. Put it into the "
            "target's folder."
        )
    try:
        suite = load_suite(
            path, wanted.name, wanted.scorer, wanted.direction, system_prompt, gives=GIVES
        )
    except SuiteError as error:
        raise Refusal(f"The suite {wanted.name} cannot be used: {error}") from error
    return replace(suite, examples=suite.examples[: wanted.first])


@contextmanager
def _scoring(suite: Suite) -> Iterator[None]:
    """What a scorer or a judge cannot do, as the worker's own end."""
    try:
        yield
    except (ScorerError, Refused) as error:
        raise Refusal(f"The suite {suite.name} cannot be scored: {error}") from error
    except NoScore as error:
        raise Failure("no-score", str(error)) from error


def _answer_here(
    ctx: WorkerContext, spec: EvalSpec, jobs: Sequence[Job], path: Path, teller: Teller
) -> None:
    """Answer suites by the model in this process, which is let go of afterwards."""
    import mlx.core as mx

    adapter = ctx.path(spec.adapter) if spec.adapter else None
    model, tokenizer, _ = models.load(ctx, path, spec.model, adapter)
    model.eval()
    for job in jobs:
        _evaluate(ctx, spec, job, model, tokenizer, teller)
    del model, tokenizer
    mx.clear_cache()


def _evaluate(
    ctx: WorkerContext, spec: EvalSpec, job: Job, model: Any, tokenizer: Any, teller: Teller
) -> None:
    """Answer, score and time one suite; writes its rows file and then its record."""
    import mlx.core as mx

    from engine.work import batch_size
    from engine.work.generation import How, can_batch
    from engine.work.prompting import prompts_of
    from engine.work.suite_run import Asked, passes_of, run_suite, time_alone

    suite = job.suite
    prompts = prompts_of(tokenizer, suite)
    alone = spec.exact or job.wanted.exact or not can_batch(model)
    rows = 1 if alone else spec.batch_size
    rows = rows or batch_size.chosen(model, [len(one) for one in prompts], spec.max_new_tokens)
    how = How(spec.max_new_tokens, rows, spec.temperature, spec.seed)
    asked = Asked(model, tokenizer, prompts, how, alone)
    mx.reset_peak_memory()
    with _scoring(suite):
        outcome = run_suite(
            job.marker,
            asked,
            spec.passes,
            ctx.check_stop,
            lambda row: teller.answered(suite, row),
            lambda example, why: teller.missing(suite, example, why),
        )
    memory = {"peak_rss_mb": _peak_rss_mb(), "mlx_peak_mb": mx.get_peak_memory() / 2**20}
    wanted = spec.latency_rows_of(job.wanted)
    latency = time_alone(suite, asked, wanted, ctx.check_stop) if wanted else None
    _write(
        ctx,
        spec,
        job,
        outcome,
        "one by one" if alone else "batches",
        [_how(spec, "one at a time" if alone else f"up to {rows} at a time")],
        latency=latency,
        passes=passes_of(outcome.rows),
        temperature=spec.temperature,
        **memory,
    )


def _answer_by_server(
    ctx: WorkerContext, spec: EvalSpec, jobs: Sequence[Job], path: Path, teller: Teller
) -> None:
    from engine.work.suite_run import latency_sample

    adapter = ctx.path(spec.adapter) if spec.adapter else None
    markers = [job.marker for job in jobs]
    answered = through_server(
        ctx, path, adapter, markers, spec.max_new_tokens, teller.answered, teller.missing
    )
    for job, served in zip(jobs, answered, strict=True):
        rows = served.outcome.rows
        places = [
            place
            for place, one in enumerate(job.suite.examples)
            if one.id not in served.outcome.unscored
        ]
        times = [(row.latency_ms, row.tokens) for row in rows if row.latency_ms is not None]
        # A server is asked one at a time, so every row of it is a sample of what a user waits.
        latency = latency_sample(job.suite, places, times, spec.max_new_tokens) if times else None
        _write(
            ctx,
            spec,
            job,
            served.outcome,
            "server",
            [f"Greedy, one at a time, at most {spec.max_new_tokens} new tokens, by mlx_lm.server."],
            latency=latency,
            temperature=0.0,
            peak_rss_mb=served.peak_rss_mb,
        )


def _answer_by_harness(
    ctx: WorkerContext, spec: EvalSpec, wanted: HarnessSpec, path: Path, version: str
) -> None:
    adapter = ctx.path(spec.adapter) if spec.adapter else None
    record = EvalResult(
        model_id=_model_id(_config(ctx), spec),
        command=ctx.command,
        date=utc_now(),
        seed=spec.seed if spec.adapter else None,
        skipped={"rows_file": "lm-eval answers and scores by itself and hands on no rows"},
        **by_harness(ctx, path, adapter, wanted, version),
    )
    ctx.write_record(wanted.record, record)


def _write(
    ctx: WorkerContext,
    spec: EvalSpec,
    job: Job,
    outcome: Outcome,
    through: Through,
    notes: Sequence[str],
    *,
    latency: LatencySample | None,
    **measured: Any,
) -> None:
    """Write the rows file and the record of a suite, and say so."""
    config = _config(ctx)
    told = Told(
        _model_id(config, spec),
        ctx.command,
        through,
        tuple(notes),
        {
            "passed": _passed(config, job.wanted, outcome.rows),
            "seed": spec.seed if spec.adapter else None,
            "latency": latency,
            "skipped": {} if latency else {"latency": _untimed(job.wanted)},
            **measured,
        },
    )
    record = result_of(job.marker, outcome, told, ctx.path(job.wanted.rows))
    ctx.emit(kind="record", file=job.wanted.rows, sha256=record.rows_sha256)
    ctx.write_record(job.wanted.record, record)


def _untimed(wanted: SuiteSpec) -> str:
    if wanted.role == "primary":
        return "latency_rows is 0: no prompt was asked alone"
    return "only prompts of the primary suite are asked alone"


def _clip(text: str) -> str:
    return text if len(text) <= CLIP else text[: CLIP - 1] + "…"


def _config(ctx: WorkerContext) -> RunConfig | None:
    try:
        return read_record(ctx.run / "config.json", RunConfig)
    except FolderError:
        return None  # a worker started by hand needs no config; the check of the folder tells


def _model_id(config: RunConfig | None, spec: EvalSpec) -> str:
    base = config.base_model.id if config else spec.model
    return f"{base} + {spec.adapter}" if spec.adapter else base


def _passed(config: RunConfig | None, wanted: SuiteSpec, rows: Sequence[RowResult]) -> bool | None:
    """Whether the primary score is within its bound; a drop needs both evaluations: None."""
    if config is None or wanted.role != "primary":
        return None
    mean = sum(row.score for row in rows) / len(rows)
    bound = config.eval.threshold.primary_min
    if bound is None:
        return None
    return mean <= bound if wanted.direction == "lower" else mean >= bound


def _peak_rss_mb() -> float:
    """Peak resident size of this process so far, in units of 2**20 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if platform.system() == "Darwin" else peak / 2**10


def _how(spec: EvalSpec, together: str) -> str:
    way = f"At temperature {spec.temperature:g}" if spec.temperature else "Greedy"
    often = f", {spec.passes} passes" if spec.passes > 1 else ""
    return f"{way}{often}, {together}, at most {spec.max_new_tokens} new tokens."


if __name__ == "__main__":
    runtime.run(main)
