"""Who plans for a flywheel and who writes its rows, from what a person said."""

from __future__ import annotations

from engine.serving.endpoint import EndpointError, address_of, is_loopback, key_of
from engine.target import Target
from engine.teaching.errors import TeachingError
from engine.teaching.keys import environment
from engine.teaching.naming import TeacherSpec, spec_for
from engine.teaching.tasks import Brief
from engine.workspace import Workspace

SETTINGS = "settings"
"""The planner that is built in."""

GENERATOR = "generator"
"""Rows come from the target's own generator."""

TEACHER = "teacher"
"""The one that forge.yaml names: flywheel.planner_model, flywheel.datagen_model."""

NOBODY = "none"
"""Nobody writes rows."""


def planner_of(target: Target, wanted: str | None, workspace: Workspace) -> str:
    """Who plans, from what a person said; TeachingError for a teacher that cannot be asked."""
    if wanted in (None, SETTINGS):
        return SETTINGS
    name = target.forge.flywheel.planner_model if wanted == TEACHER else str(wanted)
    return _askable(name, target, workspace).name


def writer_of(target: Target, wanted: str | None, workspace: Workspace) -> str | None:
    """Who writes rows, None for nobody; TeachingError for one that cannot.

    Left open, it is the target's generator; where there is none, the teacher that forge.yaml names,
    if a key for it is there or it is on this machine: nothing is sent to an address that nobody
    here chose.
    """
    has_generator = target.forge.factory.data.generator is not None
    named = target.forge.flywheel.datagen_model
    if wanted is None:
        return GENERATOR if has_generator else _usual(named, target, workspace)
    if wanted == NOBODY:
        return None
    if wanted == GENERATOR:
        if not has_generator:
            raise TeachingError(
                "The target has no generator (factory.data.generator in forge.yaml): name a "
                "teacher, or none.",
                "name",
            )
        return GENERATOR
    _scorer_of(target).check_writable()
    return _askable(named if wanted == TEACHER else wanted, target, workspace).name


def _usual(name: str, target: Target, workspace: Workspace) -> str | None:
    try:
        _scorer_of(target).check_writable()
        spec = _askable(name, target, workspace)
    except TeachingError:
        return None
    ours = spec.key_variable is not None or is_loopback(address_of(spec.endpoint).host)
    return spec.name if ours else None


def _scorer_of(target: Target) -> Brief:
    return Brief(scorer=target.primary.scorer or target.forge.eval.scorer)


def _askable(name: str, target: Target, workspace: Workspace) -> TeacherSpec:
    """Who that is; TeachingError where nobody is called that, or its key is missing. Nothing is
    sent."""
    spec = spec_for(name, workspace)
    try:
        key_of(spec.endpoint, address_of(spec.endpoint), environment(target.path))
    except EndpointError as error:
        raise TeachingError(f"{error} Or put it into the target's .env.", "key") from error
    return spec
