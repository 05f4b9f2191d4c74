"""The site of public artifacts as a browser shows it, every page of it, in one browser."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest

from engine.publish.site.build import Site
from engine.publish.site.serving import Preview
from tests.e2e.devtools import Browser
from tests.engine.publish.site import sample

ROOT = Path(__file__).resolve().parents[2]
PHONE, DESK = (360, 740), (1180, 900)
LINKS = "[...document.querySelectorAll('a[href]')].map(a => a.href)"
IDS = "[...document.querySelectorAll('[id]')].map(one => one.id)"
WIDTH = "document.documentElement.scrollWidth"
FINDINGS = (
    "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations"
    ".filter(one => ['serious', 'critical'].includes(one.impact))"
    ".map(one => one.id + ': ' + one.nodes[0].html + ' ' + one.nodes[0].failureSummary))"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("workspace")
    sample.workspace(folder)
    return sample.site(folder)


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with Preview(site.files) as preview:
        yield preview.url


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("browser"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core; the test fails with the script's own sentence where it cannot be had."""
    done = subprocess.run(["sh", ROOT / "scripts" / "axe.sh"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip()).read_text("utf-8")


def pages(site: Site) -> list[str]:
    return [name for name in site.files if name.endswith(".html")]


def test_every_page_is_quiet_fits_a_phone_and_keeps_nobody_out(
    site: Site, address: str, browser: Browser, axe: str
) -> None:
    for page in pages(site):
        for scheme, size in (("light", PHONE), ("dark", DESK)):
            where = f"{page}, {scheme}, {size[0]} wide"
            browser.scheme(scheme)
            browser.size(*size)
            browser.open(address + page)
            assert browser.said == [], where
            asked = [one for one in browser.asked if not one.startswith("data:")]
            assert asked == [address + page], where
            assert browser.ask(WIDTH) <= size[0], where
            browser.ask(axe + ";0")
            assert browser.ask(FINDINGS) == [], where
            assert browser.ask("matchMedia('(prefers-color-scheme: dark)').matches") is (
                scheme == "dark"
            )


def test_every_link_of_the_site_leads_somewhere(site: Site, address: str, browser: Browser) -> None:
    links, ids = {}, {}
    for page in pages(site):
        browser.open(address + page)
        links[page], ids[address + page] = browser.ask(LINKS), set(browser.ask(IDS))
    known = {address + one for one in site.files}
    within = 0
    for page, found in links.items():
        for link in found:
            place, part = urldefrag(urljoin(address + page, link))
            if place.startswith("https://example.org/"):
                continue
            assert place in known, f"{page}: {link}"
            assert not part or part in ids[place], f"{page}: {link}"
            within += 1
    assert within > 50


def test_a_keyboard_reaches_the_content_and_wide_tables(address: str, browser: Browser) -> None:
    browser.size(*PHONE)
    browser.open(address + "artifacts/sql-routed.html")

    def tab() -> str:
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab",
                         windowsVirtualKeyCode=9)  # fmt: skip
        found: str = browser.ask(
            "document.activeElement.className || document.activeElement.tagName"
        )
        return found

    assert tab() == "skip"
    assert browser.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert any(tab().startswith("scroll") for _ in range(12))


def test_what_is_refused_would_be_seen(site: Site, browser: Browser, axe: str) -> None:
    page = site.files["index.html"].decode()
    broken = page.replace("</main>", "<img src='https://example.org/x.png'></main>").replace(
        "</body>", "<script>alert(1)</script></body>"
    )
    with Preview({"index.html": broken.encode()}) as preview:
        browser.open(preview.url)
        assert any("Content Security Policy" in one for one in browser.said)
        browser.ask(axe + ";0")
        assert any(one.startswith("image-alt") for one in browser.ask(FINDINGS))
