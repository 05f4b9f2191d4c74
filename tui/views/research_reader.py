"""Reads a campaign again and again, each time only what changed. For worker threads."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from engine.folder import FolderError, read_json, read_record
from engine.loops.folder import LoopFolder, find_loops
from engine.loops.research.proposers.person import DRAFT
from engine.loops.research.proposers.person import FILE as SUBMITTED
from engine.loops.research.wishes import WISHES
from engine.plain_file import read_plain
from engine.protocols.reading import ProtocolError, read_protocol
from engine.records.loop import LoopKind
from engine.records.protocol import Protocol
from engine.records.research import (
    CHANGE_FILE,
    PROTOCOL_FILE,
    Campaign,
    Measurement,
    TryProposal,
    TryWish,
)
from engine.workspace import Workspace
from tui.views.loops_reader import LoopReader, LoopView
from tui.views.research_tries import Tried, tries_of

MAX_DIFF = 512 * 1024
"""Bytes of a diff that are shown; the key that opens the file shows all of it."""


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign as it was at one look. ``problem`` says what of it cannot be read."""

    loop: LoopView
    campaign: Campaign | None = None
    protocol: Protocol | None = None
    problem: str = ""
    tries: tuple[Tried, ...] = ()
    repeats: tuple[Measurement, ...] = ()
    """What was measured so far of the try at hand."""
    harness: tuple[str, ...] = ()
    """The files of the harness, as they were hashed at setup."""
    wishes: tuple[TryWish, ...] = ()
    """What a person wants and no iteration has taken up."""
    submitted: bool = False
    """Whether a person's change waits to be tried."""
    draft: bool = False
    """Whether a person's change was begun and put aside."""

    @property
    def name(self) -> str:
        return self.loop.loop_id

    @property
    def lower_is_better(self) -> bool:
        return self.protocol is None or self.protocol.lower_is_better

    @property
    def metric(self) -> str:
        """The name of the number that counts."""
        if self.protocol is None:
            return "metric"
        return self.protocol.measurement.primary_metric.name

    @property
    def baseline(self) -> Tried | None:
        """The recipe as it was, measured; None before that."""
        first = self.tries[0] if self.tries else None
        return first if first is not None and first.number == 0 else None

    @property
    def best(self) -> Tried | None:
        """The try that was kept last."""
        return next((one for one in reversed(self.tries) if one.what == "keep"), None)

    @property
    def open(self) -> Tried | None:
        """The try that is proposed or measured now; None where the last one is judged."""
        last = self.tries[-1] if self.tries else None
        return last if last is not None and last.what == "open" else None

    @property
    def done(self) -> int:
        """Tries of their own that are judged: no baseline, and nothing that a person wished."""
        return sum(
            one.number > 0 and one.verdict is not None and not one.wish for one in self.tries
        )

    @property
    def by_person(self) -> bool:
        """Whether a person proposes."""
        return self.campaign is not None and self.campaign.proposer.kind == "person"

    def at(self, number: int | None) -> Tried | None:
        """The try of that number; 0 is the baseline."""
        return next((one for one in self.tries if one.number == number), None)


@dataclass(slots=True)
class _Known:
    """A record that was read, with the mark of its file then."""

    mark: tuple[int, int] | None = None
    value: object = None


@dataclass(frozen=True, slots=True)
class Change:
    """The diff of a try as its file has it; ``problem`` says why it is not all of it."""

    text: str = ""
    problem: str = ""


class CampaignReader:
    """One campaign, looked at again and again. For one thread at a time."""

    def __init__(self, folder: LoopFolder) -> None:
        self.folder = folder
        self._loop = LoopReader(folder)
        self._known: dict[Path, _Known] = {}

    def read(self, anew: bool = False) -> CampaignView:
        """The campaign as it is now."""
        if anew:
            self._known.clear()
        loop = self._loop.read(anew)
        problems = [loop.problem] if loop.problem else []
        campaign = None
        if loop.loop is not None:
            try:
                campaign = Campaign.model_validate(loop.loop.spec)
            except ValidationError as error:
                problems.append(f"loop.json says nothing of its campaign: {_first(error)}.")
        protocol = self._protocol(problems)
        tries = tuple(tries_of(loop))
        return CampaignView(
            loop,
            campaign,
            protocol,
            " ".join(problems),
            tries,
            self._repeats(tries),
            self._harness(),
            self._wishes(tries),
            (self.folder.path / SUBMITTED).exists(),
            (self.folder.path / DRAFT).exists(),
        )

    def change(self, number: int) -> Change:
        """The diff of a try; 0 is the baseline, which changes nothing."""
        path = self.folder.iteration(number + 1) / CHANGE_FILE
        try:
            data = read_plain(path, 64 * 2**20)
        except FileNotFoundError:
            return Change()
        except OSError as error:
            return Change("", f"{CHANGE_FILE} cannot be read: {error.strerror or error}.")
        text = data[:MAX_DIFF].decode("utf-8", "replace")
        return Change(
            text, "The diff is longer than what is shown." if len(data) > MAX_DIFF else ""
        )

    def _repeats(self, tries: tuple[Tried, ...]) -> tuple[Measurement, ...]:
        last = tries[-1] if tries else None
        if last is None or last.what != "open" or last.runs is not None:
            return ()
        found = []
        for path in sorted(self.folder.iteration(last.number + 1).glob("repeat-*.json")):
            with contextlib.suppress(FolderError):  # the runner says so; what is there is shown
                found.append(read_record(path, Measurement))
        return tuple(found)

    def _protocol(self, problems: list[str]) -> Protocol | None:
        path = self.folder.path / PROTOCOL_FILE
        known = self._known.setdefault(path, _Known())
        mark = _mark(path)
        if known.mark != mark or mark is None:
            try:
                known.value = read_protocol(path).protocol
            except ProtocolError as error:
                known.value = str(error)
            known.mark = mark
        if isinstance(known.value, str):
            problems.append(known.value)
        return known.value if isinstance(known.value, Protocol) else None

    def _harness(self) -> tuple[str, ...]:
        path = self.folder.path / "harness.json"
        known = self._known.setdefault(path, _Known())
        mark = _mark(path)
        if known.mark != mark:
            known.mark, known.value = mark, ()
            with contextlib.suppress(FolderError):  # before setup there is none
                noted = read_json(path)
                known.value = tuple(noted) if isinstance(noted, dict) else ()
        return known.value if isinstance(known.value, tuple) else ()

    def _wishes(self, tries: tuple[Tried, ...]) -> tuple[TryWish, ...]:
        taken = {one.plan.wish_file for one in tries if isinstance(one.plan, TryProposal)}
        found = []
        for path in sorted((self.folder.path / WISHES).glob("*.json")):
            if path.name not in taken:
                with contextlib.suppress(FolderError):  # claimed and not written yet: no wish
                    found.append(read_record(path, TryWish))
        return tuple(found)


def _first(error: ValidationError) -> str:
    one = error.errors()[0]
    return f"{'.'.join(map(str, one['loc']))}: {one['msg']}"


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@dataclass(frozen=True, slots=True)
class Campaigns:
    """The campaigns of a workspace, the newest first, and the one that is shown."""

    names: tuple[str, ...] = ()
    shown: CampaignView | None = None
    running: bool = False
    cursor: int | None = None
    """The try that was asked for, where a run of one was."""


@dataclass(slots=True)
class CampaignsReader:
    """Finds the campaigns of a workspace and reads one of them. For one thread at a time."""

    workspace: Workspace
    _kinds: dict[str, bool] = field(default_factory=dict)
    _reader: CampaignReader | None = None

    def read(self, wanted: str | None, anew: bool = False) -> Campaigns:
        """The campaign ``wanted``, else the newest one."""
        names = []
        for folder in find_loops(self.workspace):
            if folder.loop_id not in self._kinds or anew:
                try:
                    self._kinds[folder.loop_id] = folder.loop().kind is LoopKind.RESEARCH
                except FolderError:  # its name is all that there is to know it by
                    self._kinds[folder.loop_id] = "-research" in folder.loop_id
            if self._kinds[folder.loop_id]:
                names.append(folder.loop_id)
        if not names:
            return Campaigns()
        name = wanted if wanted in names else names[0]
        view = self.of(name).read(anew)
        return Campaigns(tuple(names), view, view.loop.state == "running")

    def of(self, name: str) -> CampaignReader:
        """The reader of one campaign."""
        if self._reader is None or self._reader.folder.loop_id != name:
            self._reader = CampaignReader(LoopFolder(self.workspace.path / "loops" / name))
        return self._reader
