"""Themes: inks are readable on their grounds, and meanings can be told apart."""

from __future__ import annotations

from itertools import combinations

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from textual.color import Color
from textual.theme import Theme

from tui.theme import BLIND, CONTRAST, THEMES


def luminance(colour: str) -> float:
    """Relative luminance in [0, 1] (WCAG 2.2)."""

    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = Color.parse(colour).rgb
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(ink: str, ground: str) -> float:
    """Contrast ratio in [1, 21] (WCAG 2.2)."""
    low, high = sorted((luminance(ink), luminance(ground)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_words_are_readable_on_every_ground(theme: Theme) -> None:
    least = 7.0 if theme is CONTRAST else 4.5
    assert theme.background and theme.surface and theme.panel
    for ground in (theme.background, theme.surface):
        for ink in (theme.foreground, theme.accent, theme.success, theme.error, theme.warning):
            assert ink and contrast(ink, ground) >= least, (ink, ground)
        assert contrast(theme.variables["muted"], ground) >= 4.5, "said in small print"


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_words_are_readable_under_the_cursor(theme: Theme) -> None:
    cursor = theme.variables["block-cursor-background"]
    assert contrast(theme.variables["block-cursor-foreground"], cursor) >= 7.0
    for ink in (theme.foreground, theme.accent, theme.success, theme.error, theme.warning):
        assert ink and contrast(ink, cursor) >= 4.5, ink
    assert contrast(theme.variables["muted"], cursor) >= 3.5


def test_sixteen_colours_are_enough_for_the_theme_that_they_get() -> None:
    def seen(colour: str | None) -> int | None:
        assert colour
        return RichColor.parse(colour).downgrade(ColorSystem.STANDARD).number

    grounds = {seen(CONTRAST.background), seen(CONTRAST.variables["block-cursor-background"])}
    assert len(grounds) == 2, "the cursor's row is seen"
    inks = (CONTRAST.foreground, CONTRAST.accent, CONTRAST.success, CONTRAST.error)
    found = [seen(ink) for ink in (*inks, CONTRAST.warning)]
    assert len(set(found)) == 5 and not grounds & set(found)


# Machado, Oliveira and Fernandes (2009), "A Physiologically-based Model for Simulation of Color
# Vision Deficiency", severity 1.0.
DEFICIENCIES = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}


@pytest.mark.parametrize("kind", DEFICIENCIES)
def test_good_bad_and_warning_stay_apart_for_the_colour_blind(kind: str) -> None:
    def seen(colour: str) -> tuple[float, ...]:
        rgb = Color.parse(colour).rgb
        rows = DEFICIENCIES[kind]
        return tuple(sum(a * b for a, b in zip(row, rgb, strict=True)) for row in rows)

    inks = [BLIND.success, BLIND.error, BLIND.warning]
    for one, other in combinations([ink for ink in inks if ink], 2):
        distance = sum((a - b) ** 2 for a, b in zip(seen(one), seen(other), strict=True)) ** 0.5
        assert distance > 60, (kind, one, other, distance)
