"""Where an artifact's numbers come from: its runs with base, suites, data and weights by hash."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from engine.artifacts.inputs import MISSING, Inputs

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class FileHash:
    name: str
    what: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RunView:
    """A run that an artifact names. ``there``: whether its folder holds a record. ``card``: the
    address of its report card within the site, None where there is none."""

    run_id: str
    there: bool
    target: str
    decision: str
    decided: str
    base: str
    method: str
    made_with: str
    commit: str
    files: tuple[FileHash, ...]
    card: str | None


def is_run_id(name: str) -> bool:
    """Whether a name may be that of a folder below runs/."""
    return _RUN_ID.fullmatch(name) is not None and ".." not in name


def run_view(run_id: str, inputs: Inputs, card: str | None) -> RunView:
    """What the records of a run say; a name that is no id, or of no folder, is not ``there``."""
    if not is_run_id(run_id):
        return RunView(run_id, False, "", "", "", "", "", "", "", (), None)
    folder = f"runs/{run_id}"
    config = inputs.record(f"{folder}/config.json")
    decision = inputs.record(f"{folder}/decision.json")
    provenance = inputs.record(f"{folder}/provenance.json")
    base = _dict(config.get("base_model"))
    return RunView(
        run_id,
        any(inputs.seen[f"{folder}/{one}"] != MISSING for one in ("config.json", "decision.json")),
        _text(config.get("target")),
        _text(decision.get("decision")),
        _text(decision.get("decided"))[:10],
        " ".join(_base(base)),
        _text(_dict(config.get("candidate")).get("method")),
        _versions(provenance),
        _text(provenance.get("git_commit")),
        tuple(_files(config, provenance)),
        card,
    )


def _base(base: dict[str, Any]) -> list[str]:
    revision = _text(base.get("revision"))
    precision = _text(base.get("precision"))
    found = [_shown_place(_text(base.get("id"))), f"at {revision}" if revision else ""]
    return [one for one in (*found, f"({precision})" if precision else "") if one]


def _versions(provenance: dict[str, Any]) -> str:
    packages = _dict(provenance.get("packages"))
    named = [
        f"{name} {packages[name]}"
        for name in ("factory-tui", "mlx", "mlx-lm", "transformers")
        if isinstance(packages.get(name), str)
    ]
    python = _text(provenance.get("python"))
    return ", ".join([*([f"Python {python}"] if python else []), *named])


def _files(config: dict[str, Any], provenance: dict[str, Any]) -> list[FileHash]:
    suites = _dict(_dict(config.get("eval")).get("suites"))
    kinds = (
        (suites, "suite"),
        (_dict(provenance.get("datasets")), "data"),
        (_dict(provenance.get("adapters")), "adapter"),
    )
    return [
        FileHash(_shown_place(name), what, digest)
        for found, what in kinds
        for name, digest in sorted(found.items())
        if isinstance(digest, str)
    ]


def _shown_place(name: str) -> str:
    """A path of this machine by its last part alone: the others are nobody's business."""
    private = name.startswith(("/", "~")) or name[1:2] == ":"
    return PurePosixPath(name.replace("\\", "/")).name if private else name


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
