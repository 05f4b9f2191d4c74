"""Makes a workspace out of a directory."""

from __future__ import annotations

from pathlib import Path

from engine.workspace import Workspace

SETTINGS = """\
# The settings of this workspace. All of them may be left out; what stands here is the default.

[supervisor]
# interrupt_s = 10.0    # seconds between SIGINT and SIGTERM when a stage is stopped
# terminate_s = 5.0     # seconds between SIGTERM and SIGKILL

[bench]
# proceed_s = 5.0       # seconds of a training iteration up to which the verdict is "proceed",
# usable_s = 30.0       # "usable",
# too_slow_s = 60.0     # "slow"; above it is "choose a smaller model"

[screen]
# theme = "factory"     # factory-light, factory-contrast, factory-colour-blind, nord, …
# notify = "auto"       # auto, bell, osc9, osc777, osascript, off: how an end of a run is called
# title = true          # progress in the terminal's title

[keys]
# "live.axis" = "x"     # the names of the actions are in docs/keys.md
"""


def found(directory: Path) -> Workspace:
    """The workspace in ``directory``: what it lacks is made, what is there is kept as it is.

    OSError where the directory cannot be made or written.
    """
    workspace = Workspace(directory)
    for folder in (workspace.runs_dir, workspace.targets_dir):
        folder.mkdir(parents=True, exist_ok=True)
    settings = workspace.path / "factory.toml"
    try:
        with settings.open("x", encoding="utf-8") as file:
            file.write(SETTINGS)
    except FileExistsError:
        return workspace
    return workspace
