"""How the answers of an evaluation were had, and by what they were scored, in words. Pure."""

from __future__ import annotations

from engine.records.evaluation import EvalResult


def how_scored(record: EvalResult) -> str:
    """ "answers in batches, scored by json_cmd"; "" where nothing of it is recorded."""
    parts = []
    if record.through is not None:
        parts.append(_THROUGH[record.through])
    if record.temperature:
        parts.append(f"at a temperature of {record.temperature:g}")
    if record.scorer is not None:
        options = ", ".join(f"{key} = {value}" for key, value in record.scorer_options.items())
        parts.append(f"scored by {record.scorer}" + (f" ({options})" if options else ""))
    if record.scorer_sha256 is not None:
        parts.append(f"scorer.py with sha256 {record.scorer_sha256[:12]}")
    if record.harness is not None:
        parts.append(f"scored by {record.harness}")
    if record.judge is not None:
        judge = record.judge
        parts.append(
            f"judged by the model {judge.model} at {judge.address}, asked by a prompt with sha256 "
            f"{judge.prompt_sha256[:12]}"
        )
    return ", ".join(parts)


_THROUGH = {
    "batches": "answers in batches",
    "one by one": "answers one by one",
    "server": "answers from a server of this machine",
    "endpoint": "answers from an endpoint",
    "lm-eval": "answers by the lm-eval harness",
}
