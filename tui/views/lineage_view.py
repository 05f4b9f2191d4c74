"""A family of runs as a small tree: what each child varied, and what it did. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len

from engine.catalogue.lineage import Family, Node
from engine.comparing.difference import Difference
from engine.comparing.settings import MISSING, Change, told_first, value_text
from tui.views import cells
from tui.views.compare_marks import Mark
from tui.views.compare_scores import WORDS
from tui.views.entries import Entry, Segment, clipped, entry, sentence
from tui.views.plain import middle, plain


def family_entries(
    families: Sequence[Family],
    marks: Mapping[str, Mark],
    names: Mapping[str, str],
    scores: Mapping[str, float | None],
    looked_at: str | None,
    width: int,
) -> list[Entry]:
    """The trees, one run a line with its score, and below it what it varied where it has a parent.

    Runs of the comparison carry their letter.
    """
    found: list[Entry] = []
    for number, family in enumerate(families):
        if number and len(family.nodes) + len(families[number - 1].nodes) > 2:
            found.append(entry())
        for node in family.nodes:
            found += _node(node, marks, names, scores, looked_at, width)
        if family.left_out:
            left = cells.how_many(family.left_out, "more run")
            found.append(entry((f"… {left} of this family", "muted")))
    if all(len(family.nodes) == 1 for family in families):
        words = "These runs have no parents or children here. n in Live or Runs plans a child."
        found += [entry(), *sentence(words, width)]
    return found


def _node(
    node: Node,
    marks: Mapping[str, Mark],
    names: Mapping[str, str],
    scores: Mapping[str, float | None],
    looked_at: str | None,
    width: int,
) -> list[Entry]:
    trunk = "".join("│  " if goes_on else "   " for goes_on in node.rails)
    branch = "" if not node.depth else ("└─ " if node.last else "├─ ")
    mark = marks.get(node.run_id)
    seen = node.run_id == looked_at
    score = scores.get(node.run_id)
    end: list[Segment] = [(f"  {cells.number(score)}", "muted" if score is None else "plain")]
    end += _against(node.against, score)
    room = width - 2 - len(trunk) - len(branch) - 3 - sum(cell_len(text) for text, _ in end)
    name = middle(names.get(node.run_id) or plain(node.run_id), max(8, room))
    segments: list[Segment] = [
        ("› " if seen else "  ", "accent"),
        (trunk + branch, "faint"),
        (f"{mark.letter if mark else '○':<2} ", mark.role if mark else "muted"),
        (name, "strong" if seen else "plain" if mark else "muted"),
        *end,
    ]
    lines = [Entry(clipped(segments, width), key=node.run_id)]
    below = trunk + ("" if not node.depth else "   " if node.last else "│  ")
    lead = f"  {below}     "
    if node.lost:
        words = f"its parent {plain(node.parent or '', clip=80)} is not here"
        lines.append(Entry(clipped([(lead, "faint"), (words, "muted")], width)))
    if node.varied is not None:
        parts = change_segments(node.varied, width - cell_len(lead))
        lines.append(Entry(clipped([(lead, "faint"), *parts], width)))
    return lines


def _against(found: Difference | None, score: float | None) -> list[Segment]:
    """What a child did against its parent: the difference and the word for it."""
    if found is None:
        return []
    word, role = WORDS[found.word]
    share = cells.is_share(score)
    delta = "" if found.delta is None else f" {cells.difference(found.delta, share=share)}"
    return [(f" {delta}", "plain"), (f" {word}", role)]


def change_segments(varied: Iterable[Change], room: int) -> list[Segment]:
    """What was varied, in at most ``room`` cells; how much more there is, is counted."""
    changes = told_first(varied)
    if not changes:
        return [("nothing was varied", "muted")]
    found: list[Segment] = []
    for number, change in enumerate(changes):
        texts = change_texts(change)
        size = sum(map(cell_len, texts)) + (2 if found else 0)
        left = len(changes) - number - 1
        if found and size > room - (len(f"  +{left} more") if left else 0):
            found.append((f"  +{left + 1} more", "muted"))
            break
        found += [("  " if found else "", "muted"), (texts[0], "muted"), (texts[1], "plain")]
        room -= size
    return found


def change_texts(change: Change) -> tuple[str, str]:
    """A change as its name and its values: ("rank ", "8→16")."""
    name = plain(change.name, clip=60)
    before, after = (plain(value_text(one), clip=30) for one in (change.before, change.after))
    if change.before is MISSING:
        return f"{name} ", f"+{after}"
    if change.after is MISSING:
        return f"{name} ", f"−{before}"
    return f"{name} ", f"{before}→{after}"
