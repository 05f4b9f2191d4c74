"""The site of a workspace: of the artifacts that may be published, and why not of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.artifacts.registry import find_artifacts
from engine.checks.finding import Severity
from engine.publish.site.build import Site, build_site

if TYPE_CHECKING:
    from engine.checks.finding import Finding
    from engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Refused:
    """An artifact that is not published: its file, and the findings that are errors."""

    file: str
    errors: tuple[Finding, ...]


def site_of(workspace: Workspace, base_url: str = "") -> tuple[Site, list[Refused]]:
    """The site, and the artifacts that are left out of it since a finding of theirs is an error.

    OSError where artifacts/ or runs/ cannot be listed.
    """
    published, refused = [], []
    for entry in find_artifacts(workspace):
        errors = tuple(one for one in entry.problems if one.severity is Severity.ERROR)
        if entry.artifact is not None and not errors:
            published.append((entry.name, entry.artifact))
        else:
            refused.append(Refused(entry.name, errors))
    return build_site(workspace, published, base_url), refused
