"""Who comes on a quiet day: everything an issue of a command centre would list as lawful."""

from __future__ import annotations

import numpy as np
import pytest

from sample_videos.composites import STREET_CAMERA
from sample_videos.cutouts import BYSTANDERS
from sample_videos.quiet import turn_of
from sample_videos.quiet_cast import DayCast, DayPlan, Visit, crowd_of_day
from sample_videos.scenario import ActorSpec, Scenario
from sample_videos.weather import DAY_S, HOUR_S

FASTEST_M_S = 3.01
"""Vans; nobody runs."""


def by_label(visits: list[Visit], label: str) -> list[Visit]:
    return [visit for visit in visits if visit.actor.label == label]


def stays_s(visit: Visit) -> float:
    """The longest time that it stands."""
    return max(
        b[0] - a[0] for a, b in zip(visit.way, visit.way[1:], strict=False) if a[1:] == b[1:]
    )


def cast(visits: list[Visit]) -> DayCast:
    scenario = Scenario.model_validate({
        "name": "quiet-1", "about": "A day.", "seed": 1, "duration_s": DAY_S, "fps": 10,
        "backdrop": {"kind": "picture", "picture": "street.webp"}, "cameras": [STREET_CAMERA],
    })  # fmt: skip
    return DayCast(scenario, visits)


def test_street_has_deliveries_cleaning_parked_cars_and_a_bin_that_is_put_out():
    visits = DayPlan(BYSTANDERS, 1).street()
    vehicles = by_label(visits, "car") + by_label(visits, "truck_bus")
    parked = [vehicle for vehicle in vehicles if stays_s(vehicle) > HOUR_S]
    vans = [vehicle for vehicle in vehicles if vehicle not in parked]
    assert (len(parked), len(vans)) == (2, 6)
    assert all(180 <= stays_s(van) <= 800 for van in vans)
    bins = by_label(visits, "bin")
    carts = [visit for visit in bins if len(visit.way) > 10]
    assert len(carts) == 3, "a bin on wheels that stops again and again, three times a day"
    assert all(stays_s(cart) < 60 for cart in carts)
    (put_out,) = (visit for visit in bins if visit not in carts)
    assert stays_s(put_out) > 3 * HOUR_S


def test_a_van_s_driver_comes_and_goes_while_it_stands():
    visits = DayPlan(BYSTANDERS, 2).street()
    for van in by_label(visits, "car") + by_label(visits, "truck_bus"):
        if stays_s(van) > HOUR_S:
            continue
        x = van.way[1][1]
        beside = [
            v for v in by_label(visits, "person")
            if van.begin_s < v.begin_s < van.end_s
            and any(abs(px - x - 1.3) < 1e-6 for _, px, _ in v.way)
        ]  # fmt: skip
        assert beside


def test_people_come_by_day_and_the_night_is_quiet():
    people = by_label(DayPlan(BYSTANDERS, 3).street(), "person")
    hours = np.histogram([p.begin_s / HOUR_S for p in people], bins=24, range=(0, 24))[0]
    assert hours[2:5].sum() < 0.1 * hours[8:11].sum()
    assert crowd_of_day(3 * HOUR_S) < 0.1 < 1.0 < crowd_of_day(8.5 * HOUR_S)


@pytest.mark.parametrize("seed", range(3))
def test_nobody_jumps_and_all_leave_before_midnight(seed):
    for visit in DayPlan(BYSTANDERS, seed).street():
        assert 0 <= visit.begin_s < visit.end_s < DAY_S
        for (t0, x0, y0), (t1, x1, y1) in zip(visit.way, visit.way[1:], strict=False):
            assert t1 >= t0
            assert np.hypot(x1 - x0, y1 - y0) <= FASTEST_M_S * (t1 - t0) + 1e-6


def test_cast_shows_a_visit_where_it_is_and_only_while_it_lasts():
    actor = ActorSpec(id="p0", kind="cutout", picture=BYSTANDERS[0], label="person", size_m=1.7)
    day = cast([Visit(actor, ((50.0, -4.0, 5.0), (130.0, 4.0, 6.0)))])
    assert [day.at(t) for t in (49.9, 130.0)] == [[], []]
    (half,) = day.at(90.0)
    assert half.at_m == (0.0, 5.5)
    assert half.actor == actor
    assert day.actors == (actor,)


def test_equal_seeds_are_equal_days_and_others_are_not():
    first, again, other = (DayPlan(BYSTANDERS, seed).street() for seed in (4, 4, 5))
    assert first == again
    assert first != other


def test_every_place_comes_once_before_one_comes_again():
    days = [turn_of(seed, ("street", "footage", "street", "works")) for seed in range(8)]
    assert days == [
        ("street", 0), ("footage", 0), ("street", 1), ("works", 0),
        ("street", 2), ("footage", 1), ("street", 3), ("works", 1),
    ]  # fmt: skip
    assert [turn_of(seed, ("footage",)) for seed in range(3)] == [("footage", n) for n in range(3)]


def test_works_shows_people_only():
    visits = DayPlan(BYSTANDERS, 1, (5.0, 8.0)).works()
    assert {visit.actor.label for visit in visits} == {"person"}
    standing = [v for v in visits if len(v.way) > 2]
    assert len(standing) == 60
