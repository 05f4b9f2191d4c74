"""Our own themes, and the few colours that stylesheets need beyond Textual's.

One accent. Good, bad and warning colours come with a sign or a word wherever they carry a meaning,
so that every theme, and none at all (``NO_COLOR``), says the same.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from textual.theme import Theme


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme, as ``#rrggbb``.

    ``background``, ``surface`` and ``panel`` are the three grounds, from the deepest; ``line`` is
    that of borders; ``cursor`` and ``hover`` lie under rows; ``text``, ``strong``, ``muted`` and
    ``faint`` are the inks.
    """

    name: str
    dark: bool
    background: str
    surface: str
    panel: str
    boost: str
    line: str
    cursor: str
    cursor_text: str
    cursor_away: str
    hover: str
    text: str
    strong: str
    muted: str
    faint: str
    accent: str
    secondary: str
    good: str
    bad: str
    warn: str


def theme_of(colours: Palette) -> Theme:
    """A palette as a theme of Textual."""
    return Theme(
        name=colours.name,
        primary=colours.accent,
        secondary=colours.secondary,
        accent=colours.accent,
        warning=colours.warn,
        error=colours.bad,
        success=colours.good,
        foreground=colours.text,
        background=colours.background,
        surface=colours.surface,
        panel=colours.panel,
        boost=colours.boost,
        dark=colours.dark,
        variables={
            "footer-background": colours.surface,
            "footer-foreground": colours.muted,
            "footer-description-foreground": colours.muted,
            "footer-key-foreground": colours.accent,
            "footer-key-background": colours.surface,
            "footer-item-background": colours.surface,
            "footer-description-background": colours.surface,
            "border": colours.line,
            "border-blurred": colours.line,
            "block-cursor-background": colours.cursor,
            "block-cursor-foreground": colours.cursor_text,
            "block-cursor-text-style": "none",
            "block-cursor-blurred-background": colours.cursor_away,
            "block-cursor-blurred-foreground": colours.text,
            "block-hover-background": colours.hover,
            "input-selection-background": f"{colours.accent} 35%",
            "scrollbar": colours.line,
            "scrollbar-hover": colours.muted,
            "scrollbar-active": colours.accent,
            "scrollbar-background": colours.background,
            "scrollbar-background-hover": colours.background,
            "scrollbar-background-active": colours.background,
            "scrollbar-corner-color": colours.background,
            "muted": colours.muted,
            "faint": colours.faint,
            "strong": colours.strong,
        },
    )


FACTORY = theme_of(
    Palette(
        name="factory",
        dark=True,
        background="#12161d",
        surface="#171c25",
        panel="#1e2530",
        boost="#232b38",
        line="#2d3644",
        cursor="#233646",
        cursor_text="#eef3f9",
        cursor_away="#1e2a37",
        hover="#1c2430",
        text="#d5dbe5",
        strong="#f2f6fb",
        muted="#8591a8",
        faint="#3c4657",
        accent="#7cc4d8",
        secondary="#8f9fb8",
        good="#8cc98f",
        bad="#e8807c",
        warn="#e2b86b",
    )
)

LIGHT = theme_of(
    Palette(
        name="factory-light",
        dark=False,
        background="#fbfaf7",
        surface="#f1efe9",
        panel="#e9e6de",
        boost="#dfdbd1",
        line="#cfcabd",
        cursor="#d6e7ed",
        cursor_text="#10222b",
        cursor_away="#e3ecef",
        hover="#efece4",
        text="#2b3038",
        strong="#0e1116",
        muted="#5b626e",
        faint="#b9b5aa",
        accent="#0b6480",
        secondary="#4d5a70",
        good="#256b31",
        bad="#b3332e",
        warn="#8a5a00",
    )
)

CONTRAST = theme_of(
    Palette(
        name="factory-contrast",
        dark=True,
        background="#000000",
        surface="#000000",
        panel="#101010",
        boost="#1c1c1c",
        line="#9a9a9a",
        cursor="#123f8a",
        cursor_text="#ffffff",
        cursor_away="#0b2a5c",
        hover="#2a2a2a",
        text="#ffffff",
        strong="#ffffff",
        muted="#d0d0d0",
        faint="#8a8a8a",
        accent="#5ff4ff",
        secondary="#ffffff",
        good="#5dff7a",
        bad="#ff8f8f",
        warn="#ffe14d",
    )
)

# Blue, orange and yellow of Okabe and Ito's palette ("Color Universal Design", 2008), which people
# with any of the common colour blindnesses tell apart: good is blue, bad is vermilion.
BLIND = theme_of(
    Palette(
        name="factory-colour-blind",
        dark=True,
        background="#14161a",
        surface="#191c21",
        panel="#21252c",
        boost="#282d35",
        line="#333943",
        cursor="#2a3542",
        cursor_text="#f4f7fb",
        cursor_away="#262e38",
        hover="#1f242b",
        text="#dfe3e8",
        strong="#ffffff",
        muted="#8d95a1",
        faint="#454c57",
        accent="#cfd6df",
        secondary="#9aa4b2",
        good="#56b4e9",
        bad="#f0803f",
        warn="#f0e442",
    )
)

THEMES = (FACTORY, LIGHT, CONTRAST, BLIND)
"""Ours, the usual one first. Textual brings some twenty of its own."""

VARIABLES = {
    "muted": "ansi_bright_black",
    "faint": "ansi_bright_black",
    "strong": "ansi_bright_white",
}
"""What a theme that is not ours gets for the names that only we use; see ``variables_for``."""


def usual_theme(colours: str | None) -> Theme:
    """The theme where none was chosen. ``colours`` is how many this terminal has, in Rich's words:
    sixteen are too few for grounds that differ by a shade."""
    terminal = sys.__stdout__ is not None and sys.__stdout__.isatty()
    return CONTRAST if terminal and colours in ("standard", "windows") else FACTORY


def variables_for(theme: Theme) -> dict[str, str]:
    """Values of our own variable names that fit a theme of someone else."""
    if theme.ansi:
        return dict(VARIABLES)
    return {
        "muted": f"{theme.foreground or ('#c8c8c8' if theme.dark else '#333333')} 60%",
        "faint": f"{theme.foreground or ('#c8c8c8' if theme.dark else '#333333')} 25%",
        "strong": theme.foreground or ("#ffffff" if theme.dark else "#000000"),
    }
