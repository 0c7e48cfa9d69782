"""The id of a request is a UUID of version 7: it begins with the time, so ids sort by time."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from functools import lru_cache


def new_id(at_ns: int) -> str:
    """A UUID of version 7 (RFC 9562): milliseconds since 1970, then random bits."""
    ms, bits = f"{at_ns // 1_000_000:012x}", os.urandom(10).hex()
    variant = "89ab"[int(bits[3], 16) % 4]
    return f"{ms[:8]}-{ms[8:]}-7{bits[:3]}-{variant}{bits[4:7]}-{bits[7:19]}"


def first_id(moment: datetime) -> str:
    """A lower bound of all ids from that moment on."""
    return str(uuid.UUID(int=max(0, int(moment.timestamp() * 1000)) << 80))


def utc(at_ns: int) -> str:
    """Nanoseconds since 1970 as ISO 8601 with milliseconds."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1_000_000:03d}+00:00"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
