"""How often a client may ask."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import perf_counter

MAX_CLIENTS = 10_000  # whose rate is remembered


class RateLimit:
    """Token buckets of `burst` requests, refilled with `per_s` a second; one number a client.

    The generic cell rate algorithm: the number is the time at which the bucket is full again.
    Of more than `MAX_CLIENTS`, the one that has not asked for longest is forgotten first.
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = perf_counter) -> None:
        self._interval, self._burst, self._clock = 1 / per_s, burst, clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def wait(self, client: str) -> float:
        """Seconds until the client may ask again; 0 where it may ask now, which then counts."""
        now = self._clock()
        full_at = max(self._full_at.pop(client, now), now)
        late = full_at + self._interval - now - self._burst * self._interval
        self._full_at[client] = full_at if late > 1e-9 else full_at + self._interval
        if len(self._full_at) > MAX_CLIENTS:
            self._full_at.popitem(last=False)
        return late if late > 1e-9 else 0.0
