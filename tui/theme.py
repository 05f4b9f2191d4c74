"""Our own theme, and the few colours that stylesheets need beyond Textual's.

One accent. Good, bad and warning colours come with a sign or a word wherever they carry a meaning.
"""

from __future__ import annotations

from textual.theme import Theme

FACTORY = Theme(
    name="factory",
    primary="#7cc4d8",
    secondary="#8f9fb8",
    accent="#7cc4d8",
    warning="#e2b86b",
    error="#e8807c",
    success="#8cc98f",
    foreground="#d5dbe5",
    background="#12161d",
    surface="#171c25",
    panel="#1e2530",
    boost="#232b38",
    dark=True,
    variables={
        "footer-background": "#171c25",
        "footer-foreground": "#8a94a6",
        "footer-description-foreground": "#8a94a6",
        "footer-key-foreground": "#7cc4d8",
        "footer-key-background": "#171c25",
        "footer-item-background": "#171c25",
        "footer-description-background": "#171c25",
        "border": "#2d3644",
        "border-blurred": "#2d3644",
        "block-cursor-background": "#26394a",
        "block-cursor-foreground": "#eef3f9",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#1e2a37",
        "block-cursor-blurred-foreground": "#d5dbe5",
        "block-hover-background": "#1c2430",
        "input-selection-background": "#7cc4d8 35%",
        "scrollbar": "#2d3644",
        "scrollbar-hover": "#445064",
        "scrollbar-active": "#7cc4d8",
        "scrollbar-background": "#12161d",
        "scrollbar-background-hover": "#12161d",
        "scrollbar-background-active": "#12161d",
        "scrollbar-corner-color": "#12161d",
        "muted": "#76819a",
        "faint": "#3c4657",
        "strong": "#f2f6fb",
    },
)

VARIABLES = {
    "muted": "ansi_bright_black",
    "faint": "ansi_bright_black",
    "strong": "ansi_bright_white",
}
"""What a theme that is not ours gets for the names that only we use; see ``variables_for``."""


def variables_for(theme: Theme) -> dict[str, str]:
    """Values of our own variable names that fit a theme of someone else."""
    if theme.ansi:
        return dict(VARIABLES)
    return {
        "muted": f"{theme.foreground or ('#c8c8c8' if theme.dark else '#333333')} 60%",
        "faint": f"{theme.foreground or ('#c8c8c8' if theme.dark else '#333333')} 25%",
        "strong": theme.foreground or ("#ffffff" if theme.dark else "#000000"),
    }
