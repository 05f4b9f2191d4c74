"""An OpenAI-compatible endpoint: where it is, which model, and which variable holds its key.

A key is read from the environment when a request is made. It is in no field, file, event or text:
an ``Endpoint`` holds the variable's name only, and errors that would repeat the key hide it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from engine.secrecy import HIDDEN

DEFAULT_MODEL = "default_model"
"""What ``mlx_lm.server`` calls the model that it was started with."""

_CHAT = "/chat/completions"


class EndpointError(Exception):
    """An endpoint that cannot be used, or did not answer as one should; a sentence.

    ``code`` names the kind: ``url``, ``key``, ``connect``, ``refused`` (an HTTP status that says
    no), ``timeout``, ``cut-off``, ``garbage``, ``too-much``, ``cancelled``. ``status`` is the HTTP
    status where there was one, ``retry_after_s`` how long the server wants to be left alone.
    """

    def __init__(
        self, text: str, code: str, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(text)
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``url`` is the base address that ends before ``/chat/completions``, as in
    ``http://127.0.0.1:8080/v1``; without a path ``/v1`` is meant. ``name`` is for people.
    """

    url: str
    model: str = DEFAULT_MODEL
    key_variable: str | None = None
    """The environment variable that holds the API key; None is an endpoint without one."""
    name: str = ""

    @property
    def shown(self) -> str:
        """The endpoint in a sentence."""
        return self.name or self.url


@dataclass(frozen=True, slots=True)
class Address:
    """What a connection needs of a URL. ``path`` is the base's, without a slash at its end."""

    secure: bool
    host: str
    port: int
    path: str


def address_of(endpoint: Endpoint) -> Address:
    """The parts of an endpoint's URL; EndpointError (``url``) says what is wrong with it."""
    url = endpoint.url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EndpointError(f"{url!r} is no address: {error}.", "url") from error
    if "@" in parts.netloc:
        # Such an address would carry a password into logs and lists, so it is not repeated here.
        raise EndpointError(
            "The address names a user or password. Leave them out and put the key into an "
            "environment variable.",
            "url",
        )
    if any(not 33 <= ord(char) <= 126 for char in url):
        raise EndpointError(f"{url!r} is no address: it holds signs that none can hold.", "url")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EndpointError(
            f"{url!r} is no address. One looks like http://127.0.0.1:8080/v1", "url"
        )
    if parts.query or parts.fragment:
        raise EndpointError(f"{parts.path or url!r}: an address ends with its path.", "url")
    secure = parts.scheme == "https"
    path = parts.path.rstrip("/").removesuffix(_CHAT) or "/v1"
    return Address(secure, parts.hostname, port or (443 if secure else 80), path)


def key_of(
    endpoint: Endpoint, address: Address, env: Mapping[str, str] | None = None
) -> str | None:
    """The API key from the environment (``env``, else this process's), None where none is needed.

    EndpointError (``key``) when the variable is not set, holds no key, or when the key would go
    over the network unencrypted.
    """
    if endpoint.key_variable is None:
        return None
    name = endpoint.key_variable
    key = (os.environ if env is None else env).get(name, "").strip()
    if not key:
        raise EndpointError(
            f"{endpoint.shown} needs a key, and the environment variable {name} is not set. "
            f"Set it where you start this: export {name}=…",
            "key",
        )
    if any(not 33 <= ord(char) <= 126 for char in key):
        raise EndpointError(f"The environment variable {name} holds no API key.", "key")
    if not address.secure and not is_loopback(address.host):
        raise EndpointError(
            f"The key in {name} is not sent over plain http to another machine. Use https.", "key"
        )
    return key


def is_loopback(host: str) -> bool:
    """Whether a host's name or number means this machine, without asking the network."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def without(key: str | None, text: str) -> str:
    """``text`` of a server, for people: the key hidden, one line, at most 300 signs."""
    if key:
        text = text.replace(key, HIDDEN)
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= 300 else line[:299] + "…"
