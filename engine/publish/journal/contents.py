"""A run's records as the journal needs them: without the searches that a validation makes."""

from __future__ import annotations

from pathlib import Path

from engine.checks.contents import MODELS, RunContents
from engine.checks.documents import read_document
from engine.checks.finding import Finding, Severity
from engine.checks.reading import load_rows
from engine.records.evaluation import EvalResult


def read_run(path: Path) -> RunContents:
    """The records and rows of a run folder; events, leakage and what lies outside are not looked
    at. OSError where the folder cannot be listed."""
    names = frozenset(entry.name for entry in path.iterdir())
    evals = sorted(name for name in names if name.startswith("eval-") and name.endswith(".json"))
    models = MODELS | dict.fromkeys(evals, EvalResult)
    documents = {
        name: read_document(path, name, model) for name, model in models.items() if name in names
    }
    bare = RunContents(path.name, names, documents)
    problems: list[Finding] = []
    rows = load_rows(path, bare.evals, problems)
    return RunContents(path.name, names, documents, rows, problems=tuple(problems))


def unreadable(contents: RunContents) -> list[str]:
    """What of a run cannot be read, a sentence each."""
    found = [
        problem.message
        for document in contents.documents.values()
        for problem in document.problems
        if problem.severity is Severity.ERROR
    ]
    return found + [one.message for one in contents.problems]
