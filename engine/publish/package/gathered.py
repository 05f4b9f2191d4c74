"""What a package is made from: a run, read once, with the model that it stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine import checks
from engine.checks.contents import RunContents
from engine.checks.finding import Finding, Severity
from engine.checks.verified import Verified
from engine.judge.gates import BREADTH_DROP, Verdict
from engine.models import ModelOnDisk
from engine.publish.package.model_files import revision_of
from engine.publish.public_names import is_path
from engine.publish.site.homes import without_homes
from engine.publish.verification import verified
from engine.records.run import Artifact, Decision, DecisionKind, RunConfig
from engine.secrecy import Hider, key_names
from engine.serving.pair import pair_of
from engine.target import Target
from engine.teaching.keys import environment
from engine.workspace import Workspace


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

    @property
    def asked_at(self) -> Path | None:
        """The model whose chat template is applied: the base, or a whole model of its own; None
        where it is not on this disk."""
        if self.artifact.kind != "adapter":
            return self.weights_at
        return self.base.path if self.base is not None else None


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
    env = environment(target.path if target is not None else None)
    secrets = Hider(env, named=key_names(workspace.path))
    here = str(workspace.path)

    def hide(text: str) -> str:
        return without_homes(secrets(text).replace(here, "{workspace}"))

    return hide


def _weights_at(run: Path, artifact: Artifact) -> Path | None:
    if is_path(artifact.path):
        return None
    folder = run / artifact.path
    inside = folder.resolve().is_relative_to(run.resolve())
    return folder if inside and folder.is_dir() else None
