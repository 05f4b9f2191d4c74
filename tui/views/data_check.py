"""What was found in a target's data, in words: a line a file. No Textual, reads nothing."""

from __future__ import annotations

from engine import numbers
from engine.judge.leaks import counted
from engine.plans.data_check import DataCheck, FileCheck
from engine.plans.data_lengths import TokenCount
from tui.views.cells import Cell
from tui.views.plain import plain

Line = list[Cell]

FEW_GOLD = 50
"""Below so many examples an interval is too wide to decide much."""


def data_lines(
    check: DataCheck, count: TokenCount | None = None, limit: int = 0, trouble: str = ""
) -> list[Line]:
    """The check in words.

    ``count`` is what the model's tokenizer counted in the training file, None where it has not
    answered; then lengths are by their characters and say "about". ``limit`` is max_seq_len in
    tokens; ``trouble`` is why the tokenizer cannot answer.
    """
    lines: list[Line] = []
    for suite in check.suites:
        lines += _file_lines(suite, "gold")
    if check.canonical is not None:
        lines += _file_lines(check.canonical, "training")
        if check.canonical.usable:
            lines += _length_lines(check.canonical, count, limit, trouble)
    if check.generator:
        lines.append(
            [
                Cell("✔ ", "good"),
                Cell(plain(check.generator), "strong"),
                Cell(f"  makes {check.rows:,} rows; what repeats or is gold is left out", "muted"),
            ]
        )
    elif check.canonical is None:
        lines.append([Cell("✘ ", "bad"), Cell("No generator and no canonical rows to train on.")])
    return lines + _shared_lines(check)


def _shared_lines(check: DataCheck) -> list[Line]:
    found, shared = check.canonical, check.shared
    if found is None or found.problem or not found.usable:
        return []
    whole = not found.cut and shared.compared == found.usable
    if not shared.rows:
        some = (
            "no training row" if whole else f"none of the first {shared.compared:,} training rows"
        )
        return [[Cell("✔ ", "good"), Cell(f"{some} comes near a gold prompt", "muted")]]
    count = shared.rows.total()
    rows = "training row comes" if count == 1 else "training rows come"
    of = "" if whole else f" of the first {shared.compared:,}"
    lines: list[Line] = [
        [
            Cell("⚠ ", "warn"),
            Cell(f"{count:,}{of} {rows} near a gold prompt ({counted(shared.rows)})"),
            Cell("  left out of the training rows", "muted"),
        ]
    ]
    return lines + [[Cell(f"  {plain(text, clip=200)}", "muted")] for text in shared.some]


def _length_lines(
    found: FileCheck, count: TokenCount | None, limit: int, trouble: str
) -> list[Line]:
    if count is None or not count.rows:
        text = f"  longest about {found.longest:,} tokens, line {found.longest_line:,}"
        why = trouble or ("by its characters; the tokenizer is asked …" if count is None else "")
        over = limit and found.longest > limit
        line = [Cell(text, "warn" if over else "plain")]
        if over:
            line.append(Cell(f" · about {limit:,} are the limit: it would be cut", "warn"))
        return [[*line, Cell(f"  {plain(why, clip=200)}", "muted")]]
    line = [Cell(f"  longest {count.longest:,} tokens, line {count.line:,}")]
    if count.over:
        rows = "row is" if count.over == 1 else "rows are"
        line.append(Cell(f" · ⚠ {count.over:,} {rows} over {count.limit:,} and cut", "warn"))
    else:
        line.append(Cell(f" · none over {count.limit:,}", "muted"))
    line.append(Cell(f" · {count.tokens / count.rows:,.0f} on average", "muted"))
    if not count.whole:
        line.append(Cell(f"  ({count.rows:,} rows counted so far)", "muted"))
    elif count.cut or found.cut:
        line.append(Cell(f"  (the first {count.rows:,} rows)", "muted"))
    return [line]


def _file_lines(found: FileCheck, role: str) -> list[Line]:
    name = plain(found.name, clip=200)
    if found.problem:
        return [[Cell("✘ ", "bad"), Cell(plain(found.problem, clip=400))]]
    if not found.rows:
        return [[Cell("✘ ", "bad"), Cell(name, "strong"), Cell("  has no rows", "bad")]]
    bad = bool(found.broken)
    few = role == "gold" and found.rows < FEW_GOLD and not found.cut
    sign = Cell("✘ ", "bad") if bad else Cell("⚠ ", "warn") if few else Cell("✔ ", "good")
    line = [sign, Cell(name, "strong"), Cell(f"  {found.rows:,} {role} rows")]
    if found.cut:
        looked, size = numbers.size(found.looked), numbers.size(found.size)
        line.append(Cell(f" in the first {looked} of {size}: the rest was not looked at", "warn"))
    if found.duplicates:
        line.append(Cell(f" · {found.duplicates:,} with a prompt that was there before", "warn"))
    if few:
        line.append(Cell(" · few: the interval will be wide", "warn"))
    lines = [line]
    if bad:
        what = "line is no row" if found.broken == 1 else "lines are no rows"
        some = "; ".join(
            f"line {number:,} {plain(why, clip=80)}" for number, why in found.broken_lines
        )
        lines.append([Cell(f"  {found.broken:,} {what}: {some}", "bad")])
    return lines
