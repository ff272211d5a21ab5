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


REST_S = 10.0
"""Least time between two looks at a view: that of the rule that asks for looks most often."""


@dataclass(frozen=True, slots=True)
class _Rest:
    until_s: float
    after: LookOrder

    def holds(self, order: LookOrder, now_s: float) -> bool:
        """Whether an order must wait: neither faster nor more urgent than the look before."""
        as_before = order.look_fps <= self.after.look_fps and order.priority <= self.after.priority
        return now_s < self.until_s and as_before and not order.back


class LookBudget:
    """Grants at most `most` looks at once; after one a view rests for `rest_s` from such looks.

    What is wanted meanwhile waits. A faster look, or a more urgent one, need not wait for the
    rest; a look that gave no picture was none, and no rest follows it.
    """

    def __init__(self, most: int, rest_s: float = REST_S) -> None:
        self._most = most
        self._rest_s = rest_s
        self._waiting: dict[tuple[ViewKey, bool], LookOrder] = {}
        self._running: dict[tuple[ViewKey, bool], LookOrder] = {}
        self._rests: dict[ViewKey, _Rest] = {}
        self._starved_at: deque[float] = deque(maxlen=_STARVED_KEPT)

    def ask(self, order: LookOrder) -> None:
        """Queue a wish; a second one for the same view takes its place if it is faster or more
        urgent.

        While a view is looked at, only a faster look can be asked for; it comes after that one.
        """
        running = self._running.get(order.key)
        if running is not None and running.look_fps >= order.look_fps:
            return
        earlier = self._waiting.get(order.key)
        is_more = earlier is None or (
            order.priority > earlier.priority or order.look_fps > earlier.look_fps
        )
        if is_more:
            asked_s = earlier.asked_s if earlier else order.asked_s
            self._waiting[order.key] = replace(order, asked_s=asked_s)

    def grant(self, now_s: float) -> list[LookOrder]:
        """Orders that may start now, highest priority first, then longest waiting."""
        granted = []
        for order in sorted(self._waiting.values(), key=lambda o: (-o.priority, o.asked_s)):
            if len(self._running) >= self._most:
                break
            if order.key in self._running or self._rests_from(order, now_s):
                continue
            del self._waiting[order.key]
            self._running[order.key] = order
            granted.append(order)
        return granted

    def finished(self, order: LookOrder, now_s: float, *, seen: bool = True) -> None:
        """Give a look back to the budget, and say whether it gave a picture."""
        if self._running.pop(order.key, None) is not None and seen and not order.back:
            self._rests[order.view] = _Rest(now_s + self._rest_s, order)

    def forget(self, view: ViewKey, now_s: float) -> bool:
        """Drop a waiting wish whose suspicion is gone; True when it starved.

        What waited for the end of a look at its own view, or of the rest after it, did not.
        """
        forgotten = self._waiting.pop((view, False), None)
        starved = forgotten is not None and not (
            (view, False) in self._running or self._rests_from(forgotten, now_s)
        )
        if starved:
            self._starved_at.append(now_s)
        return starved

    def _rests_from(self, order: LookOrder, now_s: float) -> bool:
        rest = self._rests.get(order.view)
        return rest is not None and rest.holds(order, now_s)

    def pressure(self, now_s: float) -> LookPressure:
        """What waits, for metrics and health."""
        oldest = max((now_s - o.asked_s for o in self._waiting.values()), default=0.0)
        starved = sum(1 for at_s in self._starved_at if now_s - at_s < STARVED_OVER_S)
        return LookPressure(len(self._running), len(self._waiting), oldest, starved)
