"""Which models an endpoint says that it has."""

from __future__ import annotations

import json

from engine.serving.endpoint import Endpoint, EndpointError
from engine.serving.exchange import Exchange, Timeouts

MAX_BYTES = 4 * 2**20


def models_at(endpoint: Endpoint, timeouts: Timeouts | None = None) -> tuple[str, ...]:
    """The names that ``GET /models`` lists, in its order. EndpointError when it does not say.

    A listed model may still not load: only a completion proves that.
    """
    exchange = Exchange(endpoint, timeouts or Timeouts(first_s=20.0, total_s=30.0))
    data = bytearray()
    try:
        exchange.open("/models", None)
        for piece in exchange.read():
            data += piece
            if len(data) > MAX_BYTES:
                raise EndpointError(f"{endpoint.shown} lists more than a list can be.", "too-much")
    finally:
        exchange.close()
    try:
        value = json.loads(data)
        return tuple(str(one["id"]) for one in value["data"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EndpointError(f"{endpoint.shown} sent no list of models.", "garbage") from error
