"""``specialist.lock.json``: what exactly is packaged, from what was gathered."""

from __future__ import annotations

from typing import Any

from engine.checks.fingerprint import fingerprint
from engine.folder import sha256_file
from engine.publish.package.gathered import Gathered
from engine.publish.package.model_files import headers_of, template_of, tokenizer_of, weight_files
from engine.publish.public_names import is_path, public_name
from engine.records.evaluation import EvalResult
from engine.records.package import (
    LockedBase,
    LockedPrompt,
    LockedSuite,
    LockedWeights,
    SpecialistLock,
)

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
    base, weights = _base(gathered), _weights(gathered)
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


def _base(gathered: Gathered) -> LockedBase:
    """The base model as a lock holds it. OSError where one of its files cannot be read."""
    named, base = gathered.config.base_model, gathered.base
    known: dict[str, Any] = {
        "id": public_name(named.id),
        "revision": named.revision,
        "precision": named.precision,
    }
    if base is None:
        return LockedBase(**known)
    if base.origin == "hub":
        known["revision"] = known["revision"] or base.path.name
    elif base.path.is_relative_to(gathered.workspace.path):
        known["path"] = gathered.workspace.relative(base.path)
    return LockedBase(
        **known,
        architecture=base.architecture,
        quantisation=base.quantisation,
        headers_sha256=headers_of(base.path),
        tokenizer_sha256=tokenizer_of(base.path),
        chat_template_sha256=template_of(base.path),
    )


def _weights(gathered: Gathered) -> LockedWeights:
    """The adapter or model as a lock holds it. OSError where a file cannot be read."""
    artifact, at = gathered.artifact, gathered.weights_at
    provenance = gathered.contents.provenance
    noted = provenance.adapters if provenance is not None else {}
    prefix = f"{artifact.path.rstrip('/')}/"
    files = {
        name.removeprefix(prefix): digest
        for name, digest in sorted(noted.items())
        if name.startswith(prefix)
    }
    there = weight_files(at, artifact.kind) if at is not None else {}
    was_noted = bool(files)
    files = files or {name: sha256_file(file) for name, file in there.items()}
    sizes = [file.stat().st_size for name, file in there.items() if name in files]
    return LockedWeights(
        kind=artifact.kind,
        format=artifact.format,
        path=_path_of_weights(gathered),
        files=files,
        noted=was_noted,
        bytes=sum(sizes) if files and len(sizes) == len(files) else None,
    )


def _path_of_weights(gathered: Gathered) -> str | None:
    """Where the run left them, also where they are not on this disk; None outside of the run."""
    run, named = gathered.run.resolve(), gathered.artifact.path
    if is_path(named) or not (run / named).resolve().is_relative_to(run):
        return None
    return gathered.workspace.relative(run / named)
