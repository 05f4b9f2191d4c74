"""A report as a file elsewhere: Markdown, or one HTML page. ``report.md`` stays as it is."""

from __future__ import annotations

from pathlib import Path

from engine.folder import write_bytes_atomic
from engine.publish.html import html_page
from engine.publish.report import report_of

HTML_SUFFIXES = (".html", ".htm")


def exported_text(run: Path, *, html: bool, markdown: str | None = None) -> str:
    """The report of a run as text: ``markdown`` where it is given (a report that somebody added
    to), else made of the records. OSError where the run cannot be read."""
    text = report_of(run) if markdown is None else markdown
    return html_page(text, f"{run.name} · factory report") if html else text


def export_report(
    run: Path, path: Path, *, html: bool | None = None, markdown: str | None = None
) -> Path:
    """Write the report to ``path``, as HTML where its name says so or ``html`` does. OSError when
    it cannot be written; the directory is made."""
    as_html = path.suffix.lower() in HTML_SUFFIXES if html is None else html
    text = exported_text(run, html=as_html, markdown=markdown)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(path, text.encode("utf-8", "replace"))
    return path


def export_refusal(run: Path, path: Path) -> str | None:
    """Why a report may not be exported to ``path``, or None: the runs hold evidence, not copies."""
    if path.suffix.lower() not in (*HTML_SUFFIXES, ".md"):
        return f"End the name with .html or .md: {path.name or path} says neither."
    if path.is_dir():
        return f"{path.name} is a directory."
    if path.resolve().is_relative_to(run.resolve().parent):
        return "A run's folder holds its evidence only. Write to another place."
    return None
