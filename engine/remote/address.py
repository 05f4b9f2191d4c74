"""``ssh://user@host:port/path``: where a workspace on another machine is. Strict, and pure.

Nothing of an address can become an option of ssh or a word of a shell: the host and the user are
letters, digits, ``.``, ``_`` and ``-`` and begin with none of the signs; the path goes to the other
end as data, not on a command line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SCHEME = "ssh:"

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9a-fA-F:]{2,45}\]")
_SHAPE = re.compile(
    r"ssh:/{1,2}(?:(?P<user>[^@/]*)@)?(?P<host>\[[^\]]*\]|[^:/@]*)(?P<rest>.*)", re.S
)
MAX_PATH = 1024


class AddressError(ValueError):
    """This is no address of a workspace; the text says what one looks like."""


@dataclass(frozen=True, slots=True)
class Address:
    """A workspace at another machine. ``path`` is absolute, or begins with ``~/``; ``port`` None
    where ssh's own settings decide, as they do for a missing ``user``."""

    host: str
    path: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"ssh://{user}{self.host}{port}/{self.path.removeprefix('/')}"

    @property
    def place(self) -> str:
        """``user@host``, as ssh takes it."""
        bare = self.host.strip("[]")
        return f"{self.user}@{bare}" if self.user else bare


def is_address(text: str) -> bool:
    """Whether a word is meant as an address. A path that lost a slash counts too: ``ssh:/host``."""
    return text.startswith(SCHEME)


def parse(text: str) -> Address:
    """The address that a word says; AddressError with a sentence."""
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise AddressError(f"{text[:200]!r} is no address. {_LOOKS}")
    user, host, rest = shape["user"], shape["host"], shape["rest"]
    if user is not None and not _USER.fullmatch(user):
        raise AddressError(
            f"{user[:80]!r} is no name of a user: letters, digits, '.', '_' and '-', and no "
            "password: ssh's own keys and agent say who you are."
        )
    if not _HOST.fullmatch(host):
        raise AddressError(f"{host[:80]!r} is no name of a machine. {_LOOKS}")
    found = re.fullmatch(r"(?::(\d{1,5}))?(/.*)?", rest, re.S)
    if found is None or (found[1] and not 0 < int(found[1]) < 65536):
        raise AddressError(f"{rest[:80]!r}: a port is a number up to 65535. {_LOOKS}")
    path = found[2] or ""
    if path.startswith("/~/"):
        path = path[1:]
    if path in ("", "/") or len(path) > MAX_PATH or not path.isprintable():
        raise AddressError(f"The address names no workspace's directory. {_LOOKS}")
    return Address(host, path.rstrip("/"), user, int(found[1]) if found[1] else None)


_LOOKS = "It looks like this: ssh://user@host/path/of/the/workspace, or ssh://host:2222/~/factory"
