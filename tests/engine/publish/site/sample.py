"""A workspace with a run that was shipped, and public artifacts in several states."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from engine.publish.card.writing import write_card
from engine.publish.site.build import Site, build_site
from engine.records.public import Cell, PublicArtifact
from engine.workspace import Workspace
from tests.engine import folders

SCORE = f"runs/{folders.RUN_ID}/eval-candidate.json#/score"
EVIL = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e\x00&amp;"

Entries = list[tuple[str, PublicArtifact]]


def share(value: float, n: int | None = 64) -> Cell:
    return Cell(value=value, unit="share", n=n, historical=True)


def artifact(**more: Any) -> PublicArtifact:
    fields: dict[str, Any] = {"id": "one", "state": "report-only", "outcome": "undecided"}
    return PublicArtifact.model_validate(fields | more)


def sql() -> PublicArtifact:
    """All numbers of public record, from before there were records."""
    setup = {"suite": "b-mc2", "rows": 64, "scorer": "exact", "metric": "exact"}
    gates = (("Public exact", 0.531, 64), ("Synthetic execution", 0.86, 50))
    rows = [{"label": label, "cells": [share(value, n)]} for label, value, n in gates]
    return artifact(
        id="sql-routed",
        title="Routed SQL specialist",
        type="Routed specialist",
        state="candidate-current-best",
        outcome="routed",
        target="sql",
        summary="Two adapters behind a router.",
        headline=share(0.531),
        headline_label="exact match on public rows",
        evidence=[
            {
                "title": "Frozen rows",
                "columns": ["Result"],
                "rows": [*rows, {"label": "Router smoke", "cells": [{"value": "all confident"}]}],
            }
        ],
        competition=[
            {
                "system": "T5-small",
                "metric": "exact",
                "score": share(0.484),
                "ours": share(0.531),
                "comparable": "Direct",
                "setup": setup,
                "ours_setup": setup,
            },
            {
                "system": "SQLCoder-7B-2",
                "metric": "SQL-Eval",
                "score": {"value": 77.1, "high": 96, "unit": "percent", "historical": True},
                "comparable": "Directional",
                "source": "Defog",
                "readout": "Another benchmark.",
            },
        ],
        rejected_columns=["Public exact", "Synthetic execution"],
        rejected=[
            {"attempt": "Blended", "cells": [share(0.297), share(0.56, 50)], "decision": "reject"}
        ],
        blockers=[
            {"blocker": "No public benchmark", "why": "Too little.", "unblock": "Add one."}
        ],
        sources=[{"name": "Defog", "href": "https://example.org/sqlcoder"}],
        data=[{"name": "b-mc2", "licence": "CC-BY-4.0"}],
        next_action="Publish it as a report.",
        updated=date(2026, 6, 28),
    )  # fmt: skip


def router() -> PublicArtifact:
    """Its numbers point at records of the run."""
    record = {"record": SCORE, "unit": "share", "n": 40}
    return artifact(
        id="router",
        title="Router",
        state="release-ready-metadata",
        outcome="shipped",
        target="router",
        summary="Routes a sentence to a command.",
        headline=record,
        headline_label="of the commands right",
        evidence=[
            {
                "title": "Gates",
                "columns": ["Base", "Specialist"],
                "rows": [{"label": "Gold", "cells": [{}, record]}],
            }
        ],
        runs=[folders.RUN_ID],
        links=[{"label": "Code", "href": "https://example.org/code"}],
        next_action="Host the weights.",
        updated=date(2026, 11, 28),
    )


def hostile() -> PublicArtifact:
    """Everything that a file may hold is a trick."""
    cell = {"value": EVIL}
    return artifact(
        id="hostile",
        title=EVIL,
        type=EVIL,
        state="blocked",
        target="../../../etc/passwd",
        summary="A" * 1_000_000 + EVIL,
        public_value=EVIL,
        publishable_now=[EVIL],
        headline={"value": 0.5, "record": "../../../etc/passwd#/x", "unit": "share"},
        headline_label=EVIL,
        evidence=[{"title": EVIL, "columns": [EVIL], "rows": [{"label": EVIL, "cells": [cell]}]}],
        rejected_columns=[EVIL],
        rejected=[{"attempt": EVIL, "cells": [cell], "decision": EVIL, "run": "../../etc"}],
        competition=[
            {"system": EVIL, "metric": EVIL, "score": cell, "source": "js"}
            | {"comparable": "Not comparable"}
        ],
        blockers=[{"blocker": EVIL, "why": EVIL, "unblock": "B" * 1_000_000}],
        sources=[
            {"name": "js", "href": "javascript:alert(1)"},
            {"name": "data", "href": "data:text/html,<script>alert(1)</script>"},
            {"name": "home", "href": "/home/somebody/secret.txt"},
            {"name": "user", "href": "https://user:secret@example.org/"},
            {"name": "spaces", "href": "https://example.org/\" onclick=\"alert(1)"},
        ],
        links=[{"label": EVIL, "href": "JaVaScRiPt:alert(1)"}],
        runs=["../../../etc", "a" * 300],
        next_action=EVIL,
        updated=date(2026, 1, 1),
    )  # fmt: skip


def parked() -> PublicArtifact:
    return artifact(id="playground", title="Playground", state="parked", updated=date(2026, 12, 1))


def workspace(folder: Path) -> Workspace:
    """One run that was shipped, with its report card."""
    write_card(folders.make_shipped(folder))
    return Workspace(folder)


def entries(*artifacts: PublicArtifact) -> Entries:
    return [(f"artifacts/{one.id}.yaml", one) for one in artifacts]


def all_of_them() -> Entries:
    return entries(parked(), sql(), hostile(), router())


def site(folder: Path, base_url: str = "") -> Site:
    return build_site(Workspace(folder), all_of_them(), base_url)
