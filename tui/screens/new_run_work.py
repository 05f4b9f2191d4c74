"""What New run does in threads: reads targets, plans, looks ahead, starts. No widget in here."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.costs.benching import PLACE
from engine.costs.forecast import Lengths, Outlook, look_ahead
from engine.folder import FolderError
from engine.helper import HelperError, HelperStopped
from engine.models import ModelOnDisk, cached_models, models_here
from engine.plans.base_score import known_base_score
from engine.plans.data_check import CheckStopped, DataCheck, check_data
from engine.plans.data_lengths import TokenCount, count_tokens
from engine.plans.planning import Draft, draft
from engine.plans.programs import Program, agree_to
from engine.plans.starting import NotAgreed, StartError, start_draft
from engine.plans.train_settings import train_spec
from engine.records.plan import Plan
from engine.records.run import RunConfig
from engine.secrecy import key_names
from engine.supervise.queue import state
from engine.target import Target, TargetError, load_target
from engine.workspace import Workspace, WorkspaceError


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: the input of a draft."""

    target: Path
    overrides: tuple[str, ...]
    seed: int | None
    parent: str | None
    hypothesis: str | None = None
    seeds: int = 1


@dataclass(frozen=True, slots=True)
class Parent:
    """The run that the new one follows: its settings, and its target's folder name."""

    run_id: str
    config: RunConfig
    target: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A wish that was planned: the draft, or what is wrong with it."""

    draft: Draft | None
    problem: str = ""
    base_score: float | None = None
    """What the base model scores on the primary suite, where an earlier run measured it."""


def read_parent(workspace: Workspace, run_id: str | None) -> Parent | None:
    """The run that is followed; None where there is none, or its files cannot be read."""
    if run_id is None:
        return None
    try:
        folder = workspace.run(run_id)
        config = folder.read("config.json", RunConfig)
        plan = folder.read_optional("plan.json", Plan)
    except (FolderError, WorkspaceError, OSError, ValueError):
        return None
    name = (workspace.path / plan.target_dir).name if plan else config.target
    return Parent(run_id, config, name)


def find_models(workspace: Workspace) -> tuple[list[ModelOnDisk], str]:
    """The models of the workspace and of the hub's cache, and what could not be read."""
    found, problem = models_here(workspace.path, workspace.bases_dir), ""
    try:
        found += cached_models()
    except OSError as error:
        problem = f"The hub's cache cannot be read: {error.strerror or error}."
    return found, problem


def plan(workspace: Workspace, wish: Wish) -> Planned:
    """Draft what is asked for; what is wrong is said in sentences."""
    try:
        drafted = _draft(workspace, wish)
        return Planned(drafted, "", known_base_score(workspace.runs_dir, drafted.config))
    except TargetError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{error.filename or wish.target} cannot be read: {error.strerror}."
    except ValueError as error:
        problem = f"A setting has a value that it cannot have: {error}."
    return Planned(None, problem)


def _draft(workspace: Workspace, wish: Wish, further: int = 0) -> Draft:
    seed = wish.seed
    if further:
        first = load_target(wish.target, wish.overrides).forge.training.seed
        seed = (first if seed is None else seed) + further
    return draft(workspace, wish.target, wish.overrides, seed, wish.parent, wish.hypothesis)


def train_settings(target: Target) -> dict[str, object] | None:
    """What a training of the target would be set to; None where its settings do not allow one."""
    try:
        return train_spec(target, "", target.forge.training.seed)
    except (TargetError, OSError):
        return None


def commands(drafted: Draft, seeds: int) -> list[str]:
    """The command lines that make the same runs."""
    first = int(drafted.config.seed or 0)
    found = []
    for further in range(seeds):
        words = list(drafted.command)
        words[words.index("--seed") + 1] = str(first + further)
        found.append(shlex.join(words))
    return found


def look_at_data(target: Target, stopped: Callable[[], bool]) -> DataCheck | None:
    """The target's data; None where nobody wants to know any more."""
    try:
        return check_data(target, stopped)
    except CheckStopped:
        return None


def count(
    workspace: Workspace,
    target: Target,
    check: DataCheck,
    model: ModelOnDisk,
    heard: Callable[[TokenCount], None],
    stopped: Callable[[], bool],
) -> tuple[TokenCount | None, str]:
    """The tokens of the training file, or why they cannot be counted; neither when stopped."""
    file = check.canonical.path if check.canonical else None
    if file is None:
        return None, ""
    if not model.has_tokenizer:
        return None, "the model has no tokenizer beside its weights"
    try:
        names = key_names(workspace.path)
        return count_tokens(target, file, model, heard, stopped, named=names), ""
    except HelperStopped:
        return None, ""
    except HelperError as error:
        return None, f"the tokenizer cannot count them: {error}"


def lengths_of(check: DataCheck | None, counted: TokenCount | None) -> Lengths | None:
    """What is known of the rows that are trained on, the best first."""
    if counted is not None and counted.lengths is not None:
        return counted.lengths
    rows = check.canonical if check else None
    if rows is None or not rows.usable:
        return None
    return Lengths(rows.tokens / rows.usable, rows.longest, "characters")


def outlook(
    workspace: Workspace, drafted: Draft, check: DataCheck | None, counted: TokenCount | None
) -> Outlook | None:
    """What the run would cost; None where the files that say so cannot be read."""
    try:
        return look_ahead(workspace, drafted, lengths_of(check, counted))
    except OSError:
        return None


def start_all(
    workspace: Workspace, wish: Wish, agreed: Sequence[Program] = ()
) -> tuple[list[str], str]:
    """Make and start the runs of a wish, one a seed. The runs that started, and what went wrong.
    ``agreed`` are programs of the target that were shown and agreed to.

    The first one takes the accelerator, or its place in line behind what runs already; the others
    stand behind it. NotAgreed, with nothing started, where the target's programs are to be agreed
    to first.
    """
    started: list[str] = []
    try:
        agree_to(workspace, agreed)
        for further in range(wish.seeds):
            drafted = _draft(workspace, wish, further)
            started.append(start_draft(workspace, drafted).run_id)
    except NotAgreed:
        raise
    except (TargetError, StartError) as error:
        return started, str(error)
    except OSError as error:
        return started, f"{error.filename or 'A file'}: {error.strerror or error}."
    return started, ""


def queue_words(workspace: Workspace) -> tuple[str, int]:
    """Who has the accelerator, in words, and how many runs a new one would stand behind."""
    now = state(workspace.path)
    ahead = len(now.waiting) + (now.owner is not None)
    if not ahead:
        return "the accelerator is free: it starts at once", 0
    name = "" if now.owner is None else now.owner.run_id
    name = "a benchmark" if name == PLACE else name
    owner = f"{name} has the accelerator" if name else "the accelerator is free"
    waiting = len(now.waiting)
    line = "" if not waiting else f", {waiting} {'waits' if waiting == 1 else 'wait'}"
    return f"{owner}{line}: this one would be number {ahead}", ahead


def named(model: ModelOnDisk, drafted: Draft) -> ModelOnDisk:
    """The model with the name that records of this run have for it."""
    return replace(model, id=drafted.config.base_model.id)
