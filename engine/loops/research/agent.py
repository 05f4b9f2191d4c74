"""The command that proposes in a campaign, as something that is agreed to.

Who types it agrees to it by that. A campaign's folder holds it, and may come from elsewhere.
"""

from __future__ import annotations

import json
import shlex

from engine.agreed import Kind, hash_of
from engine.plans.stage_programs import Program
from engine.records.research import Proposer


def agent_program(proposer: Proposer) -> list[Program]:
    """The command; [] where no command proposes."""
    if proposer.kind != "command":
        return []
    content = json.dumps(["agent", proposer.argv]).encode()
    shown = f"proposes: {shlex.join(proposer.argv)}"
    return [Program(shown, hash_of(Kind.COMMAND, content))]
