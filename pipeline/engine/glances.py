"""Which view is glanced at next: the one that waited longest, measured in its own periods."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Mapping
from statistics import median

from pipeline.types import ViewKey

_FEWEST, _MOST = 8, 16
"""The stretch is told by as many of the last glances as there are views, within these limits."""

_ON_TIME = 1.1
"""A wait of so many periods is still on time: threads wake late, packets come in bursts."""

_RETRY_SHARE = 0.125
"""Of its period passes before a glance that gave nothing is tried again."""

_SPREAD_FROM_S = 5.0
"""Shorter periods are about those of keyframes: their glances had better follow those."""

_SPREAD_BY = 0.1
"""So much of its period at most a glance comes early for the sake of spreading."""

_FEW = 3
"""Glances within a second that are no crowd."""

_GOLDEN = 0.6180339887
"""Its multiples, less the whole, lie evenly however many there are (Kronecker sequence)."""

_RIGHT_OF_WAY = 2.0
"""A wait of a view of urgent rules counts so many times: under overload it is stretched by so much
less than the others, never below 1."""

_Class = tuple[float, bool]
"""Period in seconds, and whether it is urgent: views of one class wait in the order they began."""


class GlanceScheduler:
    """Views of one worker, each ready one period after its last glance began.

    Of those that are ready, the one is taken that waited longest, in units of its own period. So
    overload stretches every period by one and the same factor, whatever the load and from one
    moment to the next: no view starves while another is on time, nothing idles while a view is
    ready, and nothing has to recover when the load is gone. Views of urgent rules have the right
    of way: theirs is stretched by half as much.
    Cameras that come back together after an outage would be glanced at together ever after. So
    each view has a phase of its own, and in a crowd a glance moves towards it.
    """

    def __init__(
        self, periods: Mapping[ViewKey, float], now_s: float, urgent: Collection[ViewKey] = ()
    ) -> None:
        self._urgent = set(urgent) & set(periods)
        self._periods = {view: _positive(view, period_s) for view, period_s in periods.items()}
        self._rate_hz = _rate_hz(self._periods)
        self._queues: dict[_Class, list[tuple[float, ViewKey]]] = {}
        self._waiting: dict[ViewKey, float] = {}
        count = max(_FEWEST, min(_MOST, len(self._periods)))
        self._waits = deque([1.0] * count, count)
        self._stretch = 1.0
        self._worst_wait = 0.0
        self._taken_s: deque[float] = deque()
        self._crowded: set[ViewKey] = set()
        self._retried: set[ViewKey] = set()
        self._phases = {view: number * _GOLDEN % 1.0 for number, view in enumerate(periods)}
        for view, period_s in periods.items():
            self._wait_from(view, now_s + self._phases[view] * min(period_s, 1.0) - period_s)

    @property
    def stretch(self) -> float:
        """The common factor on all periods of late, 1 when glances are on time."""
        return self._stretch

    def set_period(self, view: ViewKey, period_s: float, now_s: float, *, urgent: bool) -> None:
        """Watch a view every `period_s` seconds from now on; views not watched are ignored."""
        if view not in self._periods:
            return
        if (self._periods[view], view in self._urgent) == (period_s, urgent):
            return
        ready_s = self._waiting.get(view, now_s) + self._periods[view]
        self._periods[view] = _positive(view, period_s)
        (self._urgent.add if urgent else self._urgent.discard)(view)
        self._rate_hz = _rate_hz(self._periods)
        if view in self._waiting:  # one that is in work waits from when it is finished
            self._wait_from(view, min(ready_s, now_s + period_s) - period_s)

    def take_due(self, now_s: float, limit: int) -> list[ViewKey]:
        """At most `limit` views that are ready, the longest wait first.

        A taken view is not due again until `finished` is called for it.
        """
        taken: list[ViewKey] = []
        while len(taken) < limit and (longest := self._longest_wait(now_s)) is not None:
            wait, which = longest
            view = heapq.heappop(self._queues[which])[1]
            del self._waiting[view]
            self._note_wait(view, wait)
            self._note_crowd(view, now_s)
            taken.append(view)
        return taken

    def finished(self, view: ViewKey, started_s: float) -> None:
        """Let a view wait for its next glance from the start of this one on, or from before."""
        if view in self._periods:
            self._wait_from(view, started_s - self._early_s(view, started_s))

    def retry(self, view: ViewKey, started_s: float) -> None:
        """Let a view whose glance gave nothing wait for a short while only."""
        if view in self._periods:
            self._retried.add(view)
            self._wait_from(view, started_s - self._periods[view] * (1 - _RETRY_SHARE))

    def worst_wait(self) -> float:
        """Longest wait of any view since the last call, in units of its own stretched period.

        1 is on time and even; fairness is that it stays below 2, whatever the load.
        """
        answer, self._worst_wait = self._worst_wait, 0.0
        return answer

    def next_due_s(self) -> float | None:
        """When the next view is ready, None if none waits."""
        heads = [(head, which) for which in self._queues if (head := self._head(which)) is not None]
        return min((head + period_s for head, (period_s, _) in heads), default=None)

    def _wait_from(self, view: ViewKey, began_s: float) -> None:
        self._waiting[view] = began_s
        which = self._periods[view], view in self._urgent
        heapq.heappush(self._queues.setdefault(which, []), (began_s, view))

    def _head(self, which: _Class) -> float | None:
        """Since when the longest waiting view of a class waits; forgets entries that are over."""
        queue = self._queues[which]
        while queue and not self._is_valid(queue[0], which):
            heapq.heappop(queue)
        return queue[0][0] if queue else None

    def _is_valid(self, entry: tuple[float, ViewKey], which: _Class) -> bool:
        began_s, view = entry
        now = self._periods[view], view in self._urgent
        return now == which and self._waiting.get(view) == began_s

    def _longest_wait(self, now_s: float) -> tuple[float, _Class] | None:
        """The wait of the view to be taken next, as far as it counts, and its class."""
        longest: tuple[float, _Class] | None = None
        for which in self._queues:
            period_s, is_urgent = which
            head = self._head(which)
            if head is None or head + period_s > now_s:
                continue
            wait = (now_s - head) / period_s * self._way(is_urgent)
            if longest is None or wait > longest[0]:
                longest = wait, which
        return longest

    def _way(self, is_urgent: bool) -> float:
        """How many times a wait counts; where all are urgent, none has the right of way."""
        return _RIGHT_OF_WAY if is_urgent and len(self._urgent) < len(self._periods) else 1.0

    def _note_wait(self, view: ViewKey, wait: float) -> None:
        """Learn the stretch from a wait that counted so much: the median of the last ones.

        Waits of views with the right of way say nothing: they are on time while others are not.
        """
        way = self._way(view in self._urgent)
        if way == 1.0:
            self._waits.append(wait)
            middle = median(self._waits)
            self._stretch = middle if middle > _ON_TIME else 1.0
        own = max(1.0, self._stretch / way)
        self._worst_wait = max(self._worst_wait, wait / way / own)

    def _note_crowd(self, view: ViewKey, now_s: float) -> None:
        """Remember a glance that comes among many more than an even spread would bring."""
        self._crowded.discard(view)
        if view in self._retried:  # as many as give nothing, and moved by that already
            self._retried.discard(view)
            return
        self._taken_s.append(now_s)
        while self._taken_s[0] < now_s - 1.0:
            self._taken_s.popleft()
        if len(self._taken_s) > max(_FEW, 2 * self._rate_hz):
            self._crowded.add(view)

    def _early_s(self, view: ViewKey, started_s: float) -> float:
        """How far a glance in a crowd lies behind its view's phase, bounded."""
        period_s = self._periods[view]
        if view not in self._crowded or period_s < _SPREAD_FROM_S:
            return 0.0
        behind = (started_s / period_s - self._phases[view]) % 1.0
        return period_s * min(behind, _SPREAD_BY)


def _rate_hz(periods: Mapping[ViewKey, float]) -> float:
    """Glances per second of all views together, unstretched."""
    return sum(1 / period_s for period_s in periods.values())


def _positive(view: ViewKey, period_s: float) -> float:
    if not period_s > 0:
        raise ValueError(f"glance period must be > 0 s, got {period_s} in view {view}")
    return period_s
