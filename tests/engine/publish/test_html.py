"""A report as a page: whole, from nowhere else, and with nothing in it that does anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.app import main
from engine.publish.export import export_refusal, export_report
from engine.publish.html import html_page
from engine.publish.sections import section_at, sections, text_of
from tests.engine import folders

HOSTILE = (
    "# Title\n\n<script>alert(1)</script> <img src=x onerror=alert(1)>\n\n"
    "[a](javascript:alert(1)) [b](JAVASCRIPT&colon;alert(1)) [c](data:text/html,x)\n"
    '![pic](http://e.x/p.png) [ok](https://e.x/?a="b") <http://e.x/auto>\n\n'
    "## A <b>bold</b> & `code` | part\n\n| a | b |\n|---|--:|\n| <i>x</i> | 1 |\n"
)

KNOWN = (
    "html head meta title style body div nav ol ul li main h1 h2 h3 h4 h5 h6 p a em strong code "
    "pre blockquote hr br table thead tbody tr th td"
)


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Tags()
    reader.feed(page)
    return reader.found


def test_html_in_a_report_is_shown_and_does_nothing() -> None:
    page = html_page(HOSTILE, "a </title><script>")
    found = tags(page)
    assert {tag for tag, _ in found}.isdisjoint({"script", "img", "iframe", "link", "b", "i"})
    links = [attributes["href"] or "" for tag, attributes in found if tag == "a"]
    assert all(link.startswith(("#s", "http://e.x/", "https://e.x/")) for link in links)
    assert not any(name.startswith("on") for _, attributes in found for name in attributes)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not any({"src", "srcset", "action"} & set(attributes) for _, attributes in found)
    assert not re.search(r"url\(|@import", page)


def test_the_outline_leads_to_every_section() -> None:
    page = html_page(HOSTILE, "t")
    ids = {attributes["id"] for _, attributes in tags(page) if "id" in attributes}
    assert ids == {"s0", "s1"} and 'href="#s1">A &lt;b&gt;' in page


@given(st.text(max_size=200))
def test_no_text_makes_a_tag_of_its_own(text: str) -> None:
    known = set(re.findall(r"\w+", KNOWN))
    assert {tag for tag, _ in tags(html_page(text, text))} <= known


def test_sections_end_where_the_next_of_their_level_begins() -> None:
    text = "intro\n\n# One\n\na\n\n## Two\n\n```\n# no heading\n```\n\n### Three\n\nb\n\n# Four\n"
    found = sections(text)
    assert [(one.level, one.title, one.start, one.end) for one in found] == [
        (1, "One", 2, 16),
        (2, "Two", 6, 16),
        (3, "Three", 12, 16),
        (1, "Four", 16, 18),
    ]
    assert section_at(found, 0) is None
    assert [getattr(section_at(found, line), "title", "") for line in (2, 9, 13, 17)] == [
        "One",
        "Two",
        "Three",
        "Four",
    ]
    assert text_of(text, found[2]) == "### Three\n\nb\n"


def test_an_export_leaves_the_run_alone(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    before = sorted(path.name for path in run.iterdir())
    page = export_report(run, tmp_path / "new" / "x.HTML")
    assert page.read_text().startswith("<!doctype html>")
    assert export_report(run, tmp_path / "x.md").read_text().startswith(f"# {run.name}")
    assert sorted(path.name for path in run.iterdir()) == before
    assert export_refusal(run, tmp_path / "x.html") is None
    for wrong in (run / "x.html", tmp_path / "x.pdf", tmp_path / "runs" / ".." / "runs" / "x.md"):
        assert export_refusal(run, wrong)


def test_the_command_line_exports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folders.make_shipped(tmp_path)

    def call(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["report", run.name, "-w", str(tmp_path), *arguments])
        assert ended.value.code == 0
        return capsys.readouterr().out

    assert call("--html").startswith("<!doctype html>") and not (run / "report.md").exists()
    page = tmp_path / "page.html"
    assert call("--out", str(page)).strip() == str(page) and "</html>" in page.read_text()
    copy = tmp_path / "copy.md"
    call("--out", str(copy))
    assert copy.read_text().startswith(f"# {run.name}") and not (run / "report.md").exists()
    call()
    assert (run / "report.md").read_bytes() == copy.read_bytes()
