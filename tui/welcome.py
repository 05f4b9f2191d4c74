"""The first start: where there is no workspace yet, this finds one to open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.lookout import short_path
from tui.styles import style_paths
from tui.theme import THEMES, variables_for
from tui.views.plain import plain
from tui.widgets.top_bar import TopBar

SAMPLES = "factory-samples"
"""The directory that the samples are copied to, below the one that was open."""

_LADDER = "target → plan → training → evaluation → your decision"


@dataclass(frozen=True, slots=True)
class Opening:
    """What to open: a workspace, and whether the demo run is started in it."""

    workspace: Path
    demo: bool = False


class WelcomeApp(App[Opening]):
    """Three ways to begin. Answers with what to open, None when it was left."""

    TITLE = "factory"
    CSS_PATH = style_paths("tokens", "app", "welcome")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,ctrl+q", "leave", "quit"),
        Binding("s", "choose('samples')", "samples"),
        Binding("d", "choose('demo')", "demo"),
        Binding("w", "choose('here')", "workspace"),
        Binding("o", "choose('other')", "other"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory.resolve()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variables_for(self.current_theme)

    def compose(self) -> ComposeResult:
        here = short_path(self.directory)
        yield TopBar("factory", here, right="no workspace here yet")
        with VerticalScroll(id="page"), Vertical(id="welcome"):
            yield Static(
                Content.assemble(
                    (
                        "A control room for small language models that know one thing well.\n",
                        "bold $strong",
                    ),
                    (f"{_LADDER}\n\n", "$accent"),
                    (
                        "A workspace is a directory: its runs are folders of plain files, "
                        "so nothing is lost when this screen is closed.",
                        "$muted",
                    ),
                ),
                id="words",
            )
            yield OptionList(
                _option(
                    "s",
                    "Look at the samples",
                    f"three finished runs, copied to {here}/{SAMPLES}",
                    "samples",
                ),
                _option(
                    "d",
                    "Run the demo",
                    "the samples, and a small model is trained: 2 minutes, no network",
                    "demo",
                ),
                _option(
                    "w",
                    "Make a workspace here",
                    f"{here}: runs/, targets/ and factory.toml",
                    "here",
                ),
                _option(
                    "o",
                    "Open another directory",
                    "one that has a workspace, or shall become one",
                    "other",
                ),
                id="ways",
            )
            yield Input(
                placeholder="a directory, for example ~/factory", id="directory", compact=True
            )
            yield Static(id="problem")
        yield Static(
            Content.assemble(
                *(
                    part
                    for key, word in (("⏎", "choose"), ("s d w o", "at once"), ("q", "quit"))
                    for part in ((f" {key} ", "bold $accent"), (f"{word}  ", "$muted"))
                )
            ),
            id="keys",
        )

    def on_mount(self) -> None:
        self.query_one("#directory").display = False
        self.query_one("#ways").focus()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.action_choose(event.option.id or "")

    def action_choose(self, way: str) -> None:
        """Begin in one of the ways."""
        if way == "other":
            field = self.query_one("#directory", Input)
            field.display = True
            field.focus()
            return
        try:
            if way == "here":
                from engine.founding import found

                self.exit(Opening(found(self.directory).path))
            else:
                from engine.samples import copy_samples

                place = copy_samples(self.directory / SAMPLES)
                self.exit(Opening(place.path, demo=way == "demo"))
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            self._say(
                f"That did not work: {error.strerror or error}{where}. Choose another directory: o"
            )

    def action_leave(self) -> None:
        """Leave; with the directory's field open, back to the list."""
        field = self.query_one("#directory", Input)
        if field.display:
            field.display = False
            self._say("")
            self.query_one("#ways").focus()
        else:
            self.exit(None)

    @on(Input.Submitted, "#directory")
    def _named(self, event: Input.Submitted) -> None:
        from engine.workspace import Workspace, WorkspaceError

        text = event.value.strip()
        if not text:
            self._say("Type the name of a directory; esc goes back.")
            return
        path = Path(text).expanduser()
        path = path if path.is_absolute() else self.directory / path
        if path.exists() and not path.is_dir():
            self._say(f"{text} is a file. Name a directory.")
            return
        try:
            self.exit(Opening(Workspace.find(path).path if path.is_dir() else _made(path)))
        except WorkspaceError:
            try:
                self.exit(Opening(_made(path)))
            except OSError as error:
                self._say(f"No workspace can be made there: {error.strerror or error}.")
        except OSError as error:
            self._say(f"No workspace can be made there: {error.strerror or error}.")

    def _say(self, text: str) -> None:
        self.query_one("#problem", Static).update(Content(plain(text, clip=500)))


def _made(path: Path) -> Path:
    from engine.founding import found

    return found(path).path


def _option(key: str, title: str, words: str, name: str) -> Option:
    return Option(
        Content.assemble(
            (f" {key} ", "bold $accent"), (f" {title}\n", "$strong"), (f"    {words}", "$muted")
        ),
        id=name,
    )
