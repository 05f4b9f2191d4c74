"""Addresses of the web, told from what only looks like one."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

MAX_ADDRESS = 2000


def web_address(href: str) -> str | None:
    """``href`` where it is an http(s) address with a host and without a user, else None."""
    if len(href) > MAX_ADDRESS or any(not 0x20 < ord(char) < 0x7F for char in href):
        return None
    try:
        parts = urlsplit(href)
        host, user = parts.hostname, parts.username
    except ValueError:
        return None
    return href if parts.scheme in ("http", "https") and host and user is None else None


def is_public(href: str) -> bool:
    """Whether a web address may lead somewhere for everybody: not this machine, nor a network of
    its own, by name or by number. Nothing is looked up."""
    host = (urlsplit(href).hostname or "").rstrip(".").lower()
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal", ".lan"))
