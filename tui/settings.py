"""The settings of the screen: ``[screen]`` and ``[keys]`` in the workspace's ``factory.toml``.

    [screen]
    theme = "factory-light"     # a name from the palette's list of themes
    notify = "auto"             # auto, bell, osc9, osc777, osascript, off
    title = true                # progress in the terminal's title

    [keys]
    "live.axis" = "X"           # the action's name is in docs/keys.md
    "runs.mark" = "space,m"

What cannot be used is left at its default and said in a sentence: a wrong setting must not keep
anyone out of the control room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tui.keys.key import Key

NOTIFY = ("auto", "bell", "osc9", "osc777", "osascript", "off")
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ScreenSettings:
    """What a workspace wants of the screen. ``problems`` are sentences about what it got wrong."""

    theme: str | None = None
    notify: str = "auto"
    title: bool = True
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Action name to keys, several with commas, as Textual names them."""
    problems: tuple[str, ...] = ()


def load_settings(workspace: Path, table: Sequence[Key]) -> ScreenSettings:
    """The settings of a workspace; the defaults where it says nothing or nothing usable.

    ``table`` is the app's table of keys.
    """
    try:
        with (workspace / "factory.toml").open("rb") as file:
            text = file.read(_MAX_BYTES)
    except FileNotFoundError:
        return ScreenSettings()
    except OSError as error:
        return ScreenSettings(problems=(f"factory.toml cannot be read: {error.strerror}.",))
    if b"screen" not in text and b"keys" not in text:
        return ScreenSettings()
    import tomllib  # 5 ms that a workspace without settings does not pay

    try:
        found = tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        return ScreenSettings(problems=(f"factory.toml cannot be read: {error}.",))
    problems: list[str] = []
    screen = _table(found, "screen", problems)
    keymap = _keymap(_table(found, "keys", problems), table, problems)
    unknown = sorted(set(screen) - {"theme", "notify", "title"})
    problems += [f"factory.toml: [screen] knows no “{name}”." for name in unknown]
    theme = screen.get("theme")
    if theme is not None and not isinstance(theme, str):
        problems.append("factory.toml: screen.theme is the name of a theme, in quotation marks.")
        theme = None
    notify = screen.get("notify", "auto")
    if notify not in NOTIFY:
        problems.append(f"factory.toml: screen.notify is one of {', '.join(NOTIFY)}.")
        notify = "auto"
    title = screen.get("title", True)
    if not isinstance(title, bool):
        problems.append("factory.toml: screen.title is true or false.")
        title = True
    return ScreenSettings(theme, notify, title, keymap, tuple(problems))


def _table(found: Mapping[str, Any], name: str, problems: list[str]) -> dict[str, Any]:
    value = found.get(name, {})
    if isinstance(value, dict):
        return value
    problems.append(f"factory.toml: [{name}] is a table of names and values.")
    return {}


def _keymap(wanted: Mapping[str, Any], table: Sequence[Key], problems: list[str]) -> dict[str, str]:
    known = {key.id: key for key in table}
    keymap: dict[str, str] = {}
    # All that are asked for count at once, so that two actions can exchange their keys.
    asked = {name: value for name, value in _flat(wanted) if isinstance(value, str)}
    for name, value in _flat(wanted):
        if name not in known:
            import difflib

            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean “{near[0]}”?" if near else "docs/keys.md lists the names."
            problems.append(f"factory.toml: [keys] there is no action “{name}”; {hint}")
            continue
        keys = ",".join(part.strip() for part in value.split(",")) if isinstance(value, str) else ""
        if not keys or not all(keys.split(",")):
            problems.append(f'factory.toml: [keys] {name} is a key such as "X" or "ctrl+t,f9".')
            continue
        clash = _taken(known[name], keys, asked, table)
        if clash is not None:
            problems.append(
                f"factory.toml: [keys] {name} = “{keys}” is the key of {clash.id} ({clash.label}) "
                "as well; give that one another key too."
            )
            continue
        keymap[name] = keys
    return keymap


def _flat(wanted: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """``live.axis`` without quotation marks is a table in a table for TOML: both are meant."""
    flat: list[tuple[str, Any]] = []
    for name, value in wanted.items():
        if isinstance(value, dict):
            flat += [(f"{name}.{inner}", one) for inner, one in value.items()]
        else:
            flat.append((name, value))
    return flat


def _taken(key: Key, keys: str, keymap: Mapping[str, str], table: Sequence[Key]) -> Key | None:
    """The other action of the same screen that has one of these keys; None when all are free.

    A pane's keys come before its screen's, and a screen's before those that work everywhere: that
    is no clash.
    """
    wanted = {_written(one) for one in keys.split(",")}
    for other in table:
        if other.screen != key.screen or other.id == key.id or other.action == key.action:
            continue
        if wanted & {_written(one) for one in keymap.get(other.id, other.keys).split(",")}:
            return other
    return None


_SIGNS = {"/": "slash", "?": "question_mark", "+": "plus", "-": "minus", "[": "left_square_bracket"}
_SIGNS |= {"]": "right_square_bracket", "=": "equals_sign", " ": "space", ".": "full_stop"}


def _written(key: str) -> str:
    """A key's one name: ``/`` and ``slash`` are the same."""
    return _SIGNS.get(key, key)


def with_keymap(table: Sequence[Key], keymap: Mapping[str, str]) -> tuple[Key, ...]:
    """The table of keys with the keys that the user chose."""
    return tuple(
        replace(key, keys=keymap[key.id], display=None) if key.id in keymap else key
        for key in table
    )
