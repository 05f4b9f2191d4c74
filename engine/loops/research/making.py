"""Makes the loop of a research campaign: what is run is agreed to, the repository is looked at, and
what the campaign began from is written down. Nothing runs yet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from engine.agreed import is_agreed
from engine.checks.protocol import check_protocol
from engine.folder import write_bytes_atomic
from engine.loops.folder import LoopFolder, create_loop
from engine.loops.research import repository
from engine.protocols.reading import ProtocolError, read_protocol
from engine.records.base import utc_now
from engine.records.loop import Limits, Loop, LoopKind
from engine.records.protocol import Protocol
from engine.records.research import PROTOCOL_FILE, Campaign, Proposer
from engine.workspace import Workspace

TRIES = 20
SEEDS = 3
BASELINE_SEEDS = 5
EXHAUSTED = 3
"""So many proposals in a row that could not be made end a campaign."""
