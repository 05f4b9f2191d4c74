"""A public artifact as the YAML that a person goes on writing: in the order of its page, with a
word at what is still blank."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from engine.records.public import PublicArtifact

_ALWAYS = ("type", "summary", "public_value", "publishable_now", "licence", "next_action")
"""Parts that are written even where they are empty, for somebody to fill in."""

_ASK = {
    "public_value": "What somebody outside has of it, in a sentence.",
    "licence": "Under which licence what is published may be used.",
    "next_action": "What is done next to release it.",
    "data": "Licence and provenance of each set.",
}
_FLAT = ("value", "record")
"""A mapping with one of these keys is a cell, and stands in one line."""


def as_yaml(artifact: PublicArtifact, above: str = "") -> str:
    """The text of ``artifacts/<id>.yaml``; ``above`` is put before it as comments."""
    plain = artifact.model_dump(mode="json", exclude_none=True)
    if artifact.updated is not None:
        plain["updated"] = artifact.updated  # a date, which YAML writes without quotes
    root = CommentedMap()
    for key in PublicArtifact.model_fields:
        value = plain.get(key)
        if key in _ALWAYS or (value not in (None, [], "")):
            root[key] = _shaped("" if value is None else value)
            if key in _ASK and not value:
                root.yaml_add_eol_comment(_ASK[key], key)
    out = io.StringIO()
    yaml = YAML()
    yaml.width = 160
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(root, out)
    comments = "".join(f"# {line}\n" for line in above.splitlines())
    return comments + out.getvalue()


def _shaped(value: Any) -> Any:
    if isinstance(value, Mapping):
        shaped = CommentedMap({key: _shaped(one) for key, one in value.items()})
        if not shaped or any(key in shaped for key in _FLAT):
            if shaped.get("historical") is False:
                del shaped["historical"]
            shaped.fa.set_flow_style()
        return shaped
    if isinstance(value, list):
        items = CommentedSeq(_shaped(one) for one in value)
        if items and all(isinstance(one, int | float) for one in items):
            items.fa.set_flow_style()
        return items
    return value
