"""The models on this disk, to choose one as base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from engine.models import ModelOnDisk, hub_cache
from tui.views.draft_view import model_cells
from tui.views.plain import plain
from tui.widgets.tones import paint


class ModelScreen(ModalScreen[str | None]):
    """Lists models; answers with the id of the chosen one, None when none was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,f2", "dismiss(None)", "close")]

    def __init__(self, models: Sequence[ModelOnDisk]) -> None:
        super().__init__()
        self._models = list(models)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog models") as dialog:
            dialog.border_title = "Models on this disk"
            dialog.border_subtitle = "⏎ chooses ─ esc closes" if self._models else "esc closes"
            if self._models:
                room = min(48, max(len(model.id) for model in self._models))
                rows = (paint(*model_cells(model, room)) for model in self._models)
                yield OptionList(*rows)
            else:
                yield Static(
                    Content.assemble(
                        "There is none in the hub's cache:\n",
                        (plain(hub_cache()), "$accent"),
                        "\n\nDownload one (hf download mlx-community/Qwen3-0.6B-4bit), or type a "
                        "directory or a hub id: a run fetches it then.",
                    )
                )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._models[event.option_index].id)
