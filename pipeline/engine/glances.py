"""Which view is glanced at next: earliest deadline first, stretched evenly under overload."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from zlib import crc32

from pipeline.types import ViewKey

_GROW = 1.1
_SHRINK = 0.95
_LATE_SHARE = 0.5
_EASY_SHARE = 0.1
_ADAPT_EVERY_S = 1.0
_MOST_STRETCH = 60.0


class GlanceScheduler:
    """Deadlines of all views of one worker; earliest deadline first (Liu and Layland 1973).

    Overload shows as lateness. Then one factor stretches every period alike, so that no view
    starves while another is on time; it shrinks back as soon as glances are on time again.
    The phase of each view comes from its name, so that equal periods do not fall due together.
    """

    def __init__(self, periods: Mapping[ViewKey, float], now_s: float) -> None:
        self._periods = {view: _positive(view, period_s) for view, period_s in periods.items()}
        self._due: list[tuple[float, ViewKey]] = []
        self._deadline: dict[ViewKey, float] = {}
        self._stretch = 1.0
        self._late = 0.0
        self._adapted_s = now_s
        for view, period_s in periods.items():
            phase = crc32(str(view).encode()) % 1000 / 1000
            self._plan(view, now_s + phase * min(period_s, 1.0))

    @property
    def stretch(self) -> float:
        """The common factor on all periods, 1 when everything is on time."""
        return self._stretch

    def set_period(self, view: ViewKey, period_s: float, now_s: float) -> None:
        """Watch a view every `period_s` seconds from now on; views not watched are ignored."""
        if view not in self._periods or self._periods[view] == period_s:
            return
        self._periods[view] = _positive(view, period_s)
        if view in self._deadline:  # one that is in work is planned when it is finished
            self._plan(view, min(self._deadline[view], now_s + period_s * self._stretch))

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
            wait = (now_s - deadline) / self._periods[view]
            self._late = max(self._late, wait)
            taken.append(view)
        self._adapt(now_s)
        return taken

    def finished(self, view: ViewKey, started_s: float) -> None:
        """Plan the next glance one stretched period after the start of this one."""
        if view in self._periods:
            self._plan(view, started_s + self._periods[view] * self._stretch)

    def next_due_s(self) -> float | None:
        """When the next view falls due, None if none waits."""
        while self._due and self._deadline.get(self._due[0][1]) != self._due[0][0]:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

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


def _positive(view: ViewKey, period_s: float) -> float:
    if not period_s > 0:
        raise ValueError(f"glance period must be > 0 s, got {period_s} in view {view}")
    return period_s
