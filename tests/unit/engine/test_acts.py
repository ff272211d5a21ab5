"""Who put it there: chosen among those who were near when a thing appeared."""

from __future__ import annotations

import numpy as np

from pipeline.acts import Scenes, act_of
from pipeline.types import Box, ClaimKey, Track

SIZE = (640, 360)
PLACE = (300.0, 200.0, 340.0, 240.0)
APPEARED_S = 5.0
MOMENTS = tuple(float(t) for t in np.arange(0, 10, 0.25))


def at(x: float, width: float = 40.0) -> Box:
    return (x, 140.0, x + width, 250.0)


def walker(t: float) -> Box:
    """Comes from the left, is at the place from 4 to 6 s, goes on."""
    return at(20 + 280 * min(t, 4.0) / 4 + max(0.0, t - 6) * 80)


def act(*others: tuple[str, object]):
    scenes = Scenes(PLACE, ClaimKey("garbage", "z", "g1"))
    for t in MOMENTS:
        tracks = []
        for number, (label, where) in enumerate(others):
            box = where(t)
            if box is not None:
                tracks.append(Track(number, label, box, 0.8, 0.0, t, None, 5))
        scenes.add(t, t >= APPEARED_S, tracks)
    return act_of(scenes, SIZE, MOMENTS[-1])


def test_whoever_came_and_left_did_it():
    found = act(("person", walker))
    assert (found.actor, found.appeared_s) == ("person", APPEARED_S)
    assert found.arrived_s is not None
    assert found.arrived_s < APPEARED_S < (found.left_s or 0.0)


def test_a_parked_car_did_nothing():
    assert act(("car", lambda t: at(345, 180))).actor is None
    assert act(("car", lambda t: at(345, 180)), ("person", walker)).actor == "person"


def test_a_car_that_drove_up_did_it():
    def comes(t: float) -> Box:
        return at(345 + max(0.0, 4 - t) * 60, 180)

    assert act(("car", comes)).actor == "car"


def test_a_car_that_came_into_the_picture_while_it_was_watched_is_not_parked():
    assert act(("car", lambda t: at(345, 180) if t >= 3 else None)).actor == "car"


def test_a_person_before_a_parked_car_did_it():
    """Somebody hides a part of the car for a while, and is gone when the bag is seen."""

    def car(t: float) -> Box:
        return (400.0, 140.0, 525.0, 250.0) if 4 <= t <= 5 else at(345, 180)

    def person(t: float) -> Box | None:
        return walker(t) if t < APPEARED_S - 0.3 else None

    assert act(("car", car), ("person", person)).actor == "person"
    assert act(("car", car)).actor is None


def test_the_thing_by_another_name_did_nothing():
    assert act(("tricycle", lambda t: PLACE if t >= APPEARED_S else None)).actor is None


def test_of_a_person_and_a_cart_at_the_same_moment_it_was_the_person():
    assert act(("tricycle", walker), ("person", walker)).actor == "person"


def test_who_stands_there_all_the_time_may_have_done_it():
    assert act(("person", lambda t: at(330))).actor == "person"


def test_nobody_near_is_nobody():
    assert act(("person", lambda t: at(20))).actor is None
    assert act().actor is None
