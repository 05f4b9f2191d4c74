"""What a package is made from: a run, read once, with the model that it stands on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import checks
from engine.checks.contents import RunContents
from engine.checks.finding import Finding, Severity
from engine.checks.verified import Verified
from engine.folder import sha256_file
from engine.judge.gates import BREADTH_DROP, Verdict
from engine.models import ModelOnDisk, hub_cache
from engine.plain_file import read_plain
from engine.publish.public_names import is_path, public_name
from engine.publish.site.homes import without_homes
from engine.publish.verification import verified
from engine.records.package import LockedBase, LockedWeights
from engine.records.run import Artifact, Decision, DecisionKind, RunConfig
from engine.serving.pair import pair_of
from engine.target import Target
from engine.teaching.keys import Hider, environment
from engine.weights import HeaderError, model_hash
from engine.workspace import Workspace

MAX_TEMPLATE = 2**22
TOKENIZERS = ("tokenizer.json", "tokenizer.model")
WEIGHT_FILES = {
    "adapter": ("adapters.safetensors", "adapter_config.json"),
    "model": ("*.safetensors", "config.json"),
}
"""What is hashed of an adapter, and of a whole model."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """One shipped run. ``base`` is None where the model is not on this disk, and ``why_no_base``
    says so. ``weights_at`` is where the weights lie here, None where they do not."""

    workspace: Workspace
    run: Path
    contents: RunContents
    config: RunConfig
    decision: Decision
    artifact: Artifact
    verified: Verified
    base: ModelOnDisk | None
    why_no_base: str
    weights_at: Path | None
    target: Target | None
    hide: Callable[[str], str]
    """Takes out of a text what nobody outside should read: secrets, and paths of this machine."""


def ship_refusals(contents: RunContents) -> list[str]:
    """Why no package is made of a run, all of it; empty where one may be."""
    decision, artifact = contents.decision, contents.artifact
    if decision is None:
        return [f"{contents.run_id} is not decided: only what was shipped is packaged."]
    if decision.decision != DecisionKind.SHIP:
        return [
            f"The decision of {contents.run_id} is {decision.decision}, not ship: only what was "
            "shipped is packaged."
        ]
    found = []
    if contents.config is None:
        found.append("config.json is missing or cannot be read.")
    if artifact is None or not artifact.shipped:
        found.append("artifact.json does not say that anything was shipped.")
    elif _over_breadth(contents) and not artifact.routed:
        found.append(
            "It was shipped over the breadth gate, and nothing says where alone it may be used: "
            "decide again with --supersede and --routing."
        )
    found += [
        f"{_named(one)} {one.fix}"
        for one in checks.run(contents)
        if one.severity is Severity.ERROR and one.rule != "override-unrouted"  # said above
    ]
    return found


def _named(finding: Finding) -> str:
    """What is wrong, with the file that it is about."""
    named = finding.file in finding.message
    return finding.message if named else f"{finding.file}: {finding.message}"


def _over_breadth(contents: RunContents) -> bool:
    return any(
        gate.name == BREADTH_DROP and gate.verdict is not Verdict.PASS for gate in contents.gates
    )


def gather(workspace: Workspace, run: Path, contents: RunContents) -> Gathered:
    """What is known of a run that has no ``ship_refusals``. OSError as it comes."""
    config, decision, artifact = contents.config, contents.decision, contents.artifact
    if config is None or decision is None or artifact is None:
        raise ValueError(f"{contents.run_id} cannot be packaged")
    pair = pair_of(workspace, contents.run_id)
    base = pair.base
    if base is not None and base.origin == "hub" and config.base_model.revision:
        base = revision_of(base, config.base_model.revision)
    why = pair.why_no_base or (
        f"Revision {config.base_model.revision} of {config.base_model.id} is not on this disk."
    )
    return Gathered(
        workspace=workspace,
        run=run,
        contents=contents,
        config=config,
        decision=decision,
        artifact=artifact,
        verified=verified(contents),
        base=base,
        why_no_base="" if base is not None else why,
        weights_at=_weights_at(run, artifact),
        target=pair.target,
        hide=hider(workspace, pair.target),
    )


def hider(workspace: Workspace, target: Target | None) -> Callable[[str], str]:
    """Takes secrets and paths of this machine out of a text."""
    secrets = Hider(environment(target.path if target is not None else None))
    here = str(workspace.path)

    def hide(text: str) -> str:
        return without_homes(secrets(text).replace(here, "{workspace}"))

    return hide


def revision_of(base: ModelOnDisk, revision: str) -> ModelOnDisk | None:
    """The hub model at the very revision, None where that is not whole on this disk.

    A revision that is no commit (``main``) names what is there.
    """
    from engine.models import ModelError, describe

    if base.path.name == revision or not _is_commit(revision):
        return base
    folder = hub_cache() / f"models--{base.id.replace('/', '--')}" / "snapshots" / revision
    try:
        return describe(folder, base.id, "hub")
    except (ModelError, OSError):
        return None


def _is_commit(text: str) -> bool:
    return len(text) == 40 and all(one in "0123456789abcdef" for one in text)


def _weights_at(run: Path, artifact: Artifact) -> Path | None:
    if is_path(artifact.path):
        return None
    folder = run / artifact.path
    inside = folder.resolve().is_relative_to(run.resolve())
    return folder if inside and folder.is_dir() else None


# --- what is locked -------------------------------------------------------------------------


def locked_base(gathered: Gathered) -> LockedBase:
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


def headers_of(model: Path) -> str | None:
    """See ``LockedBase.headers_sha256``; None where the weights have no headers."""
    try:
        return model_hash(model)
    except HeaderError:
        return None


def tokenizer_of(model: Path) -> str | None:
    """SHA-256 of a model's tokenizer, None where it has none."""
    files = (model / name for name in TOKENIZERS)
    return next((sha256_file(file) for file in files if file.is_file()), None)


def template_of(model: Path) -> str | None:
    """SHA-256 of a model's chat template, None where it has none or none that can be read."""
    try:
        text = read_plain(model / "chat_template.jinja", MAX_TEMPLATE)
    except OSError:
        try:
            settings = json.loads(read_plain(model / "tokenizer_config.json", MAX_TEMPLATE))
        except (OSError, ValueError, RecursionError):
            return None
        found = settings.get("chat_template") if isinstance(settings, dict) else None
        if found is None:
            return None
        # Several named templates are a list.
        text = (found if isinstance(found, str) else json.dumps(found, sort_keys=True)).encode()
    return hashlib.sha256(text).hexdigest()


def locked_weights(gathered: Gathered) -> LockedWeights:
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


def weight_files(folder: Path, kind: str) -> Mapping[str, Path]:
    """The files that make an adapter or a model, by their names, those that are there."""
    patterns = WEIGHT_FILES.get(kind, WEIGHT_FILES["adapter"])
    found = [file for one in patterns for file in folder.glob(one) if file.is_file()]
    return {file.name: file for file in sorted(found)}
