"""Where the stylesheets are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path, PurePath

_PACKAGE = Path(__file__).parent


@cache
def styles_dir() -> Path:
    """The directory of the ``.tcss`` files; FileNotFoundError when the installation lacks it."""
    for directory in (_PACKAGE / "_styles", _PACKAGE.parent / "styles"):
        if (directory / "app.tcss").is_file():
            return directory
    raise FileNotFoundError(
        f"No stylesheets in {_PACKAGE / '_styles'} and none in {_PACKAGE.parent / 'styles'}: "
        "the installation is not whole. Install factory-tui again."
    )


def style_paths(*names: str) -> list[str | PurePath]:
    """The stylesheets of those names, for ``CSS_PATH``: ``style_paths("live")``."""
    return [styles_dir() / f"{name}.tcss" for name in names]
