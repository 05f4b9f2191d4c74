"""The patterns of the metrics: each finds its number in its own example, once, and in time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from engine.checks.finding import Finding, error, warning
from engine.checks.protocol.around import Around
from engine.judge.patterns import repeats_a_repeat
from engine.records.protocol import Metric, Protocol
from engine.timed_pattern import PatternError, PatternTooSlow, compile_pattern, find_all

SECONDS = 0.25
"""How long a pattern may search one of the hostile texts; an honest one needs a thousandth."""

_LONG = 2_000
_DOWN = {"loss", "bpb", "bpc", "ppl", "perplexity", "error", "err", "wer", "cer", "mse", "mae",
         "nll", "latency", "vram", "memory"}  # fmt: skip
_UP = {"acc", "accuracy", "f1", "bleu", "rouge", "score", "auc", "mfu", "throughput", "reward",
       "recall", "precision"}  # fmt: skip


def rules(file: str, protocol: Protocol, around: Around) -> Iterator[Finding]:
    measurement = protocol.measurement
    yield from _metric(file, "/measurement/primaryMetric", measurement.primary_metric)
    seen = {measurement.primary_metric.name}
    for index, metric in enumerate(measurement.secondary_metrics):
        pointer = f"/measurement/secondaryMetrics/{index}"
        yield from _metric(file, pointer, metric)
        if metric.name in seen:
            yield error(
                "protocol-metric-twice",
                file,
                f"{pointer}/name",
                f"Two metrics are named {metric.name}.",
                "Give each a name of its own.",
            )
        seen.add(metric.name)


def _metric(file: str, pointer: str, metric: Metric) -> Iterator[Finding]:
    where = f"{pointer}/extract/pattern"
    try:
        compiled = compile_pattern(metric.extract.pattern)
    except PatternError as problem:
        yield error(
            "protocol-pattern",
            file,
            where,
            f"The pattern of {metric.name} cannot be used: {problem}.",
            f"Write one as {_suggested(metric.name)}",
        )
        return
    if compiled.groups != 1:
        what = (
            "no group: the whole match is read"
            if not compiled.groups
            else (f"{compiled.groups} groups: the first one is read")
        )
        yield warning(
            "protocol-pattern-groups",
            file,
            where,
            f"The pattern of {metric.name} has {what} as the number.",
            "Put the number into the one group; others can be written (?:…).",
        )
    try:
        yield from _example(file, pointer, metric)
        for text in _hostile(metric):
            find_all(metric.extract.pattern, text, SECONDS)
        if repeats_a_repeat(metric.extract.pattern):
            yield warning(
                "protocol-pattern-repeats",
                file,
                where,
                f"The pattern of {metric.name} repeats a repeat or a choice. It ends in time here; "
                "the engine of another program may never end on a long line.",
                f"Write one as {_suggested(metric.name)}",
            )
    except PatternTooSlow:
        yield error(
            "protocol-pattern-slow",
            file,
            where,
            f"The pattern of {metric.name} does not end within {SECONDS:g} s on a line that a "
            "try could print; it would hold the campaign up.",
            f"Do not repeat a repeat or a choice, as (a+)+. Write one as {_suggested(metric.name)}",
        )
    except PatternError as problem:
        yield error(
            "protocol-pattern",
            file,
            where,
            f"The pattern of {metric.name} cannot be used: {problem}.",
            f"Write one as {_suggested(metric.name)}",
        )
    yield from _direction(file, pointer, metric)


def _example(file: str, pointer: str, metric: Metric) -> Iterator[Finding]:
    text, where = metric.extract.example_stdout, f"{pointer}/extract/exampleStdout"
    if text is None:
        yield warning(
            "protocol-example-missing",
            file,
            where,
            f"{metric.name} has no example of an output, so its pattern was not tried.",
            "Add exampleStdout: what the command prints, as it prints it.",
        )
        return
    found = find_all(metric.extract.pattern, text, SECONDS)
    if not found:
        yield error(
            "protocol-example-unmatched",
            file,
            where,
            f"The pattern of {metric.name} finds nothing in its own example.",
            "Mend the pattern or the example. ^ and $ are the ends of a line.",
        )
    elif len(found) > 1:
        yield error(
            "protocol-example-twice",
            file,
            where,
            f"The pattern of {metric.name} matches its example {len(found)} times; which number "
            "counts?",
            "Begin the pattern with ^ and the name, so that only the final line matches.",
        )
    for one in found[:1]:
        if not _is_finite(one):
            yield error(
                "protocol-example-number",
                file,
                where,
                f"The pattern of {metric.name} finds {one!r} in its example, which is no finite "
                "number.",
                "Have the group hold the digits alone.",
            )


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text.replace(",", "")))
    except ValueError:
        return False


def _hostile(metric: Metric) -> Iterator[str]:
    """Texts on which a pattern that backtracks shows it: long runs of the characters that it and
    its example are made of, which nearly match."""
    lines = (metric.extract.example_stdout or "").splitlines()[:20]
    first = next((line for line in lines if _finds(metric, line)), "")
    yield "\n".join(lines) * 50
    if first:
        yield first + first[-1] * _LONG + "!"
        yield first + " " * _LONG + "!"
        yield (first + " ") * (_LONG // (len(first) + 1)) + "!"
    # re reads the pattern's classes as text here; what is wanted is its letters.
    signs = re.findall(r"[A-Za-z0-9]", re.sub(r"\\.", "", metric.extract.pattern))
    for sign in list(dict.fromkeys([*signs, "a", "0", " ", "-", "."]))[:24]:
        yield sign * _LONG + "!"


def _finds(metric: Metric, line: str) -> bool:
    return bool(find_all(metric.extract.pattern, line, SECONDS))


def _direction(file: str, pointer: str, metric: Metric) -> Iterator[Finding]:
    parts = set(re.split(r"[^a-z0-9]+", metric.name.lower()))
    down, up = parts & _DOWN, parts & _UP
    wrong = (down and not up and metric.direction == "maximize") or (
        up and not down and metric.direction == "minimize"
    )
    if wrong:
        better, verb = ("smaller", "minimize") if down else ("larger", "maximize")
        yield warning(
            "protocol-direction",
            file,
            f"{pointer}/direction",
            f"{metric.name} is to {metric.direction}, though of such a number the {better} one is "
            "usually the better.",
            f'Write "{verb}" if that is what is meant.',
        )


def _suggested(name: str) -> str:
    return rf"^{re.escape(name)}:\s+([0-9]+(?:\.[0-9]+)?)"
