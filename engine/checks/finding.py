"""What a rule says: one finding."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error makes a folder invalid; a warning needs a look; an info only says how things are."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """``rule`` is a stable name; ``file`` is relative to the run folder ("" for the folder
    itself); ``pointer`` is a JSON pointer into it ("" for the whole); ``fix`` says what to do."""

    rule: str
    severity: Severity
    file: str
    pointer: str
    message: str
    fix: str

    def to_json(self) -> dict[str, str]:
        """As ``factory-tui validate --json`` prints it."""
        return {key: str(value) for key, value in asdict(self).items()}


def error(rule: str, file: str, pointer: str, message: str, fix: str) -> Finding:
    return Finding(rule, Severity.ERROR, file, pointer, message, fix)


def warning(rule: str, file: str, pointer: str, message: str, fix: str) -> Finding:
    return Finding(rule, Severity.WARNING, file, pointer, message, fix)


def info(rule: str, file: str, pointer: str, message: str, fix: str) -> Finding:
    return Finding(rule, Severity.INFO, file, pointer, message, fix)
