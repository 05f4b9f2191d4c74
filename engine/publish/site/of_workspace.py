"""The site of a workspace: of the artifacts that may be published, and why not of others."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from engine.plain_file import read_plain
from engine.publish.site.build import Site, build_site
from engine.records.public import PublicArtifact
from engine.workspace import Workspace

_MOST = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Refused:
    """An artifact that is not published: its file, and what is wrong, each a sentence."""

    file: str
    reasons: tuple[str, ...]


def site_of(workspace: Workspace, base_url: str = "") -> tuple[Site, list[Refused]]:
    """The site, and the artifacts that are left out of it since a finding of theirs is an error."""
    entries, refused = _entries(workspace)
    return build_site(workspace, entries, base_url), refused


def _entries(workspace: Workspace) -> tuple[list[tuple[str, PublicArtifact]], list[Refused]]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    found, refused = [], []
    for path in sorted(workspace.artifacts_dir.glob("*.yaml")):
        name = f"artifacts/{path.name}"
        try:
            value = YAML(typ="safe", pure=True).load(read_plain(path, _MOST).decode("utf-8"))
            artifact = PublicArtifact.model_validate(value)
            if artifact.id == path.stem:
                found.append((name, artifact))
            else:
                refused.append(Refused(name, (f"id: {artifact.id} is not the file's name.",)))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            refused.append(Refused(name, (f"{place}: {first['msg']}.",)))
        except (OSError, UnicodeDecodeError, YAMLError, RecursionError) as error:
            refused.append(Refused(name, (f"cannot be read ({type(error).__name__}).",)))
    return found, refused
