"""``specialist.lock.json``: what exactly is packaged, from what was gathered."""

from __future__ import annotations

from engine.checks.fingerprint import fingerprint
from engine.publish.package.gathered import Gathered, locked_base, locked_weights
from engine.records.evaluation import EvalResult
from engine.records.package import LockedPrompt, LockedSuite, SpecialistLock

LOCK = "specialist.lock.json"

PACKAGES = ("mlx", "mlx-cpu", "mlx-lm", "transformers", "tokenizers", "factory-tui")
"""Whose versions bear on what the model answers."""


def lock_of(
    gathered: Gathered,
    package_id: str,
    prompt: LockedPrompt,
    earlier: SpecialistLock | None = None,
) -> SpecialistLock:
    """The lock without the hashes of the package's other files. OSError as it comes.

    What lies on another disk keeps what an ``earlier`` lock of the same run says of it.
    """
    base, weights = locked_base(gathered), locked_weights(gathered)
    if earlier is not None and earlier.run_id == gathered.contents.run_id:
        if gathered.base is None and earlier.base.id == base.id:
            base = earlier.base
        if weights.bytes is None and earlier.weights.files == weights.files:
            weights = weights.model_copy(update={"bytes": earlier.weights.bytes})
    contents, decision = gathered.contents, gathered.decision
    digest = contents.document("decision.json").sha256
    versions = contents.provenance.packages if contents.provenance else {}
    return SpecialistLock(
        id=package_id,
        run_id=contents.run_id,
        target=gathered.config.target,
        date=decision.decided,
        decision_sha256=digest or "",
        verified=gathered.verified.ok,
        routing_constraint=gathered.artifact.routing_constraint,
        base=base,
        weights=weights,
        suites=_suites(gathered),
        prompt=prompt,
        packages={name: versions[name] for name in PACKAGES if name in versions},
        fingerprint=fingerprint(contents),
        files={},
    )


def _suites(gathered: Gathered) -> list[LockedSuite]:
    contents = gathered.contents
    measured: dict[str, EvalResult] = {one.suite: one for one in contents.evals.values()}
    names = dict.fromkeys([*contents.suite_hashes, *measured])
    found = []
    for name in sorted(names):
        record = measured.get(name)
        digest = contents.suite_hashes.get(name)
        found.append(
            LockedSuite(
                name=name,
                sha256=digest or (record.suite_sha256 if record else None),
                scorer=record.scorer if record else None,
                metric=record.metric if record else None,
                n=record.n if record else None,
            )
        )
    return found
