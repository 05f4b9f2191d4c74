"""A workspace and its public artifacts → every file of the site, in memory.

The same input gives the same bytes: nothing here reads a clock, a user's name or the place of the
workspace, and what comes from a directory is sorted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from engine.artifacts.inputs import Inputs, Known
from engine.catalogue.run_reader import all_runs
from engine.catalogue.summary import RunSummary
from engine.publish.card.page import card_page
from engine.publish.card.writing import CARD
from engine.publish.site.artifact_view import ArtifactView, artifact_view, in_order
from engine.publish.site.atom import FEED, atom_feed
from engine.publish.site.homes import without_homes
from engine.publish.site.pages import SiteFrame, artifact_page, index_page, target_page
from engine.publish.site.provenance import is_run_id
from engine.publish.site.target_view import MARKS, TargetView, ended, target_view
from engine.records.public import PublicArtifact
from engine.records.report_card import ReportCard
from engine.workspace import Workspace, slugify

MANIFEST = "manifest.json"
MADE_BY = "factory-tui artifacts publish"
INDEX = "index.html"


@dataclass(frozen=True, slots=True)
class Site:
    """``files``: address → bytes, the manifest among them. ``inputs``: address → what it was made
    from, a file of the workspace to its SHA-256 ("missing" where it was not there)."""

    files: dict[str, bytes]
    inputs: dict[str, dict[str, str]]
    base_url: str


@dataclass(slots=True)
class _Builder:
    workspace: Workspace
    base_url: str
    known: Known = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def reader(self) -> Inputs:
        return Inputs(self.workspace.path, self.known)

    def add(self, address: str, text: str, *inputs: dict[str, str]) -> None:
        self.pages[address] = without_homes(text)
        joined = {name: digest for one in inputs for name, digest in one.items()}
        self.inputs[address] = dict(sorted(joined.items()))


def build_site(
    workspace: Workspace, artifacts: Sequence[tuple[str, PublicArtifact]], base_url: str = ""
) -> Site:
    """The site of ``artifacts``, each with the name of its file within the workspace.

    ``base_url``: where the site will be, for the feed and canonical links; "" when that is not
    known. OSError where the runs cannot be listed.
    """
    base = f"{base_url.rstrip('/')}/" if base_url else ""
    builder = _Builder(workspace, base)
    runs = _runs_by_target(workspace)
    names = sorted({*runs, *(one.target for _, one in artifacts if one.target)})
    places = _addresses(names)
    named = {run for _, one in artifacts for run in one.runs if is_run_id(run)}
    shown = {run.run_id for found in runs.values() for run in found[-MARKS:]}
    cards = _cards(builder, sorted(named | shown))

    views: list[ArtifactView] = []
    read: dict[str, dict[str, str]] = {}
    for name, artifact in sorted(artifacts, key=lambda one: one[1].id):
        inputs = builder.reader()
        inputs.read(name)
        view = artifact_view(
            artifact, inputs, cards=cards, target_address=places.get(artifact.target or "")
        )
        views.append(view)
        read[view.id] = inputs.seen
    entries = in_order(views)
    targets = []
    for name in names:
        inputs = builder.reader()
        of_target = tuple((one.title, one.address) for one in entries if one.target == name)
        target = target_view(name, places[name], runs.get(name, ()), inputs, cards, of_target)
        targets.append(target)
        read[target.address] = inputs.seen
    feed = atom_feed(entries, base)
    frame = SiteFrame(tuple(targets), feed is not None, base)
    _add_pages(builder, frame, entries, targets, read)
    if feed is not None:
        builder.add(FEED, feed, *(read[one.id] for one in entries))
    return _finished(builder)


def _add_pages(
    builder: _Builder,
    frame: SiteFrame,
    entries: list[ArtifactView],
    targets: list[TargetView],
    read: dict[str, dict[str, str]],
) -> None:
    builder.add(INDEX, index_page(frame, entries), *read.values())
    for entry in entries:
        builder.add(entry.address, artifact_page(frame, entry), read[entry.id])
    for target in targets:
        builder.add(target.address, target_page(frame, target), read[target.address])


def _runs_by_target(workspace: Workspace) -> dict[str, list[RunSummary]]:
    """The runs that ended, oldest first, of each target that has one which was decided."""
    found: dict[str, list[RunSummary]] = {}
    for run in reversed(all_runs(workspace)):
        if run.target and ended(run):
            found.setdefault(run.target, []).append(run)
    return {name: runs for name, runs in found.items() if any(one.decision for one in runs)}


def _addresses(names: Iterable[str]) -> dict[str, str]:
    """A page for each target; names that come to the same word are told apart by a number."""
    found: dict[str, str] = {}
    for name in names:
        stem, number = slugify(name), 1
        address = f"targets/{stem}.html"
        while address in found.values():
            number += 1
            address = f"targets/{stem}-{number}.html"
        found[name] = address
    return found


def _cards(builder: _Builder, runs: Iterable[str]) -> dict[str, str]:
    """The report cards of runs, drawn anew from their records: the page in a run's folder may hold
    anything. Run → address."""
    found = {}
    for run in runs:
        inputs = builder.reader()
        try:
            card = ReportCard.model_validate_json(inputs.read(f"runs/{run}/{CARD}") or b"")
        except ValidationError:  # none is there, or the checks of the run say what is wrong with it
            continue
        address = f"cards/{run}.html"
        builder.add(address, card_page(card), inputs.seen)
        found[run] = address
    return found


def _finished(builder: _Builder) -> Site:
    files = {
        address: text.encode("utf-8", "replace") for address, text in sorted(builder.pages.items())
    }
    manifest: dict[str, Any] = {
        "made_by": MADE_BY,
        "base_url": builder.base_url,
        "files": {
            address: {
                "sha256": hashlib.sha256(data).hexdigest(),
                "inputs": builder.inputs[address],
            }
            for address, data in files.items()
        },
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    files[MANIFEST] = text.encode("utf-8", "replace")
    return Site(files, builder.inputs, builder.base_url)
