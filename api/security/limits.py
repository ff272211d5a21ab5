"""Rate limits and lock-out, in memory of one process, bounded in size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from api.errors import TooMany

_MAX_KEYS = 20_000


class RateLimit:
    """A token bucket per key: `per_minute` on average, bursts up to `burst`."""

    def __init__(self, per_minute: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate = per_minute / 60.0
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, key: str) -> None:
        """Take one; raises TooMany when the bucket is empty."""
        now = self._clock()
        with self._lock:
            level, at = self._buckets.pop(key, (self._burst, now))
            level = min(self._burst, level + max(0.0, now - at) * self._rate)
            self._buckets[key] = (level - 1.0 if level >= 1.0 else level, now)
            if len(self._buckets) > _MAX_KEYS:
                self._buckets.popitem(last=False)
        if level < 1.0:
            raise TooMany("too many requests, slow down", (1.0 - level) / self._rate)


@dataclass(slots=True)
class _Failures:
    count: int
    locked_until: float
    last: float


class LockOut:
    """Locks a key after failures in a row: some are free, then 30 s, doubling to 15 minutes."""

    FIRST_S = 30.0
    LONGEST_S = 900.0
    FORGET_S = 3600.0

    def __init__(self, clock: Callable[[], float], free: int = 5) -> None:
        self._clock = clock
        self._free = free
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._lock = Lock()

    def check(self, key: str) -> None:
        """Raise TooMany while the key is locked."""
        with self._lock:
            entry = self._failures.get(key)
            left = entry.locked_until - self._clock() if entry else 0.0
        if left > 0:
            raise TooMany("too many failed sign-ins, wait", left)

    def failed(self, key: str) -> bool:
        """Count a failure; True when this one locked the key."""
        now = self._clock()
        with self._lock:
            entry = self._failures.pop(key, None)
            if entry is None or now - entry.last > self.FORGET_S:
                entry = _Failures(0, 0.0, now)
            entry.count += 1
            entry.last = now
            over = entry.count - self._free
            if over >= 0:
                entry.locked_until = now + min(self.FIRST_S * 2**over, self.LONGEST_S)
            self._failures[key] = entry
            if len(self._failures) > _MAX_KEYS:
                self._failures.popitem(last=False)
        return over >= 0

    def succeeded(self, key: str) -> None:
        """Forget the key's failures."""
        with self._lock:
            self._failures.pop(key, None)
