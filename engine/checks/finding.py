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
    itself); ``pointer`` is a JSON pointer into it ("" for the whole); ``fix`` says what to do;
    ``line`` is the line, from 1, in files that are no JSON record, 0 where it is about none."""

    rule: str
    severity: Severity
    file: str
    pointer: str
    message: str
    fix: str
    line: int = 0

    def to_json(self) -> dict[str, str | int]:
        """As ``factory-tui validate --json`` prints it; ``line`` only where there is one."""
        found = {key: str(value) for key, value in asdict(self).items() if key != "line"}
        return {**found, "line": self.line} if self.line else {**found}


def error(rule: str, file: str, pointer: str, message: str, fix: str, line: int = 0) -> Finding:
    return Finding(rule, Severity.ERROR, file, pointer, message, fix, line)


def warning(rule: str, file: str, pointer: str, message: str, fix: str, line: int = 0) -> Finding:
    return Finding(rule, Severity.WARNING, file, pointer, message, fix, line)


def info(rule: str, file: str, pointer: str, message: str, fix: str, line: int = 0) -> Finding:
    return Finding(rule, Severity.INFO, file, pointer, message, fix, line)
