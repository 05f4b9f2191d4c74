"""One HTTP request whose answer is read as it comes, with deadlines, and given up from anywhere.

Blocking, with http.client: a thread reads, and a second one, the guard, sleeps until the nearest
deadline or until somebody cancels, and then shuts the socket down, which ends the read. A socket's
own timeout would not do: it does not see a cancel, and a server that sends a byte now and then
never reaches it. Proxies are not used and redirects are not followed: a key goes to the address
that was named and nowhere else.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.serving.chunks import error_text
from engine.serving.endpoint import Address, Endpoint, EndpointError, address_of, key_of, without

READ_BYTES = 64 * 1024
ERROR_BYTES = 16 * 1024
"""So much of an answer that says no is read."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. ``silence_s`` is between two pieces, comments that keep alive included."""

    connect_s: float = 10.0
    first_s: float = 120.0
    """From the request to the first piece of text (or the whole answer, where not streamed)."""
    silence_s: float = 60.0
    total_s: float = 600.0


class Exchange:
    """One request. ``open`` sends it, ``read`` gives the body, ``cancel`` ends it from anywhere."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts) -> None:
        """EndpointError for an address or a key that cannot be used."""
        self.endpoint = endpoint
        self._timeouts = timeouts
        self._address: Address = address_of(endpoint)
        self._key = key_of(endpoint, self._address)
        self._condition = threading.Condition()
        self._deadlines: dict[str, float] = {}
        self._reason: str | None = None
        self._closed = False
        self._socket: socket.socket | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._response: http.client.HTTPResponse | None = None
        self.began = 0.0
        """When the request set out, before the connection was made (time.monotonic)."""

    # --- from other threads -------------------------------------------------------

    def cancel(self) -> None:
        """Give it up: whoever reads gets EndpointError (``cancelled``). More than once is fine."""
        with self._condition:
            if self._reason is None and not self._closed:
                self._reason = "cancelled"
            self._shut()
            self._condition.notify_all()

    def arrived(self) -> None:
        """The first text is there: from now on only silence and the whole time count."""
        with self._condition:
            self._deadlines.pop("first", None)
            self._condition.notify_all()

    # --- the reader ---------------------------------------------------------------

    def open(self, path: str, body: dict[str, Any] | None) -> str:
        """Send the request (POST with a body, else GET); returns the answer's content type.

        EndpointError when it cannot be reached, answers no, or takes too long.
        """
        self.began = now = time.monotonic()
        limits = self._timeouts
        with self._condition:
            self._deadlines = {"first": now + limits.first_s, "total": now + limits.total_s}
        threading.Thread(target=self._guard, daemon=True, name="endpoint-guard").start()
        headers = {"Accept": "text/event-stream, application/json", "User-Agent": "factory-tui"}
        data = None
        if body is not None:
            data = json.dumps(body, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            self._connect()
            assert self._connection is not None
            self._connection.request(
                "GET" if data is None else "POST", self._address.path + path, data, headers
            )
            self._response = self._connection.getresponse()
            self._check()  # a head that was ended half way reads as a whole one
            self._heard()
            status = self._response.status
        except (OSError, http.client.HTTPException) as error:
            raise self._why(error, "did not answer") from error
        if status != 200:
            raise self._refused(status)
        return (self._response.getheader("Content-Type") or "").partition(";")[0].strip().lower()

    def read(self) -> Iterator[bytes]:
        """The body in pieces, as they come, to its end. EndpointError when it breaks off."""
        assert self._response is not None
        while True:
            try:
                piece = self._response.read1(READ_BYTES)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise self._why(error, "broke off in the middle of its answer") from error
            if not piece:
                self._check()
                return
            self._heard()
            yield piece

    def close(self) -> None:
        """Let everything go. More than once is fine."""
        with self._condition:
            self._closed = True
            self._shut()
            self._condition.notify_all()
        for one in (self._response, self._connection):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.close()

    def hide(self, text: str) -> str:
        """A server's text for people: short, in one line, without the key."""
        return without(self._key, text)

    # --- inside -------------------------------------------------------------------

    def _connect(self) -> None:
        self._check()
        address, limit = self._address, self._timeouts.connect_s
        kind: type[http.client.HTTPConnection] = http.client.HTTPConnection
        if address.secure:
            kind = http.client.HTTPSConnection  # the default context: certificates are checked
        connection = kind(address.host, address.port, timeout=limit)
        self._connection = connection
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            text = f"The certificate of {self.endpoint.shown} is not good: {error.verify_message}."
            raise EndpointError(text, "connect") from error
        except TimeoutError as error:
            text = f"{self.endpoint.shown} cannot be reached within {limit:g} s."
            raise EndpointError(text, "timeout") from error
        except (OSError, UnicodeError) as error:  # the latter: a host's name that is none
            why = getattr(error, "strerror", None) or "its host's name is none"
            raise EndpointError(
                f"{self.endpoint.shown} cannot be reached: {why}.", "connect"
            ) from error
        connection.sock.settimeout(None)  # from here on the guard keeps the time
        with self._condition:
            self._socket = connection.sock
            gone = self._reason is not None
        if gone:
            self._check()

    def _guard(self) -> None:
        """Sleeps until a deadline or the end; a deadline that has passed shuts the socket."""
        with self._condition:
            while not self._closed and self._reason is None:
                name, when = min(self._deadlines.items(), key=lambda item: item[1])
                left = when - time.monotonic()
                if left <= 0:
                    self._reason = name
                    self._shut()
                    return
                self._condition.wait(left)

    def _heard(self) -> None:
        """Something came: silence is counted from now. The guard looks when its time has come."""
        with self._condition:
            fresh = "silence" not in self._deadlines
            self._deadlines["silence"] = time.monotonic() + self._timeouts.silence_s
            if fresh:
                self._condition.notify_all()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # The plain socket's: that of TLS would take its state from under the reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _check(self) -> None:
        """EndpointError where a deadline or a cancel has ended this exchange."""
        with self._condition:
            reason = self._reason
        limits, who = self._timeouts, self.endpoint.shown
        if reason == "cancelled":
            raise EndpointError("The question was cancelled.", "cancelled")
        if reason == "first":
            text = f"{who} sent no text within {limits.first_s:g} s."
        elif reason == "silence":
            text = f"{who} said nothing for {limits.silence_s:g} s in the middle of its answer."
        elif reason == "total":
            text = f"{who} was not done within {limits.total_s:g} s."
        else:
            return
        raise EndpointError(text, "timeout")

    def _why(self, error: Exception, what: str) -> EndpointError:
        """What an error of the connection means: our own doing, or the server's end."""
        try:
            self._check()
        except EndpointError as ours:
            return ours
        return EndpointError(f"{self.endpoint.shown} {what} ({type(error).__name__}).", "cut-off")

    def _refused(self, status: int) -> EndpointError:
        said = b""
        try:
            for piece in self.read():
                said += piece
                if len(said) >= ERROR_BYTES:
                    break
        except EndpointError as error:
            if error.code == "cancelled":
                return error
        text = said.decode("utf-8", "replace")
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(text)
            if isinstance(value, dict) and "error" in value:
                text = error_text(value["error"])
        if text.lstrip().startswith("<"):
            text = ""  # a page for browsers says nothing here
        who, shown = self.endpoint.shown, self.hide(text)
        advice = _ADVICE.get(status, "")
        if status in (401, 403) and self.endpoint.key_variable:
            advice = f"Look at the key in {self.endpoint.key_variable}."
        if 300 <= status < 400:
            advice = "It points elsewhere, which is not followed: name the right address."
        parts = [f"{who} answers {status}" + (f": {shown.rstrip('.')}." if shown else "."), advice]
        after = _seconds(self._response.getheader("Retry-After")) if self._response else None
        return EndpointError(" ".join(filter(None, parts)), "refused", status, after)


def _seconds(text: str | None) -> float | None:
    """What a Retry-After header says, where it counts seconds; a date in it is not read."""
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else None


_ADVICE = {
    401: "It wants a key: name the environment variable that holds it.",
    403: "It does not let us in.",
    404: "The model or the address is not there.",
    429: "It wants fewer questions at a time.",
    503: "It is not ready, or its model did not load.",
}
