"""Which view is glanced at next: earliest deadline first, stretched evenly under overload."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Mapping

from pipeline.types import ViewKey

_GROW = 1.1
_SHRINK = 0.95
_LATE_SHARE = 0.5
_EASY_SHARE = 0.25
_ADAPT_EVERY_S = 1.0
_MOST_STRETCH = 60.0
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
"""Views of urgent rules are stretched by so much less than the others, never below 1."""


class GlanceScheduler:
    """Deadlines of all views of one worker; earliest deadline first (Liu and Layland 1973).

    Overload shows as lateness. Then one factor stretches every period alike, so that no view
    starves while another is on time; it shrinks back as soon as glances are on time again.
    Views of urgent rules have the right of way: theirs is stretched by half as much.
    Cameras that come back together after an outage would be glanced at together ever after. So
    each view has a phase of its own, and in a crowd a glance moves towards it.
    """

    def __init__(
        self, periods: Mapping[ViewKey, float], now_s: float, urgent: Collection[ViewKey] = ()
    ) -> None:
        self._urgent = frozenset(urgent)
        self._worst_wait = 0.0
        self._periods = {view: _positive(view, period_s) for view, period_s in periods.items()}
        self._rate_hz = _rate_hz(self._periods)
        self._due: list[tuple[float, ViewKey]] = []
        self._taken_s: deque[float] = deque()
        self._crowded: set[ViewKey] = set()
        self._retried: set[ViewKey] = set()
        self._deadline: dict[ViewKey, float] = {}
        self._stretch = 1.0
        self._late = 0.0
        self._adapted_s = now_s
        self._phases = {view: number * _GOLDEN % 1.0 for number, view in enumerate(periods)}
        for view, period_s in periods.items():
            self._plan(view, now_s + self._phases[view] * min(period_s, 1.0))

    @property
    def stretch(self) -> float:
        """The common factor on all periods, 1 when everything is on time."""
        return self._stretch

    def set_period(self, view: ViewKey, period_s: float, now_s: float) -> None:
        """Watch a view every `period_s` seconds from now on; views not watched are ignored."""
        if view not in self._periods or self._periods[view] == period_s:
            return
        self._periods[view] = _positive(view, period_s)
        self._rate_hz = _rate_hz(self._periods)
        if view in self._deadline:  # one that is in work is planned when it is finished
            self._plan(view, min(self._deadline[view], now_s + self._stretched_s(view)))

    def take_due(self, now_s: float, limit: int) -> list[ViewKey]:
        """At most `limit` views whose deadline is over, most urgent first.

        A taken view is not due again until `finished` is called for it.
        """
        taken: list[ViewKey] = []
        while self._due and len(taken) < limit and self._due[0][0] <= now_s:
            deadline, view = heapq.heappop(self._due)
            if self._deadline.get(view) != deadline:
                continue
            del self._deadline[view]
            late_s = now_s - deadline
            self._late = max(self._late, late_s / self._periods[view])
            self._worst_wait = max(self._worst_wait, 1 + late_s / self._stretched_s(view))
            taken.append(view)
            self._note_crowd(view, now_s)
        self._adapt(now_s)
        return taken

    def finished(self, view: ViewKey, started_s: float) -> None:
        """Plan the next glance one stretched period after the start of this one, or earlier."""
        if view in self._periods:
            self._plan(view, started_s + self._stretched_s(view) - self._early_s(view, started_s))

    def retry(self, view: ViewKey, started_s: float) -> None:
        """Plan another try of a glance that gave nothing: soon, but for the stretch."""
        if view in self._periods:
            early_s = self._periods[view] * (1 - _RETRY_SHARE)
            self._retried.add(view)
            self._plan(view, started_s + self._stretched_s(view) - early_s)

    def worst_wait(self) -> float:
        """Longest wait of any view since the last call, in units of its own stretched period.

        1 is on time and even; fairness is that it stays below 2, whatever the load.
        """
        answer, self._worst_wait = self._worst_wait, 0.0
        return answer

    def next_due_s(self) -> float | None:
        """When the next view falls due, None if none waits."""
        while self._due and self._deadline.get(self._due[0][1]) != self._due[0][0]:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def _stretched_s(self, view: ViewKey) -> float:
        share = _RIGHT_OF_WAY if view in self._urgent else 1.0
        return self._periods[view] * max(1.0, self._stretch / share)

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
        if view not in self._crowded or period_s < _SPREAD_FROM_S or self._stretch > 1.0:
            return 0.0
        behind = (started_s / period_s - self._phases[view]) % 1.0
        return period_s * min(behind, _SPREAD_BY)

    def _plan(self, view: ViewKey, deadline_s: float) -> None:
        self._deadline[view] = deadline_s
        heapq.heappush(self._due, (deadline_s, view))

    def _adapt(self, now_s: float) -> None:
        if now_s - self._adapted_s < _ADAPT_EVERY_S:
            return
        self._adapted_s = now_s
        backlog = self.next_due_s()
        waiting = 0.0 if backlog is None else now_s - backlog
        if self._late > _LATE_SHARE and waiting > 0:
            self._stretch = min(_MOST_STRETCH, self._stretch * _GROW)
        elif self._late < _EASY_SHARE:
            self._stretch = max(1.0, self._stretch * _SHRINK)
        self._late = 0.0


def _rate_hz(periods: Mapping[ViewKey, float]) -> float:
    """Glances per second of all views together, unstretched."""
    return sum(1 / period_s for period_s in periods.values())


def _positive(view: ViewKey, period_s: float) -> float:
    if not period_s > 0:
        raise ValueError(f"glance period must be > 0 s, got {period_s} in view {view}")
    return period_s
