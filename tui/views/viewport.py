"""Which part of the x axis a chart shows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_CLOSEST = 1 / 4096


@dataclass(frozen=True, slots=True)
class Viewport:
    """A share of the whole course; ``end`` None follows the newest point, else a share of it too.

    ``share`` in (0, 1] is how much is seen, ``end`` in [share, 1] where it ends.
    """

    share: float = 1.0
    end: float | None = None

    def window(self, whole: tuple[float, float]) -> tuple[float, float] | None:
        """The part of ``whole`` that is seen; None when that is all of it."""
        if self.share >= 1.0:
            return None
        low, high = whole
        end = 1.0 if self.end is None else self.end
        return low + (end - self.share) * (high - low), low + end * (high - low)

    def zoomed(self, direction: int, place: float = 1.0) -> Viewport:
        """Twice as close (1), half as close (-1) or all of it (0), holding ``place`` of the view.

        ``place`` in [0, 1] is from the left edge of what is seen to its right edge.
        """
        if direction == 0:
            return Viewport()
        share = min(1.0, max(_CLOSEST, self.share * (0.5 if direction > 0 else 2.0)))
        start = (1.0 if self.end is None else self.end) - self.share
        held = start + place * self.share
        return _at(share, held + (1.0 - place) * share, follow=place >= 1.0 and self.end is None)

    @classmethod
    def of(cls, part: tuple[float, float], whole: tuple[float, float]) -> Viewport:
        """The viewport that shows ``part`` of ``whole``; all of it where there is nothing to show.

        A part that reaches the end of the course follows the newest point.
        """
        extent = whole[1] - whole[0]
        low, high = (min(max(one, whole[0]), whole[1]) for one in sorted(part))
        if extent <= 0 or high <= low:
            return cls()
        share = max((high - low) / extent, _CLOSEST)
        return _at(min(1.0, share), (high - whole[0]) / extent, follow=False)

    def moved(self, part: float) -> Viewport:
        """Later (positive) or earlier by a part of what is seen; at the newest it follows."""
        end = (1.0 if self.end is None else self.end) + part * self.share
        return _at(self.share, end, follow=False)


def _at(share: float, end: float, *, follow: bool) -> Viewport:
    end = max(share, end)
    return Viewport(share, None if follow or end >= 1.0 - 1e-9 else end)
