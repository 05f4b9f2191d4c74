"""The two sides of Serve: what each is, and its server started, kept, stopped and looked after."""

from __future__ import annotations

from pathlib import Path

from textual import work
from textual.content import Content

from engine.models import ModelError, ModelOnDisk, cached_models, describe, models_here
from engine.serving.endpoint import Endpoint
from engine.serving.managed import Wish
from engine.serving.named import read_endpoints
from engine.serving.pair import Pair, free_name, pair_of
from engine.serving.store import FoundServer
from engine.workspace import Workspace
from tui.acting import ask, at_work, attempt, hand_over, say
from tui.bindings import caption_in
from tui.screens.base import RoomScreen
from tui.screens.pick import Pick
from tui.serving import Look, OwnServers
from tui.standing import is_seen
from tui.views.serve_sides import SIDES, Side, Source, choice_line, side_of

LOOK_EVERY_S = 0.5


class SideActs(RoomScreen):
    """What both sides are, and what can be done to their servers."""

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self.pair: Pair | None = None
        self.sources: dict[str, Source] = {}
        self.sides: dict[str, Side] = {
            name: Side(name, Source(why_not="reading …"), "nothing", "reading …") for name in SIDES
        }
        self.chosen = SIDES[0]
        self._named: dict[str, str] = {}
        """The server that a side was last started as."""
        self._seen = Look()
        self._looks = self._taken = 0
        self._start_at_once = False
        """F2 was pressed before it was known what the sides are."""

    @property
    def there(self) -> bool:
        """Whether the screen can be drawn: a thread may have news for one that was left."""
        return self.is_mounted and self.is_running

    def key(self, action: str) -> str:
        """The key of an action of this screen as the user has it."""
        return caption_in(self.app, f"serve.{action}")

    @property
    def nothing(self) -> Source:
        """A side that is nothing yet."""
        return Source(
            why_not=f"{self.key('model')} chooses a model of this disk, a server that runs, or an "
            "endpoint."
        )

    @property
    def place(self) -> Workspace:
        return Workspace(self.factory.workspace)

    @property
    def servers(self) -> OwnServers:
        """The servers of the app: they live on when this screen is left."""
        return self.factory.servers

    # --- what a screen that shows the sides fills in ----------------------------------

    def draw_sides(self) -> None:
        """The sides are others, or do otherwise."""
        raise NotImplementedError

    def pair_is_known(self) -> None:
        """The run's models and target were read."""
        raise NotImplementedError

    # --- reading ----------------------------------------------------------------------

    def begin(self) -> None:
        """Read what the sides are, then look after them for as long as the screen is there."""
        self._read_sources()
        self.set_interval(LOOK_EVERY_S, self._look_again)

    @work(thread=True, group="sources", exclusive=True)
    def _read_sources(self) -> None:
        found: list[tuple[Pair | None, dict[str, Source]]] = []
        if attempt(self, lambda: found.append(self._sources()), ""):
            hand_over(self, self._take_sources, *found[0])

    def _sources(self) -> tuple[Pair | None, dict[str, Source]]:
        if self.run_id is not None:
            pair = pair_of(self.place, self.run_id)
            return pair, {
                "base": Source(pair.base, why_not=pair.why_no_base),
                "candidate": Source(
                    pair.base if pair.adapter is not None else None,
                    pair.adapter,
                    why_not=pair.why_no_candidate,
                ),
            }
        running = [one for one in self.servers.look().servers if one.alive]
        running.sort(key=lambda one: (one.record.adapter is not None, one.record.name))
        sources = {}
        for name in SIDES:
            source = self._remembered(name)
            if source is None and running:
                source = source_of(running.pop(0))
            sources[name] = source or self.nothing
        return None, sources

    def _remembered(self, name: str) -> Source | None:
        """What the side was the last time that Serve was opened without a run."""
        kept: dict[str, object] = self.factory.remembered.get(f"serve.{name}", {})
        path, adapter = kept.get("model"), kept.get("adapter")
        if not isinstance(path, str):
            return None
        try:
            model = describe(Path(path), str(kept.get("id") or path))
        except (ModelError, OSError):
            return None
        return Source(model, Path(adapter) if isinstance(adapter, str) else None)

    def _take_sources(self, pair: Pair | None, sources: dict[str, Source]) -> None:
        self.pair = pair
        self.sources = sources
        self.pair_is_known()
        self.look()

    def _look_again(self) -> None:
        if is_seen(self) and self.sources and not at_work(self, "look"):
            self.look()

    def look(self) -> None:
        """See how the servers do."""
        if not self.there:
            return
        self._looks += 1
        self._see(self._looks)

    @work(thread=True, group="look")
    def _see(self, number: int) -> None:
        found: list[tuple[Look, dict[str, Side]]] = []

        def see() -> None:
            seen = self.servers.look()
            found.append((seen, {name: self._side(name, seen) for name in SIDES}))

        if attempt(self, see, ""):
            hand_over(self, self._take_look, number, *found[0])

    def _side(self, name: str, seen: Look) -> Side:
        source = self.sources.get(name) or self.nothing
        wanted = self._named.get(name, name)
        return side_of(name, source, seen, wanted, self.servers.keeps)

    def _take_look(self, number: int, seen: Look, sides: dict[str, Side]) -> None:
        if number < self._taken:
            return  # a later look was quicker
        self._taken = number
        troubles = [one for one in seen.troubles if one not in self._seen.troubles]
        self._seen, self.sides = seen, sides
        for name, side in sides.items():
            if side.server is not None:
                self._named[name] = side.server
        for trouble in troubles:
            say(self, trouble, "warning")
        if self._start_at_once:
            self._start_at_once = False
            self.action_servers()
        self.draw_sides()

    # --- starting and stopping ----------------------------------------------------------

    def action_servers(self) -> None:
        """Start both; where none is left to start, stop both."""
        if not self._taken:
            self._start_at_once = True
            return
        startable = [one for one in self.sides.values() if _may_start(one)]
        running = [one for one in self.sides.values() if one.under_way]
        if startable:
            for side in startable:
                self._start(side)
        elif running:
            for side in running:
                self._stop(side)
        else:
            self._nothing_to_start(self.sides[self.chosen])

    def action_server(self) -> None:
        """Start the chosen one, or stop it."""
        side = self.sides[self.chosen]
        if side.under_way:
            self._stop(side)
        elif _may_start(side):
            self._start(side)
        else:
            self._nothing_to_start(side)

    def action_restart(self) -> None:
        """Stop the chosen one and start it again."""
        side = self.sides[self.chosen]
        if side.under_way:
            self._stop(side, again=True)
        elif _may_start(side):
            self._start(side)
        else:
            self._nothing_to_start(side)

    def _nothing_to_start(self, side: Side) -> None:
        if side.state == "endpoint":
            say(self, f"{side.url} is somebody else's: it is asked, not started or stopped.")
        else:
            say(self, side.words or self.nothing.why_not, "warning")

    def _start(self, side: Side, name: str | None = None) -> None:
        """Start a side's server; ``name`` is one that has just become free."""
        model, adapter = side.source.model, side.source.adapter
        if model is None or self.servers.has(model, adapter):
            return  # what is seen may be older than what was begun
        name = name or free_name(side.name, self._seen.servers, self.servers.starting())
        self._named[side.name] = name
        self.servers.start(Wish(name, model, adapter))
        self.look()

    @work(thread=True, group="stop")
    def _stop(self, side: Side, again: bool = False) -> None:
        name = side.server
        if name is None:
            return
        self.servers.about_to_stop(name)
        self.app.call_from_thread(self.look)
        if attempt(self, lambda: self.servers.stop(name), "") and again:
            self.app.call_from_thread(self._start, side, name)
        else:
            self.app.call_from_thread(self.look)

    def action_keep(self) -> None:
        """Let the chosen server stay when the app ends, or end with it again."""
        side = self.sides[self.chosen]
        if side.server is None or not side.under_way:
            say(self, f"{side.name.capitalize()} has no server that could be left running.")
            return
        self._keep(side.server, not side.keep)

    @work(thread=True, group="keep")
    def _keep(self, name: str, wanted: bool) -> None:
        done = (
            f"{name} stays when the app ends. Stop it here, or with: factory-tui serve stop {name}"
            if wanted
            else f"{name} ends with the app."
        )
        attempt(self, lambda: self.servers.keep(name, wanted), done)
        self.app.call_from_thread(self.look)

    # --- what a side is -------------------------------------------------------------------

    @work(thread=True, group="models", exclusive=True)
    def action_model(self) -> None:
        """Choose what the chosen side is."""
        found: list[list[Source]] = []
        problems: list[str] = []

        def read() -> None:
            endpoints, wrong = read_endpoints(self.factory.workspace)
            problems.extend(wrong)
            found.append([*self._known_servers(), *map(_elsewhere, endpoints), *self._models()])

        if attempt(self, read, ""):
            hand_over(self, self._pick, found[0], problems)

    def _known_servers(self) -> list[Source]:
        return [
            source
            for one in self.servers.look().servers
            if one.alive and (source := source_of(one)) is not None
        ]

    def _models(self) -> list[Source]:
        models = [*models_here(self.factory.workspace, self.place.bases_dir), *cached_models()]
        return [Source(one) for one in models]

    def _pick(self, sources: list[Source], problems: list[str]) -> None:
        for problem in problems:
            say(self, problem, "warning")
        name = self.chosen
        if not sources:
            say(
                self,
                "There is no model on this disk: none in the hub's cache and none below models/. "
                "Download one: hf download mlx-community/Qwen3-0.6B-4bit",
                "warning",
            )
            return
        lines = [Content(choice_line(one)) for one in sources]

        def picked(number: int | None) -> None:
            if number is not None:
                self._choose(name, sources[number])

        ask(self, Pick(f"{name} is", lines, long=True), picked)

    def _choose(self, name: str, source: Source) -> None:
        """A side is another now. A server that it had goes on until it is stopped."""
        self.sources = {**self.sources, name: source}
        self._named.pop(name, None)
        if self.run_id is None and source.model is not None:
            adapter = str(source.adapter) if source.adapter is not None else None
            kept = {"model": str(source.model.path), "id": source.model.id, "adapter": adapter}
            self.factory.remembered.put(f"serve.{name}", kept)
        self.look()


def source_of(found: FoundServer) -> Source | None:
    """What a server serves; None where its model is not on this disk any more."""
    record = found.record
    try:
        model: ModelOnDisk = describe(Path(record.model), record.model_id)
    except (ModelError, OSError):
        return None
    return Source(model, Path(record.adapter) if record.adapter else None)


def _elsewhere(endpoint: Endpoint) -> Source:
    return Source(endpoint=endpoint)


def _may_start(side: Side) -> bool:
    return side.source.model is not None and not side.under_way and side.state != "endpoint"
