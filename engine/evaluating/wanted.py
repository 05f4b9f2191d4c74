"""What a person names → the suites to evaluate: a suite file, or the suites of a target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from engine.answers.target_suites import (
    DEFAULT_SCORER,
    SCORER,
    SYSTEM_PROMPT,
    read_suites,
    system_prompt,
)
from engine.evaluating.marking import GIVES
from engine.judge.suites import Suite, SuiteError, load_suite
from engine.records.evaluation import Direction
from engine.target import Target, TargetError, load_target
from engine.workspace import Workspace, WorkspaceError

MAX_NEW_TOKENS = 256


class WantedError(Exception):
    """What was named is no suite and no target; the text says what to do."""


@dataclass(frozen=True, slots=True)
class WantedSuite:
    """A suite to evaluate. ``home`` is its target's folder, or the folder that it lies in.

    ``of`` is how many examples the file has, where fewer are wanted.
    """

    suite: Suite
    path: Path
    home: Path
    role: Literal["primary", "regression"] = "primary"
    has_system_prompt: bool = False
    server: bool | None = None
    exact: bool = False
    of: int | None = None

    @property
    def scorer_file(self) -> Path:
        return self.home / SCORER

    @property
    def system_prompt_file(self) -> str | None:
        """The text file that an evaluation puts before each prompt, relative to ``home``."""
        return SYSTEM_PROMPT if self.has_system_prompt else None

    @property
    def note(self) -> str | None:
        """What a record says of examples that were left out."""
        if self.of is None:
            return None
        return f"The first {len(self.suite.examples)} of {self.of} examples."

    def first(self, rows: int | None) -> WantedSuite:
        """Only the first so many examples."""
        every = self.suite.examples
        if rows is None or rows >= len(every):
            return self
        return replace(self, suite=replace(self.suite, examples=every[:rows]), of=len(every))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was named, and how its answers are wanted."""

    name: str
    suites: tuple[WantedSuite, ...]
    max_new_tokens: int = MAX_NEW_TOKENS
    forbidden: tuple[str, ...] = ()
    target: Target | None = None


def wanted(
    named: str,
    workspace: Workspace | None,
    suite: str | None = None,
    scorer: str | None = None,
    direction: Direction | None = None,
) -> Wanted:
    """A suite file, or a target's suites but the sealed one (all, or the one called ``suite``).

    WantedError for what is neither, and for a suite that cannot be used.
    """
    path = Path(named)
    if path.is_file() and path.name != "forge.yaml":
        if suite is not None:
            raise WantedError("--suite names a suite of a target; a file is one suite.")
        return _of_file(path, scorer, direction)
    if scorer is not None or direction is not None:
        raise WantedError("A target says itself how its suites are scored; leave --scorer out.")
    return _of_target(_target(named, workspace), suite)


def _target(named: str, workspace: Workspace | None) -> Target:
    if workspace is None and not (Path(named) / "forge.yaml").is_file():
        raise WantedError(
            f"{named} is neither a suite file nor a target, and no workspace is here."
        )
    try:
        return load_target(workspace.target_path(named) if workspace else Path(named))
    except WorkspaceError as error:
        raise WantedError(f"There is no suite file {named}. {error}") from error
    except TargetError as error:
        raise WantedError(str(error)) from error


def _of_target(target: Target, only: str | None) -> Wanted:
    forge = target.forge
    names = [ref.name for ref in target.suites]
    if only is not None and only not in names:
        sealed = forge.factory.suites.sealed
        if sealed is not None and sealed.name == only:
            raise WantedError(_SEALED.format(only))
        raise WantedError(f"{target.name} has no suite {only}; it has {', '.join(names)}.")
    found, troubles = read_suites(target, GIVES)
    if troubles:
        raise WantedError("\n".join(troubles))
    prompt = system_prompt(target)
    suites = tuple(
        WantedSuite(
            one.suite,
            one.path,
            target.path,
            "regression" if number else "primary",
            number == 0 and prompt is not None,
            one.ref.server,
            one.ref.exact,
        )
        for number, one in enumerate(found)
        if only in (None, one.ref.name)
    )
    return Wanted(
        target.name,
        suites,
        forge.eval.max_new_tokens,
        tuple(forge.eval.forbidden_commands),
        target,
    )


_SEALED = "{} is sealed: it is opened once, for a final candidate (factory-tui unseal)."


def _of_file(path: Path, scorer: str | None, direction: Direction | None) -> Wanted:
    path = path.resolve()
    home = next((one for one in path.parents if (one / "forge.yaml").is_file()), None)
    if home is not None:
        _refuse_sealed(home, path)
    try:
        suite = load_suite(path, None, scorer, direction, gives=GIVES, otherwise=DEFAULT_SCORER)
    except SuiteError as error:
        raise WantedError(str(error)) from error
    name = suite.name if suite.name != path.name else path.stem
    return Wanted(name, (WantedSuite(replace(suite, name=name), path, home or path.parent),))


def _refuse_sealed(home: Path, path: Path) -> None:
    try:
        target = load_target(home)
        sealed = target.forge.factory.suites.sealed
        if sealed is not None and target.file(sealed.file) == path:
            raise WantedError(_SEALED.format(sealed.name))
    except TargetError:
        return  # a target that cannot be read seals nothing that it could open
