"""Ports of this machine: a free one, whether one is taken, and who listens."""

from __future__ import annotations

import socket

import psutil

HOST = "127.0.0.1"
"""Servers listen here and nowhere else: a request may name any file of this machine."""


def free_port() -> int:
    """A port that nobody listens on now, chosen by the system (1 to 65535).

    Another process may take it before we do: a server that finds it taken is started again.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def why_not(port: int) -> str | None:
    """Why a server cannot listen on a port, as a sentence; None when it can."""
    if not 1 <= port <= 65535:
        return f"{port} is no port: ports are 1 to 65535."
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        # As the server will do: a port whose last connections are still closing is free.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
        except PermissionError:
            return f"Port {port} is for the system. Name one above 1023, or leave --port out."
        except OSError:
            return (
                f"Port {port} is already in use by another program. Name another one, or leave "
                "--port out and a free one is chosen."
            )
    return None


def listens(pid: int, port: int) -> bool | None:
    """Whether that very process listens on a port; None where the system does not say.

    A connection that is answered proves nothing: somebody else may have had the port first.
    """
    try:
        connections = psutil.Process(pid).net_connections("tcp4")
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError, RuntimeError):
        return None
    return any(
        one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port
        for one in connections
    )
