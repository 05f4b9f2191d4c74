"""A picture of a screen of the running app: SVG, and PNG where a headless Chromium is installed.

    python scripts/snap.py WORKSPACE out.png --screen live --run RUN --size 120x40 --press l

The app runs without a terminal, on the real workspace. Keys given by --press are pressed, one
after the other, before the picture is taken.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


async def take(options: argparse.Namespace) -> str:
    """The screen as SVG."""
    from tui.app import FactoryApp

    width, _, height = options.size.partition("x")
    app = FactoryApp(options.workspace, start=options.screen, run_id=options.run)
    async with app.run_test(size=(int(width), int(height))) as pilot:
        if options.theme:
            app.theme = options.theme
        await pilot.pause(options.wait)
        for key in options.press:
            await pilot.press(key)
            await pilot.pause(0.3)
        await pilot.pause()
        return app.export_screenshot(title=options.title)


def to_png(svg: Path, png: Path) -> None:
    """Draw an SVG with the first browser that is there; SystemExit says what is missing."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"No browser for the PNG: install one of {', '.join(BROWSERS)}, or ask for .svg.")
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text())
    if box is None:
        sys.exit(f"{svg} has no viewBox.")
    width, height = (round(float(side)) for side in box.groups())
    page = svg.with_suffix(".html")
    page.write_text(
        f'<body style="margin:0;background:#0b0e13"><img src="{svg.name}" width="{width}"></body>'
    )
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--window-size={width},{height}",
        f"--screenshot={png.resolve()}",
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if not png.is_file():
        sys.exit(f"{browser} wrote no picture: {done.stderr.strip()[-400:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("out", type=Path, help="a .svg or .png file")
    parser.add_argument("--screen", default="runs")
    parser.add_argument("--run")
    parser.add_argument("--size", default="120x40", help="columns x lines")
    parser.add_argument("--press", nargs="*", default=[])
    parser.add_argument("--wait", type=float, default=1.0, help="seconds before the first key")
    parser.add_argument("--theme")
    parser.add_argument("--title", default="factory-tui")
    options = parser.parse_args()
    svg = asyncio.run(take(options))
    if options.out.suffix == ".svg":
        options.out.write_text(svg)
        return
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "screen.svg"
        path.write_text(svg)
        to_png(path, options.out)


if __name__ == "__main__":
    main()
