"""Who gets full attention: a budget of concurrent looks and a priority queue for the rest."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from pipeline.types import ViewKey

STARVED_OVER_S = 300.0
"""For so long a look that never began counts as starved of late."""

_STARVED_KEPT = 1000


@dataclass(frozen=True, slots=True)
class LookOrder:
    """A wish for full attention.

    Attributes:
        view: Which view.
        priority: Higher goes first.
        look_s: Seconds of attention wanted.
        look_fps: Pictures per second wanted.
        asked_s: When it was asked for first.
        back: A look back into the packets in memory: it needs no rest, and is never forgotten.
    """

    view: ViewKey
    priority: float
    look_s: float
    look_fps: float
    asked_s: float
    back: bool = False

    @property
    def key(self) -> tuple[ViewKey, bool]:
        """What the budget tells orders apart by."""
        return self.view, self.back


@dataclass(frozen=True, slots=True)
class LookPressure:
    """How short attention is.

    Attributes:
        running: Looks.
        waiting: Orders.
        oldest_wait_s: Seconds the oldest order has waited.
        starved: Wishes of the last `STARVED_OVER_S` whose suspicion was gone before the look began.
    """

    running: int
    waiting: int
    oldest_wait_s: float
    starved: int


class LookBudget:
    """Grants at most `most` looks at once; after one a view rests for `rest_s` from such looks.

    A faster look need not wait for the rest from a slower one.
    """

    def __init__(self, most: int, rest_s: float = 20.0) -> None:
        self._most = most
        self._rest_s = rest_s
        self._waiting: dict[tuple[ViewKey, bool], LookOrder] = {}
        self._running: dict[tuple[ViewKey, bool], LookOrder] = {}
        self._rests: dict[ViewKey, tuple[float, float]] = {}
        self._starved_at: deque[float] = deque(maxlen=_STARVED_KEPT)

    def ask(self, order: LookOrder) -> None:
        """Queue a wish; a second one for the same view keeps its place and the higher priority.

        While a view is looked at, only a faster look can be asked for; it comes after that one.
        """
        until_s, rests_from_fps = self._rests.get(order.view, (0.0, 0.0))
        rests = until_s > order.asked_s and order.look_fps <= rests_from_fps and not order.back
        running = self._running.get(order.key)
        if rests or (running is not None and running.look_fps >= order.look_fps):
            return
        earlier = self._waiting.get(order.key)
        if earlier is None or order.priority > earlier.priority:
            asked_s = earlier.asked_s if earlier else order.asked_s
            self._waiting[order.key] = replace(order, asked_s=asked_s)

    def grant(self) -> list[LookOrder]:
        """Orders that may start now, highest priority first, then longest waiting."""
        granted = []
        for order in sorted(self._waiting.values(), key=lambda o: (-o.priority, o.asked_s)):
            if len(self._running) >= self._most:
                break
            if order.key in self._running:
                continue
            del self._waiting[order.key]
            self._running[order.key] = order
            granted.append(order)
        return granted

    def finished(self, order: LookOrder, now_s: float) -> None:
        """Give a look back to the budget."""
        if self._running.pop(order.key, None) is not None and not order.back:
            self._rests[order.view] = now_s + self._rest_s, order.look_fps

    def forget(self, view: ViewKey, now_s: float) -> bool:
        """Drop a waiting wish whose suspicion is gone; True when there was one: it starved."""
        forgotten = self._waiting.pop((view, False), None) is not None
        starved = forgotten and (view, False) not in self._running
        if starved:
            self._starved_at.append(now_s)
        return starved

    def pressure(self, now_s: float) -> LookPressure:
        """What waits, for metrics and health."""
        oldest = max((now_s - o.asked_s for o in self._waiting.values()), default=0.0)
        starved = sum(1 for at_s in self._starved_at if now_s - at_s < STARVED_OVER_S)
        return LookPressure(len(self._running), len(self._waiting), oldest, starved)
