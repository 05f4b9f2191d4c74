"""What every record of a run folder has in common.

A record keeps keys that it does not know, so that a file written by another
tool (or by a later version of this one) loses nothing when it is rewritten.
Numbers are finite: NaN and infinity are not JSON, and a score that is not a
number is not evidence.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


def _to_utc(value: datetime) -> datetime:
    """Times without a zone are read as UTC: other tools write them so."""
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from error


UtcTime = Annotated[datetime, AfterValidator(_to_utc)]
"""A moment in UTC; serialised as ISO 8601 with a zone."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""Required text: only white space counts as empty."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest in lower-case hexadecimal."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Record(BaseModel):
    """One JSON file of a run folder, or a part of one."""

    model_config = ConfigDict(
        extra="allow",
        allow_inf_nan=False,
        validate_assignment=True,
        ser_json_timedelta="float",
    )
