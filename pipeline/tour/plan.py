"""Where a tour goes next: the stop that is most overdue for its priority. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from pipeline.tour.settings import StopSettings, TourSettings


def next_stop(
    tour: TourSettings, last_visit_s: Mapping[str, float], now_s: float, open_now: Sequence[str]
) -> StopSettings | None:
    """The open stop with the largest waiting time times priority, None when all are closed.

    A stop that was never visited goes before all others, in the order of the file. So that a
    single stop does not travel to itself, the one visited last only comes when it is alone.

    Args:
        tour: The tour.
        last_visit_s: End of the last visit by view.
        now_s: On the same clock.
        open_now: Views whose hours allow a visit now.
    """
    stops = [stop for stop in tour.stops if stop.view in open_now]
    if not stops:
        return None
    newest = max(last_visit_s, key=lambda view: last_visit_s[view], default=None)
    others = [stop for stop in stops if stop.view != newest] or stops
    unseen = [stop for stop in others if stop.view not in last_visit_s]
    if unseen:
        return max(unseen, key=lambda stop: stop.priority)
    return max(others, key=lambda stop: (now_s - last_visit_s[stop.view]) * stop.priority)


def open_views(tour: TourSettings, at: datetime, clock: tzinfo) -> tuple[str, ...]:
    """Views of the stops that are visited at an aware time."""
    return tuple(stop.view for stop in tour.open_stops(at, clock))
