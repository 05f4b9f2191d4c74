"""What the command palette finds beside the keys: every run, and every screen of the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.views.plain import plain

if TYPE_CHECKING:
    from tui.app import FactoryApp

SHOWN = 50
"""So many runs are offered at once; typing more of a name finds the others."""


class RunProvider(Provider):
    """Runs by their name: the palette opens them in Live."""

    @property
    def _factory(self) -> FactoryApp:
        return cast("FactoryApp", self.app)

    def _names(self) -> Iterator[str]:
        try:
            found = sorted((self._factory.workspace / "runs").iterdir(), reverse=True)
        except OSError:
            return
        yield from (path.name for path in found if not path.name.startswith("."))

    async def discover(self) -> Hits:
        for name, _ in zip(self._names(), range(5), strict=False):
            text = f"Open {plain(name, clip=120)}"
            yield DiscoveryHit(text, partial(self._factory.open_run, name), text=text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        offered = 0
        for name in self._names():
            text = f"Open {plain(name, clip=120)}"
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, matcher.highlight(text), partial(self._factory.open_run, name))
                offered += 1
                if offered == SHOWN:
                    return
