"""The footer: as many keys as there is room for, and always the way back and the help."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from tui.bindings import EVERYWHERE, KEYS, Key, keys_of


class KeyBar(Footer):
    """Textual's footer cuts off what does not fit, and with it the help.

    This one leaves out the last keys of the screen's own; they stand in the help and the palette.
    Order and words are those of the table of bindings, and a click works as the key does.
    """

    def __init__(self, room: str) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._room = room

    def on_resize(self) -> None:
        if self._bindings_ready:
            self.call_after_refresh(self.recompose)

    def compose(self) -> ComposeResult:
        if not self._bindings_ready:
            return
        # By their id: another widget may have an action of the same name, as a text field's "copy".
        active = {one.binding.id: one for one in self.screen.active_bindings.values()}
        table = getattr(self.app, "key_table", KEYS)
        keys = [
            key
            for key in keys_of(self._room, table)
            if key.shown and key.id in active and not self._typed(key)
        ]
        offers = getattr(self.screen, "offers", None)
        if offers is not None:
            keys = [key for key in keys if key.screen != self._room or offers(key.action)]
        # Some air between the keys where there is room for it.
        airy = sum(map(_size, keys)) + len(keys) <= self.content_size.width
        self.set_class(airy, "-airy")
        for key in fitting(keys, self.content_size.width):
            binding, enabled = active[key.id].binding, active[key.id].enabled
            yield FooterKey(
                binding.key,
                key.caption,
                key.label,
                key.action,
                disabled=not enabled,
                tooltip=key.help,
            ).data_bind(compact=Footer.compact)

    def _typed(self, key: Key) -> bool:
        """Whether the key's letter would be typed into what has the focus."""
        focused, letter = self.screen.focused, key.caption
        if focused is None or len(letter) != 1 or not letter.isascii():
            return False
        return key.screen != EVERYWHERE and focused.check_consume_key(letter, letter)


def fitting(keys: Sequence[Key], width: int) -> list[Key]:
    """The keys that fit into ``width`` cells; those that work everywhere have their room first."""
    room = width - sum(_size(key) for key in keys if key.screen == EVERYWHERE)
    found = []
    for key in keys:
        if key.screen != EVERYWHERE:
            room -= _size(key)
            if room < 0:
                continue
        found.append(key)
    return found


def _size(key: Key) -> int:
    """Cells of "c cancel" and the space after it."""
    return cell_len(key.caption) + 1 + cell_len(key.label) + 1
