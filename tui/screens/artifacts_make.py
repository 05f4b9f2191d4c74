"""What a decided run becomes for others: a public artifact, a package. From any screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.workspace import Workspace
from tui.acting import ask, at_work, attempt, hand_over, say, still_at
from tui.screens.ask_text import AskText
from tui.screens.base import RoomScreen
from tui.views.cells import Cell
from tui.views.plain import plain
from tui.widgets.confirm import Confirm
from tui.widgets.tones import lines, paint

if TYPE_CHECKING:
    from engine.records.public import PublicArtifact

AT = "artifacts.at"
"""The file of the artifact at the cursor, as it is remembered."""

Done = Callable[[str], object]
"""What is done with the name of a new file."""


def make_artifact(screen: RoomScreen, run: Path, done: Done | None = None) -> None:
    """Make a public artifact of a run, under an id that is asked for; then ``done``, which without
    one shows it among the others."""
    place = Workspace(screen.factory.workspace)

    def read() -> None:
        from engine.artifacts.making import artifact_of

        found: list[PublicArtifact] = []
        if attempt(screen, lambda: found.append(artifact_of(place, run)), ""):
            hand_over(screen, name_it, found[0])

    def name_it(artifact: PublicArtifact) -> None:
        from engine.artifacts.writing import as_yaml

        def text_of(name: str) -> str:
            above = f"Made from the run {run.name}. What is blank or says TODO is for you to write."
            return as_yaml(artifact.model_copy(update={"id": name}), above)

        ask_id(
            screen,
            f"A public artifact of {plain(run.name)}",
            "Its numbers point at the run's records; what is blank is for you to write.",
            artifact.id,
            text_of,
            done or (lambda name: show_artifact(screen, name)),
        )

    if not at_work(screen, "make"):
        screen.run_worker(read, thread=True, group="make")


def ask_id(
    screen: RoomScreen,
    title: str,
    detail: str,
    proposed: str,
    text_of: Callable[[str], str],
    done: Done,
) -> None:
    """Ask for the id of a new artifact, write its file, then ``done``."""
    from engine.artifacts.registry import RegistryError, artifact_path, write_new

    place = Workspace(screen.factory.workspace)

    def problem(name: str) -> str | None:
        try:
            path = artifact_path(place, name)
        except RegistryError as error:
            return str(error)
        taken = path.exists() or path.is_symlink()
        return f"artifacts/{path.name} is there already. Choose another id." if taken else None

    def free(name: str) -> str:
        names = (f"{name[:76]}-{number}" for number in range(2, 100))
        return name if problem(name) is None else next(filter(lambda n: not problem(n), names), "")

    def write(name: str) -> None:
        if attempt(screen, lambda: write_new(place, name, text_of(name)), ""):
            screen.app.call_from_thread(done, f"artifacts/{name}.yaml")

    def answered(name: str | None) -> None:
        if name:
            screen.run_worker(lambda: write(name), thread=True, group="make")

    said = lines([paint(detail), paint(Cell("Its id is the name of its file and page.", "muted"))])
    ask(
        screen,
        AskText(title, said, free(proposed) if proposed else "", check=problem, placeholder="id"),
        answered,
    )


def show_artifact(screen: RoomScreen, name: str) -> None:
    """Go to an artifact in its own screen."""
    screen.factory.remembered.put(AT, name)
    screen.factory.show("artifacts")
    say(screen, f"{name} is written. What it lacks stands in its findings (f).")


def make_package_of(screen: RoomScreen, run: Path, *, force: bool = False) -> None:
    """Make specialists/<id> of a shipped run; asks before it replaces what a person wrote."""
    place = Workspace(screen.factory.workspace)
    heard: list[str] = []
    refused: list[tuple[str, bool]] = []

    def make() -> None:
        from engine.publish.package.making import PackageError, make_package

        made: list[Path] = []

        def try_it() -> None:
            try:
                made.append(make_package(place, run, force=force, heard=heard.append))
            except PackageError as error:
                refused.append((" ".join(error.reasons), error.forcible))

        attempt(screen, try_it, "")
        if made:
            told = " ".join([f"{place.relative(made[0])} is made.", *heard])
            screen.app.call_from_thread(say, screen, told)
        elif refused:
            screen.app.call_from_thread(refuse, *refused[0])

    def refuse(reasons: str, forcible: bool) -> None:
        if not forcible or force:
            say(screen, reasons, "error")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                make_package_of(screen, run, force=True)

        question = f"Make the package of {plain(run.name)} all the same?"
        if not ask(screen, Confirm(question, plain(reasons), "Replace it"), answered):
            say(screen, reasons, "error")

    if still_at(screen, "A package is still being made.", "package"):
        return
    say(screen, f"{run.name} is being packaged …")
    screen.run_worker(make, thread=True, group="package")
