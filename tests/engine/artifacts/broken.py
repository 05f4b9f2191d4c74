"""Broken artifacts: what is changed in the whole one, and the findings that this gives alone."""

from __future__ import annotations

from typing import NamedTuple


class Broken(NamedTuple):
    """``old`` becomes ``new`` in the text. ``rule`` is what must be said, ``also`` what else is."""

    name: str
    old: str
    new: str
    rule: str
    also: frozenset[str] = frozenset()


def _also(*rules: str) -> frozenset[str]:
    return frozenset(rules)


_GOLD = (
    "{value: 0.95, unit: share, n: 40, record: runs/2026-11-20-router/eval-candidate.json#/score}"
)
_HEADLINE = f"headline: {_GOLD}"
_RUN = "runs: [2026-11-20-router]"
_THEIRS = '    setup: {suite: router-gold, suite_sha256: "'
_OURS = '    ours_setup: {suite: router-gold, suite_sha256: "'
_BETTER = "readout: Better by 75 points on the same 40 rows."
_SUMMARY = "Routes a sentence to a command."

PARTS = [
    Broken("no type", "type: Routed specialist\n", "", "part-missing"),
    Broken("no public value", "public_value: Shows a narrow specialist with what it cost.\n", "",
           "part-missing"),
    Broken("an empty public value", "Shows a narrow specialist with what it cost.", "TODO say it",
           "part-missing"),
    Broken("nothing to publish", "publishable_now:\n  - The card, the prompt and the report.\n",
           "publishable_now: []\n", "part-missing"),
    Broken("no next action", "next_action: Host the weights.", 'next_action: ""', "part-missing"),
    Broken("no licence", "licence: Apache-2.0\n", "", "part-missing"),
    Broken("no headline", _HEADLINE, "headline: null", "part-missing"),
    Broken("a headline of nothing", "headline_label: of the sentences right, from 0.2\n", "",
           "headline-label"),
    Broken("a data set without a licence", "    licence: CC0-1.0\n", "", "data-licence"),
    Broken("a data set from nowhere", "    provenance: Written for this target.\n", "",
           "data-provenance"),
    Broken("a blocker that asks nothing", "    unblock: Choose one.", "    unblock: tbd",
           "blocker-open"),
    Broken("costs that are not recorded", "cells: [{value: 900, unit: tok/s, record: "
           "runs/2026-11-20-router/eval-candidate.json#/tokens_per_second}]", "cells: [{}]",
           "performance-empty"),
]  # fmt: skip

STATES = [
    Broken("a state out of order", "previous_state: candidate-current-best",
           "previous_state: parked", "state-move"),
    Broken("a ship without a package", "package: specialists/router\n", "", "release-package"),
    Broken("a package that is not there", "package: specialists/router",
           "package: specialists/other", "package-missing"),
    Broken("a package elsewhere", "package: specialists/router", "package: ../specialists/router",
           "package-path"),
    Broken("a ready state of a rejected run", _RUN, "runs: [2026-11-19-router]", "release-ship",
           _also("outcome-differs", "breadth-hidden")),
    Broken("an outcome that the decision does not say", "outcome: routed", "outcome: shipped",
           "outcome-differs", _also("routing-outcome")),
    Broken("an outcome that is hidden by the state", "outcome: routed", "outcome: rejected",
           "outcome-state", _also("outcome-differs")),
    Broken("ready and undecided", "outcome: routed", "outcome: undecided", "outcome-state",
           _also("outcome-differs")),
    Broken("routed to nowhere", "routing: Sentences that ask for one command.\n", "",
           "routing-missing"),
    Broken("a run that is not there", _RUN, "runs: [2026-11-20-router, 2026-01-01-gone]",
           "run-missing"),
    Broken("a run that is a path", _RUN, "runs: [2026-11-20-router, ../../etc]", "run-missing"),
    Broken("an attempt of no run", "run: 2026-11-19-router", "run: 2020-01-01-lost", "run-missing"),
    Broken("a run of another target", "target: router", "target: pilot", "run-target"),
]  # fmt: skip

NUMBERS = [
    Broken("a number that is no longer the record's", "headline: {value: 0.95",
           "headline: {value: 0.96", "number-differs"),
    Broken("a number with more digits than are right", "headline: {value: 0.95",
           "headline: {value: 0.951", "number-differs"),
    Broken("rows that are not the record's", _HEADLINE, _HEADLINE.replace("n: 40", "n: 400"),
           "number-differs"),
    Broken("a number from nowhere", _HEADLINE, "headline: {value: 0.95, unit: share, n: 40}",
           "number-unlinked"),
    Broken("a number in a text", _HEADLINE, 'headline: {value: "0.95"}', "number-unlinked"),
    Broken("measured and historical", _HEADLINE, _HEADLINE[:-1] + ", historical: true}",
           "number-twice"),
    Broken("a record that is not there", _HEADLINE,
           _HEADLINE.replace("eval-candidate", "eval-second"), "record-missing"),
    Broken("a pointer to nothing", _HEADLINE, _HEADLINE.replace("#/score", "#/scores"),
           "record-missing"),
    Broken("a record outside", _HEADLINE,
           "headline: {value: 0.95, unit: share, n: 40, record: ../../../etc/passwd#/x}",
           "record-missing"),
    Broken("per cent as a share", _HEADLINE,
           "headline: {value: 95, unit: share, n: 40, historical: true}", "number-unit"),
    Broken("a range upside down", "score: {value: 97.5, unit", "score: {value: 97.5, high: 9, unit",
           "number-range"),
    Broken("an interval elsewhere", "{value: 0.922, unit: share",
           "{value: 0.922, interval: [0.1, 0.3], unit: share", "number-interval"),
    Broken("a share of nobody knows how many", "cells: [{value: 0.9, unit: share, n: 40,",
           "cells: [{value: 0.9, unit: share,", "number-uncounted"),
    Broken("a row short of a cell", "columns: [Base, Specialist]", "columns: [Base, S, More]",
           "table-columns"),
]  # fmt: skip

_SETUP = "{suite: pilots, rows: 64, scorer: exact match, metric: exact match, prompt: none}"
_ACME = f"    setup: {_SETUP}\n"
_OUR_ACME = f"    ours_setup: {_SETUP}\n"


def _other(name: str, setup: str, old: str, new: str, rule: str) -> Broken:
    return Broken(name, setup, setup.replace(old, new), rule)


DIRECT = [
    Broken("a hash that is none", _THEIRS, _THEIRS + "0000", "artifact-form"),
    Broken("no hash of the fixture", _OURS, _OURS.replace("suite_sha256: ", "digest: "),
           "direct-suite-sha256", _also("key-unknown")),
    _other("two suites", _ACME, "suite: pilots", "suite: planes", "direct-suite"),
    _other("two counts of rows", _ACME, "rows: 64", "rows: 65", "direct-rows"),
    _other("two scorers", _OUR_ACME, "scorer: exact match", "scorer: contains", "direct-scorer"),
    _other("two metrics", _OUR_ACME, "metric: exact match", "metric: F1", "direct-metric"),
    _other("two prompts", _OUR_ACME, "prompt: none", "prompt: five examples", "direct-prompt"),
    Broken("no setup", _ACME, "", "direct-setup"),
    Broken("no score of ours", "    ours: {value: 0.922, unit: share, n: 64, historical: true}\n",
           "", "direct-score"),
    Broken("two units", "ours: {value: 0.922, unit: share", "ours: {value: 92.2, unit: percent",
           "direct-score"),
    Broken("another p", "p: 1.86e-09", "p: 1.86e-12", "direct-p"),
    Broken("a p that cannot be", "    readout: Three points on 64",
           "    p: 0.001\n    readout: Three points on 64", "direct-p"),
    Broken("a p that nobody can check", "    readout: Three points on 64",
           "    p: 0.6\n    readout: Three points on 64", "direct-p-unchecked"),
    Broken("a score of other rows", "score: {value: 0.891, unit: share, n: 64",
           "score: {value: 0.891, unit: share, n: 640", "direct-rows"),
    Broken("noise that is not said", "Three points on 64 rows are within the noise.",
           "Three points more on the same 64 rows.", "noise-unsaid"),
    Broken("directional without why", "    readout: Another suite of the same kind.\n", "",
           "context-why"),
    Broken("a source that is none", "source: Acme\n  - system: Globex",
           "source: Rumour\n  - system: Globex", "source-unknown"),
]  # fmt: skip

CLAIMS = [
    Broken("a win over a directional row", _SUMMARY, f"{_SUMMARY} It beats Globex Router-70B.",
           "claim-not-direct"),
    Broken("a win within the noise", _SUMMARY, f"{_SUMMARY} It outperforms Acme Pilot-7B.",
           "claim-noise"),
    Broken("a win over nobody", "Shows a narrow specialist with what it cost.",
           "The best router there is.", "claim-unnamed"),
    Broken("a win in a table", "cells: [{value: 900, unit: tok/s, record: "
           "runs/2026-11-20-router/eval-candidate.json#/tokens_per_second}]",
           "cells: [{value: outperforms Globex}]", "claim-not-direct"),
    Broken("points over", "next_action: Host the weights.",
           "next_action: Tell that it has +2 points over Acme.", "claim-noise"),
    Broken("a win in a readout", "readout: Another suite of the same kind.",
           "readout: Another suite, and we surpass it.", "claim-not-direct"),
    Broken("a win that the numbers turn round", _BETTER,
           "readout: Tiny base beats the specialist.", "claim-reversed"),
]  # fmt: skip

PLACES = [
    Broken("a script as a link", "href: https://example.org/code", "href: javascript:alert(1)",
           "link-refused"),
    Broken("data as a link", "href: https://example.org/code", 'href: "data:text/html,<b>x</b>"',
           "link-refused", _also("text-markup")),
    Broken("a file as a link", "href: https://example.org/code", "href: file:///etc/passwd",
           "link-refused", _also("text-private")),
    Broken("a password in a link", "href: https://example.org/code",
           "href: https://user:pass@example.org/code", "link-refused", _also("text-secret")),
    Broken("a link without a scheme", "href: https://example.org/code", "href: //example.org/code",
           "link-refused"),
    Broken("a path that is dead", "href: https://example.org/code", "href: runs/none/report.md",
           "path-missing"),
    Broken("a path that goes up", "href: https://example.org/code", "href: ../elsewhere.md",
           "path-outside"),
    Broken("a path from the root", "href: https://example.org/code", "href: /etc/passwd",
           "path-outside", _also("text-private")),
]  # fmt: skip

TEXTS = [
    Broken("somebody's home", _SUMMARY, f"{_SUMMARY} See /Users/ada/models.", "text-private"),
    Broken("another home", _SUMMARY, f"{_SUMMARY} See /home/ada/models.", "text-private"),
    Broken("a home on Windows", _SUMMARY, rf"{_SUMMARY} See C:\Users\ada\models.", "text-private"),
    Broken("a cache", _SUMMARY, f"{_SUMMARY} See ~/.cache/models.", "text-private"),
    Broken("a home in a comment", "runs: [", "# from /home/ada/notes\nruns: [", "text-private"),
    Broken("a key", _SUMMARY, f"{_SUMMARY} hf_{'a' * 34}", "text-secret"),
    Broken("a key in a comment", "runs: [", f"# sk-{'a' * 40}\nruns: [", "text-secret"),
    Broken("a control character", "title: A router of sentences", 'title: "A \\x1b[31mrouter"',
           "text-control"),
    Broken("letters that are not shown", "title: A router of sentences", 'title: "A \\u202erouter"',
           "text-control"),
    Broken("a script", _SUMMARY, f"{_SUMMARY} <script>alert(1)</script>", "text-markup"),
    Broken("a megabyte", "title: A router of sentences", f"title: {'A' * 1_000_000}", "text-long"),
    Broken("a key nobody knows", "limits:\n", "limitz:\n", "key-unknown", _also("breadth-unsaid")),
    Broken("another id", "id: router", "id: pilot", "artifact-id"),
]  # fmt: skip

FORM = [
    Broken("a state that is none", "state: release-ready-metadata", "state: done", "artifact-form"),
    Broken("no outcome", "outcome: routed\n", "", "artifact-form"),
    Broken("an id that is a path", "id: router", "id: ../router", "artifact-form"),
    Broken("not a number", "headline: {value: 0.95", "headline: {value: .nan", "artifact-yaml"),
    Broken("infinity", "headline: {value: 0.95", "headline: {value: 1e999", "artifact-form"),
    Broken("a key twice", "licence: Apache-2.0", "licence: Apache-2.0\nlicence: MIT",
           "artifact-yaml"),
    Broken("an alias", "licence: Apache-2.0", "licence: &a Apache-2.0\nextra: [*a, *a]",
           "artifact-yaml"),
    Broken("an object", "licence: Apache-2.0", "licence: !!python/object/apply:os.system [ls]",
           "artifact-yaml"),
    Broken("cut off", "licence: Apache-2.0", "licence: [Apache", "artifact-yaml"),
    Broken("two documents", "licence: Apache-2.0", "---\nlicence: Apache-2.0", "artifact-yaml"),
]  # fmt: skip

ALL = [*PARTS, *STATES, *NUMBERS, *DIRECT, *CLAIMS, *PLACES, *TEXTS, *FORM]
