"""The journal as one HTML page, with the course of each target as a picture."""

from __future__ import annotations

from engine.publish.html import html_page
from engine.publish.journal.document import Page
from engine.publish.journal.picture import picture
from engine.publish.journal.trend import trend_of
from engine.publish.sections import sections

TITLE = "Journal · factory"


def journal_html(page: Page) -> str:
    """Self-contained, without scripts; what stands in the text is text."""
    figures = {}
    for number, one in enumerate(sections(page.text)):
        steps = page.targets.get(one.start)
        if steps:
            figures[number] = picture(trend_of(steps), one.title, number)
    return html_page(page.text, TITLE, figures)
