"""The journal's page as a browser shows it: quiet, on a phone and on a desk, and for everybody."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.publish.journal.document import journal_page
from engine.publish.journal.listing import listed
from engine.publish.journal.making import make_all
from engine.publish.journal.page import journal_html
from engine.publish.site.serving import Preview
from engine.workspace import Workspace
from tests.e2e.devtools import Browser
from tests.e2e.test_site_in_browser import DESK, FINDINGS, PHONE, ROOT, WIDTH
from tests.engine import folders


def test_the_page_is_quiet_fits_a_phone_and_keeps_nobody_out(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for number, right in enumerate((30, 38, 39), start=1):
        folders.make_run(tmp_path, run_id=f"2026-11-2{number}-router", right=(8, right))
    hostile = "<script>alert(1)</script> [a](javascript:alert(1)) ![x](https://example.org/x.png)"
    run = tmp_path / "runs" / "2026-11-21-router" / "config.json"
    folders.edit(run, lambda one: one.update(owner_goal=hostile))
    made = list(make_all(listed(Workspace(tmp_path))))
    page = journal_html(journal_page(made, {"journal": f"# Mine\n\n{hostile}"}))
    done = subprocess.run(["sh", ROOT / "scripts" / "axe.sh"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    axe = Path(done.stdout.strip()).read_text("utf-8")
    browser = Browser(tmp_path_factory.mktemp("browser"))
    try:
        with Preview({"index.html": page.encode()}) as preview:
            for scheme, size in (("light", PHONE), ("dark", DESK)):
                browser.scheme(scheme)
                browser.size(*size)
                browser.open(preview.url)
                assert browser.said == []
                asked = [one for one in browser.asked if not one.startswith("data:")]
                assert asked == [preview.url]
                assert browser.ask("document.querySelectorAll('svg circle').length") == 3
                assert browser.ask("document.querySelectorAll('script, img').length") == 0
                assert browser.ask(WIDTH) <= size[0]
                browser.ask(axe + ";0")
                assert browser.ask(FINDINGS) == []
    finally:
        browser.close()
