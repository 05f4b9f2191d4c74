"""The site of a workspace: of the artifacts that may be published, and why not of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.artifacts.checking import check_all
from engine.publish.site.artifact_view import page_address
from engine.publish.site.build import Site, build_site

if TYPE_CHECKING:
    from collections.abc import Container

    from engine.checks.finding import Finding
    from engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Refused:
    """An artifact that is not published: its file, and the findings that are errors."""

    file: str
    errors: tuple[Finding, ...]


def site_of(
    workspace: Workspace, base_url: str = "", there: Container[str] = ()
) -> tuple[Site, list[Refused]]:
    """The site, and the artifacts that are left out of it since a finding of theirs is an error.

    ``there``: addresses of pages that are in it all the same, to be compared with what is
    published: a record that changed makes its page stale, and does not take it away. OSError where
    artifacts/ or runs/ cannot be listed.
    """
    published, refused = [], []
    checked, _ = check_all(workspace)
    for one in checked:
        artifact = one.entry.artifact
        if not one.ok:
            refused.append(Refused(one.entry.name, one.errors))
        if artifact is not None and (one.ok or page_address(artifact.id) in there):
            published.append((one.entry.name, artifact))
    return build_site(workspace, published, base_url), refused
