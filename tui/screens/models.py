"""The models on this disk, to choose one as base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from engine.models import MODELS_DIR, ModelOnDisk, hub_cache
from tui.views.draft_view import model_cells, model_head, model_row
from tui.views.plain import plain
from tui.widgets.dialog import Dialog
from tui.widgets.tones import paint

WIDE = 120
"""From so many columns on, models are shown as a table."""


class ModelScreen(Dialog[str | None]):
    """Lists models; answers with the id of the chosen one, None when none was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,f2", "dismiss(None)", "close")]

    def __init__(self, models: Sequence[ModelOnDisk]) -> None:
        super().__init__()
        self._models = list(models)

    def compose(self) -> ComposeResult:
        wide = self.app.size.width >= WIDE
        with Vertical(classes="dialog models -table" if wide else "dialog models") as dialog:
            dialog.border_title = f"{len(self._models)} models on this disk"
            dialog.border_subtitle = "⏎ chooses ─ esc closes" if self._models else "esc closes"
            if self._models:
                most = self.app.size.width - 80 if wide else 30
                room = min(most, max(cell_len(plain(model.id)) for model in self._models))
                row = model_row if wide else model_cells
                if wide:
                    yield Static(paint(*model_head(room)), classes="head")
                yield OptionList(*(paint(*row(model, room)) for model in self._models))
            else:
                yield Static(
                    Content.assemble(
                        "There is none in the hub's cache:\n",
                        (plain(hub_cache()), "$accent"),
                        f"\nand none below {MODELS_DIR}/ of this workspace.\n\n"
                        "Download one (hf download mlx-community/Qwen3-0.6B-4bit), or type a "
                        "directory or a hub id: a run fetches it then.",
                    )
                )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._models[event.option_index].id)
