"""Secrets, and how they are kept out of what this program writes: the one place that knows both.

A secret is the value of an environment variable whose name says so (``HF_TOKEN``,
``AWS_SECRET_ACCESS_KEY``), of one that ``factory.toml`` names as a key, or the password in an
address. Values are compared to the letter: what a program prints in another form (base64, in
pieces) is not known again. Whoever asks says which names ``factory.toml`` has (``named``, of
``key_names``): without a workspace there are none.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

HIDDEN = "***"
"""Stands where a secret stood."""

LEAST = 8
"""Shorter values are not taken for secrets: they would hide half of every text."""

_NAME = re.compile(
    r"(?:^|_)(?:\w*KEY(?:_BASE|_ID)?|TOKEN|PAT|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)S?$",
    re.IGNORECASE,
)
_WITHIN = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL")
_OPTION = (
    re.compile(r"(?:^|[-_])(?:api[-_]?key|secret|password|passwd|passphrase|credentials?)$", re.I),
    re.compile(r"(?:^|[-_])(?:hf|hub|access|auth|api|bearer|session)?[-_]?token$", re.I),
    re.compile(r"(?:^|[-_])(?:secret|access|private|service)[-_](?:\w*[-_])?key$", re.I),
)
_WORD_OF_A_MODEL = re.compile(
    r"(?:eos|bos|pad|unk|sep|cls|mask|stop|special|image|new|max)[-_]?token$", re.I
)
_PASSWORD = re.compile(
    r"(?<=://)(?P<user>[^\s/:@?#\[\"']*):(?!\d*[?#])(?P<password>[^\s/\"']*)@"
    r"|(?:(?<=http://)|(?<=https://))(?P<token>[^\s/?#\"']+)@"
)
"""What stands before the host of an address, up to its last @. A port and a query are none of it
(``h:80?to=me@x``). A user alone is a token over http; ``git@`` of ssh is none."""
_NO_PASSWORD = ("", "x-oauth-basic")
"""Beside these, the user's name is the token."""
_NAMED = re.compile(r"""\b(?:key|key_variable)["']?\s*=\s*(["'])(\w+)\1""")


def is_secret(name: str) -> bool:
    """Whether an environment variable of this name holds a secret."""
    return _NAME.search(name) is not None


def is_secret_option(name: str) -> bool:
    """Whether an option of a command line (without its dashes) is followed by a secret. Stricter
    than for variables: ``--sort-key`` is none, and neither is ``--eos-token``."""
    return not _WORD_OF_A_MODEL.search(name) and any(one.search(name) for one in _OPTION)


def without_secrets(env: Mapping[str, str], *, named: Iterable[str]) -> dict[str, str]:
    """An environment for code that needs no keys: everything but what could be one by its name, is
    one of ``named``, has the same value as a secret under another name or the value of a named one
    within (``Bearer …``), or is an address with a password."""
    named = frozenset(named)
    same = frozenset(secret_values(env, named=named))
    within = _longest_first(value for name, value in env.items() if name in named)
    return {
        name: value
        for name, value in env.items()
        if not any(word in name.upper() for word in _WITHIN)
        and not is_secret(name)
        and name not in named
        and value.strip() not in same
        and not any(one in value for one in within)
        and not _PASSWORD.search(value)
    }


def secret_values(env: Mapping[str, str], *, named: Iterable[str]) -> list[str]:
    """The secrets of an environment, longest first; ``named`` are further variables that hold
    one."""
    named = frozenset(named)
    found = [value for name, value in env.items() if is_secret(name) or name in named]
    for value in env.values():
        found += _in_addresses(value)
    return _longest_first(found)


def _in_addresses(text: str) -> Iterator[str]:
    """Passwords and tokens of the addresses in a text, as they stand there and as they are sent."""
    for match in _PASSWORD.finditer(text) if "://" in text else ():
        secret = match["token"] or match["password"]
        if secret in _NO_PASSWORD:
            secret = match["user"]
        yield secret
        yield unquote(secret)


def key_names(workspace: Path | None) -> list[str]:
    """The variables that a workspace's ``factory.toml`` names as keys, in ``[teachers.NAME]`` and
    ``[endpoints.NAME]``; none where there is no workspace or no such file.

    One that is no TOML is searched for what looks like such a name: a slip of the pen elsewhere in
    the file must not give a key away. Who needs the file says what is wrong with it.
    """
    if workspace is None:
        return []
    try:
        text = (workspace / "factory.toml").read_bytes().decode("utf-8", "replace")
    except OSError:
        return []
    try:
        settings = tomllib.loads(text)
    except (ValueError, RecursionError):
        return [match[2] for match in _NAMED.finditer(text)]
    found = []
    for section, field in (("teachers", "key"), ("endpoints", "key_variable")):
        tables = settings.get(section)
        for table in tables.values() if isinstance(tables, dict) else ():
            name = table.get(field) if isinstance(table, dict) else None
            found += [name] if isinstance(name, str) else []
    return found


class Hider:
    """Takes secrets out of texts: those of an environment (``named`` as in ``secret_values``),
    given ones, passwords in addresses."""

    def __init__(self, env: Mapping[str, str], *more: str | None, named: Iterable[str]) -> None:
        known = secret_values(env, named=named)
        self._secrets = _longest_first([*known, *(one for one in more if one)])

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _PASSWORD.sub(f"{HIDDEN}@", text) if "://" in text else text


class StreamHider:
    """Takes secrets out of streams of bytes that come in pieces, each stream by its name.

    The end of a piece that may be the beginning of a secret waits for the next one; a whole line
    never waits, since no secret begins with a line's end.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for one in secrets for form in (one, json.dumps(one)[1:-1])}
        self._secrets = sorted((one.encode() for one in forms), key=len, reverse=True)
        self._waiting: dict[str, bytes] = {}

    def feed(self, stream: str, data: bytes) -> bytes:
        """What may be written of a stream now."""
        if not self._secrets:
            return data
        data = self.close(stream) + data
        for secret in self._secrets:
            data = data.replace(secret, HIDDEN.encode())
        known = len(data) - max(_begun(data, secret) for secret in self._secrets)
        self._waiting[stream] = data[known:]
        return data[:known]

    def close(self, stream: str) -> bytes:
        """What still waits of a stream, which is no secret when nothing follows."""
        return self._waiting.pop(stream, b"")


def _begun(data: bytes, secret: bytes) -> int:
    """How many bytes at the end of ``data`` are the beginning of ``secret``, and not all of it."""
    most = min(len(secret) - 1, len(data))
    at = data.find(secret[:1], len(data) - most)
    while at >= 0:
        if secret.startswith(data[at:]):
            return len(data) - at
        at = data.find(secret[:1], at + 1)
    return 0


def _longest_first(values: Iterable[str]) -> list[str]:
    kept = {value.strip() for value in values}
    return sorted((one for one in kept if len(one) >= LEAST), key=len, reverse=True)
