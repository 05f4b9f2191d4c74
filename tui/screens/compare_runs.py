"""Which runs Compare shows, and what was read of them: all of it in worker threads."""

from __future__ import annotations

from functools import cached_property

from textual import work
from textual.message import Message

from engine.comparing.comparison import Compared, compare
from engine.comparing.evidence import RunEvidence
from engine.comparing.flips import SuiteFlips, find_flips, with_texts
from engine.comparing.reader import EvidenceReader
from engine.workspace import Workspace
from tui.acting import at_work, attempt, hand_over, say
from tui.runs_feed import RunsFeed
from tui.screens.base import RoomScreen
from tui.standing import is_seen
from tui.views.compare_load import Choice, Families, choose, load_evidence, load_families
from tui.views.compare_marks import Marks

LOOK_EVERY_S = 2.0
"""How often the records of the runs are looked at for changes."""


class ComparedRuns(RoomScreen):
    """The part of the screen that reads. Subclasses draw what it tells them is there.

    ``ids`` are the compared runs in their order, ``reference`` the one that the others are held
    against, ``looked_at`` the one whose examples are shown.
    """

    class Frame(Message):
        """The feed has something new."""

    def __init__(self, run_id: str | None = None, runs: tuple[str, ...] = ()) -> None:
        super().__init__(run_id, runs)
        self.ids: list[str] = []
        self.reference = ""
        self.looked_at: str | None = None
        self.marks = Marks()
        self.feed: RunsFeed | None = None
        self.evidence: tuple[RunEvidence, ...] = ()
        self.compared: Compared | None = None
        self.flips: tuple[SuiteFlips, ...] = ()
        self.families = Families()
        self.chosen = False

    @cached_property
    def place(self) -> Workspace:
        return Workspace(self.factory.workspace)

    @cached_property
    def _reader(self) -> EvidenceReader:
        return EvidenceReader(self.place)

    @cached_property
    def _family_reader(self) -> EvidenceReader:
        """One of its own: it is used in another thread."""
        return EvidenceReader(self.place)

    def draw(self) -> None:
        """Draw everything."""
        raise NotImplementedError

    def draw_flips(self) -> None:
        raise NotImplementedError

    def draw_family(self) -> None:
        raise NotImplementedError

    def read(self) -> None:
        """Begin to read, and look again from time to time."""
        self._choose()
        self.set_interval(LOOK_EVERY_S, self._look)

    def on_unmount(self) -> None:
        if self.feed is not None:
            self.feed.stop()

    # --- which runs -----------------------------------------------------------------

    @work(thread=True, group="choose", exclusive=True)
    def _choose(self) -> None:
        wanted = self.runs or ((self.run_id,) if self.run_id else ())
        found: list[Choice] = []
        if attempt(self, lambda: found.append(choose(self.place, wanted)), ""):
            hand_over(self, self._take_choice, found[0])

    def _take_choice(self, choice: Choice) -> None:
        self.ids, self.chosen = list(choice.runs), True
        if choice.said:
            say(self, choice.said)
        if self.ids:
            self.reference = self.ids[0]
            self.looked_at = self.ids[1] if len(self.ids) > 1 else None
            for run in self.ids:
                self.marks.of(run)
            folders = {run: self.place.runs_dir / run for run in self.ids}
            self.feed = RunsFeed(folders, lambda: self.post_message(self.Frame()))
            self.feed.start()
            self._load()
            self._load_families()
        self.draw()

    def take_in(self, run_id: str) -> None:
        """Compare one run more; it gets its old letter back where it had one."""
        if self.feed is None or run_id in self.ids:
            return
        self.marks.of(run_id)
        self.ids.append(run_id)
        self.looked_at = run_id
        self.feed.add(run_id, self.place.runs_dir / run_id)
        self._load()
        self.draw()

    def leave_out(self, run_id: str) -> None:
        """Compare one run less; two stay."""
        if self.feed is None or run_id not in self.ids:
            return
        if len(self.ids) <= 2:
            say(self, "Two runs are the least that can be compared.")
            return
        at = self.ids.index(run_id)
        self.ids.remove(run_id)
        self.feed.drop(run_id)
        if self.reference == run_id:
            self.reference = self.ids[0]
        if self.looked_at in (run_id, self.reference):
            others = [run for run in self.ids if run != self.reference]
            self.looked_at = others[min(at, len(others) - 1)]
        self.evidence = tuple(run for run in self.evidence if run.run_id != run_id)
        self.hold()
        self.draw()

    # --- what they say --------------------------------------------------------------

    def _look(self) -> None:
        reading = at_work(self, "load")
        if is_seen(self) and self.ids and not reading:
            self._load()

    @work(thread=True, group="load", exclusive=True)
    def _load(self) -> None:
        found: list[tuple[RunEvidence, ...]] = []
        ids = tuple(self.ids)
        if attempt(self, lambda: found.append(load_evidence(self._reader, ids)), ""):
            hand_over(self, self._take_evidence, found[0])

    def _take_evidence(self, evidence: tuple[RunEvidence, ...]) -> None:
        evidence = tuple(run for run in evidence if run.run_id in self.ids)
        if len(evidence) != len(self.evidence) or any(
            new is not old for new, old in zip(evidence, self.evidence, strict=True)
        ):
            first, self.evidence = not self.evidence, evidence
            if first:
                self._look_at_a_scored_one()
            self.hold()

    def _look_at_a_scored_one(self) -> None:
        """Begin with a run that has something to be looked at, where there is one."""
        scored = [run.run_id for run in self.evidence if run.scores]
        others = [run for run in scored if run != self.reference]
        if others and self.looked_at not in scored:
            self.looked_at = others[0]

    @work(thread=True, group="hold", exclusive=True)
    def hold(self) -> None:
        """Hold the runs against the reference, and find the examples that differ."""
        evidence, reference, looked_at = self.evidence, self.reference, self.looked_at
        if not evidence:
            return
        compared = compare(evidence, reference)
        one, other = compared.run(compared.reference), compared.run(looked_at or "")
        flips: tuple[SuiteFlips, ...] = ()
        if one is not None and other is not None and one is not other:
            flips = tuple(find_flips(one, other, evidence))
            hand_over(self, self._take, compared, flips, (reference, looked_at))
            flips = tuple(with_texts(found, one, other) for found in flips)
        hand_over(self, self._take, compared, flips, (reference, looked_at))

    def _take(
        self,
        compared: Compared,
        flips: tuple[SuiteFlips, ...],
        asked: tuple[str, str | None],
    ) -> None:
        same_runs = [run.run_id for run in compared.runs] == [run.run_id for run in self.evidence]
        if not same_runs or asked != (self.reference, self.looked_at):
            # What it was made from has changed meanwhile; the newer one is on its way.
            return
        first = self.compared is not compared
        self.compared, self.flips = compared, flips
        if first:
            self.draw()
        else:
            self.draw_flips()

    @work(thread=True, group="family", exclusive=True)
    def _load_families(self) -> None:
        found: list[Families] = []
        ids = tuple(self.ids)
        if attempt(
            self,
            lambda: found.append(load_families(self.place, self._family_reader, ids)),
            "",
        ):
            hand_over(self, self._take_families, found[0])

    def _take_families(self, families: Families) -> None:
        self.families = families
        self.draw_family()
