"""A report as one HTML file: no script, nothing from elsewhere, light or dark, good on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from engine.publish.sections import reader, sections

if TYPE_CHECKING:
    from markdown_it.token import Token

_STYLE = """
:root { color-scheme: light dark; --text: #1c2430; --soft: #5b6678; --line: #d5dbe5;
  --back: #ffffff; --raised: #f5f7fa; --accent: #14708a; }
@media (prefers-color-scheme: dark) { :root { --text: #d5dbe5; --soft: #8a94a6;
  --line: #2d3644; --back: #12161d; --raised: #171c25; --accent: #7cc4d8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
.page { display: grid; grid-template-columns: 15rem minmax(0, 60rem); gap: 3rem;
  max-width: 82rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
nav { position: sticky; top: 2rem; align-self: start; font-size: .9rem;
  max-height: calc(100vh - 4rem); overflow: auto; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav li { margin: .3rem 0; }
nav .l3 { padding-left: 1rem; }
a { color: var(--accent); text-decoration: none; overflow-wrap: anywhere; }
main a { text-decoration: underline; }
a:hover, a:focus { text-decoration: underline; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .8rem; color: var(--accent);
  border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p, li { overflow-wrap: anywhere; }
.table { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td { min-width: 4rem; }
td:nth-child(n+6):last-child { min-width: 15rem; }
code, pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .9em;
  background: var(--raised); border-radius: 4px; padding: .1em .3em; }
pre { padding: .8rem 1rem; overflow-x: auto; }
pre code { padding: 0; background: none; }
blockquote { margin: 1rem 0; padding-left: 1rem; border-left: 3px solid var(--line);
  color: var(--soft); }
figure { margin: 1rem 0; max-width: 44rem; overflow-x: auto; }
figcaption { color: var(--soft); font-size: .9rem; }
svg { width: 100%; min-width: 30rem; height: auto; }
svg text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
svg .rule { stroke: var(--line); }
svg .way { stroke: var(--accent); stroke-width: 1.5; fill: none; }
svg line.baseline { stroke: var(--soft); stroke-dasharray: 6 4; }
svg line.bound { stroke: var(--text); stroke-dasharray: 2 3; }
svg .shipped { fill: var(--accent); stroke: var(--accent); }
svg .other { fill: var(--back); stroke: var(--accent); stroke-width: 1.5; }
@media (max-width: 60rem) { .page { display: block; } nav { position: static;
  max-height: none; margin-bottom: 2rem; } }
@media print { :root { --text: #000; --soft: #444; --line: #bbb; --back: #fff;
  --raised: #fff; --accent: #000; } nav { display: none; } .page { display: block;
  max-width: none; padding: 0; } body { font-size: 10pt; } .table { overflow: visible; }
  table { font-size: 8.5pt; } h2, h3 { break-after: avoid; } tr { break-inside: avoid; } }
"""


def html_page(markdown: str, title: str, figures: Mapping[int, str] | None = None) -> str:
    """The whole page. Whatever stands in the text is text: HTML in it is shown, not obeyed, links
    lead to http(s), mail, places in the page and files only, and pictures are named as links.

    ``figures`` is HTML of ours that stands below headings: the number of a section, as
    `engine.publish.sections` counts them, to the figure below its heading.
    """
    tokens = reader().parse(markdown)
    _number_headings(tokens)
    body = _renderer(figures or {}).render(tokens, reader().options, {})
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<div class="page">\n{_outline(markdown)}<main>\n{body}</main>\n</div>\n</body>\n</html>\n'
    )


def _number_headings(tokens: Sequence[Token]) -> None:
    headings = [one for one in tokens if one.type == "heading_open" and one.level == 0]
    for number, token in enumerate(headings):
        token.attrSet("id", f"s{number}")


def _outline(markdown: str) -> str:
    """The links to the sections; the title of the page is no entry."""
    entries = [
        f'<li class="l{one.level}"><a href="#s{number}">{escape(one.title)}</a></li>\n'
        for number, one in enumerate(sections(markdown))
        if one.level in (2, 3)
    ]
    return f'<nav aria-label="Sections">\n<ol>\n{"".join(entries)}</ol>\n</nav>\n'


def _renderer(figures: Mapping[int, str]) -> Any:
    from markdown_it.renderer import RendererHTML

    class Tables(RendererHTML):
        """Tables and code scroll by themselves where the page is narrow, by keyboard too."""

        def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
            whole = str(super().fence(tokens, idx, options, env))
            return whole.replace("<pre>", '<pre tabindex="0">', 1)

        def code_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
            whole = str(super().code_block(tokens, idx, options, env))
            return whole.replace("<pre>", '<pre tabindex="0">', 1)

        def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
            return '<div class="table" tabindex="0"><table>\n'

        def th_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
            tokens[idx].attrSet("scope", "col")
            return str(self.renderToken(tokens, idx, options, env))

        def heading_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
            closed = str(self.renderToken(tokens, idx, options, env))
            place = tokens[idx - 2].attrGet("id")
            return closed + figures.get(int(str(place)[1:]) if place else -1, "")

        def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
            return "</table></div>\n"

    return Tables()
