"""Which stop comes next, by priority and by the hour."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from pipeline.tour.plan import next_stop, open_views
from pipeline.tour.settings import StopSettings, TourSettings

CHINA = ZoneInfo("Asia/Shanghai")


def tour(**priorities: float) -> TourSettings:
    stops = [StopSettings(view=v, preset=v, priority=p) for v, p in priorities.items()]
    return TourSettings.model_validate({"host": "head", "stops": stops})


def visits(settings: TourSettings, rounds: int) -> list[str]:
    last: dict[str, float] = {}
    views = [stop.view for stop in settings.stops]
    order = []
    now = 0.0
    for _ in range(rounds):
        stop = next_stop(settings, last, now, views)
        assert stop is not None
        now += stop.dwell_s + 5.0
        last[stop.view] = now
        order.append(stop.view)
    return order


def test_equal_priorities_take_turns() -> None:
    assert set(Counter(visits(tour(a=1, b=1, c=1), 30)).values()) == {10}


def test_priority_two_comes_about_twice_as_often() -> None:
    count = Counter(visits(tour(a=2, b=1, c=1, d=1), 500))
    assert count["a"] / count["b"] == pytest.approx(2, rel=0.25)


def test_no_stop_starves() -> None:
    order = visits(tour(a=10, b=1, c=1), 400)
    assert min(Counter(order).values()) >= 5


def test_one_stop_is_visited_again_and_again() -> None:
    assert visits(tour(a=1), 3) == ["a", "a", "a"]


def test_nothing_open_is_no_stop() -> None:
    assert next_stop(tour(a=1), {}, 0.0, ()) is None


def test_night_plan_runs_past_midnight() -> None:
    night = {"from": "22:00", "to": "05:00"}
    settings = TourSettings.model_validate(
        {
            "host": "head",
            "stops": [
                {"view": "day", "preset": "1"},
                {"view": "n", "preset": "2", "hours": [night]},
            ],
        }
    )
    late = datetime(2026, 5, 2, 1, 0, tzinfo=CHINA)
    noon = datetime(2026, 5, 2, 12, 0, tzinfo=CHINA)
    assert open_views(settings, late, CHINA) == ("day", "n")
    assert open_views(settings, noon, CHINA) == ("day",)


def test_two_stops_of_one_view_are_refused() -> None:
    with pytest.raises(ValidationError, match="got twice: a"):
        TourSettings.model_validate(
            {"host": "h", "stops": [{"view": "a", "preset": "1"}, {"view": "a", "preset": "2"}]}
        )


def test_driving_needs_a_host() -> None:
    with pytest.raises(ValidationError, match="host must be given"):
        TourSettings.model_validate({"stops": [{"view": "a", "preset": "1"}]})
