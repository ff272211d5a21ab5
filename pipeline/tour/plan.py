"""Where a tour goes next: the stop that is due first by its priority. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from pipeline.tour.settings import TRAVEL_S, StopSettings, TourSettings


def next_stop(
    tour: TourSettings, last_visit_s: Mapping[str, float], now_s: float, open_now: Sequence[str]
) -> StopSettings | None:
    """The open stop that is due first, None when all are closed.

    A stop is due one period after its last visit, and periods are shared out so that they add
    up to the tour: priority 2 has half the period of priority 1. A stop that was never visited
    goes before all others; the one visited last only comes again at once when it is alone.

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
    tour_s = sum((stop.dwell_s + TRAVEL_S) * stop.priority for stop in stops)
    return min(others, key=lambda stop: last_visit_s[stop.view] - now_s + tour_s / stop.priority)


def open_views(tour: TourSettings, at: datetime, clock: tzinfo) -> tuple[str, ...]:
    """Views of the stops that are visited at an aware time."""
    return tuple(stop.view for stop in tour.open_stops(at, clock))
