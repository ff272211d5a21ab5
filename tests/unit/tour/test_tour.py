"""The tour's state machine over a simulated head: minutes of a tour, no device, no sleep."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from pipeline.tour.closer import MAX_WANTS
from pipeline.tour.settings import StopSettings, TourSettings
from pipeline.tour.tour import Tour
from pipeline.tour.values import CloseLook, FaultKind, Seen, Stage
from pipeline.tour.verify import Reference
from streams.ptz.head import HeadPreset, HeadUnreachable, Pointing
from streams.ptz.simulated import Mechanics, Panorama, SimulatedHead

SPOTS = {
    "north": Pointing(-0.45, 0.35, 0.3),
    "market": Pointing(0.45, 0.30, 0.3),
    "station": Pointing(-0.05, -0.40, 0.3),
}
STEP_S = 0.5


def settings(**changes: object) -> TourSettings:
    stops = tuple(StopSettings(view=name, preset=name, dwell_s=6.0) for name in SPOTS)
    given = {"host": "head", "stops": stops, "manual_s": 20.0, "close_look_s": 3.0, **changes}
    return TourSettings.model_validate(given)


_REFERENCES: dict[int, dict[str, tuple[Reference, ...]]] = {}


def references_of(city: Panorama) -> dict[str, tuple[Reference, ...]]:
    """Prepared once per city: they do not change."""
    if id(city) not in _REFERENCES:
        _REFERENCES[id(city)] = {n: (Reference(city.picture(at)),) for n, at in SPOTS.items()}
    return _REFERENCES[id(city)]


@dataclass
class Eagle:
    """A head over a city, its tour, and a clock that only `drive` turns."""

    city: Panorama
    tour_settings: TourSettings = field(default_factory=settings)
    mechanics: Mechanics = field(default_factory=Mechanics)
    seed: int = 0
    now_s: float = 1000.0
    known: bool = False
    driven: bool = True
    lag_s: float = 0.0

    def __post_init__(self) -> None:
        stored = {name: HeadPreset(name, name, at) for name, at in SPOTS.items()}
        clock: Callable[[], float] = lambda: self.now_s  # noqa: E731 - read at every call
        self.head = SimulatedHead(stored, clock, self.mechanics, self.city, self.seed)
        self.tour = Tour(
            "eagle-1",
            self.tour_settings,
            self.head if self.driven else None,
            dict(references_of(self.city)) if self.known else {},
        )
        self.seen: list[tuple[float, Seen, Pointing]] = []
        self._film: deque[Pointing] = deque(maxlen=1 + round(self.lag_s / STEP_S))

    def drive(self, seconds: float, views: tuple[str, ...] = tuple(SPOTS)) -> Eagle:
        self.seen = []
        for _ in range(int(seconds / STEP_S)):
            self.now_s += STEP_S
            self._film.append(self.head.position())
            at = self._film[0]
            seen = self.tour.update(self.city.picture(at), self.now_s, views)
            self.seen.append((self.now_s, seen, at))
        return self

    @property
    def arrivals(self) -> list[str]:
        return [s.view.view_id for _, s, _ in self.seen if s.arrived and s.view]

    @property
    def faults(self) -> list[FaultKind]:
        return [fault.kind for _, s, _ in self.seen for fault in s.faults]

    def nearest(self, at: Pointing) -> str:
        return min(SPOTS, key=lambda n: abs(SPOTS[n].pan - at.pan) + abs(SPOTS[n].tilt - at.tilt))


def test_visits_every_stop_in_turn(by_day: Panorama) -> None:
    eagle = Eagle(by_day).drive(70)
    assert set(Counter(eagle.arrivals)) == set(SPOTS)
    assert max(Counter(eagle.arrivals).values()) - min(Counter(eagle.arrivals).values()) <= 1
    assert eagle.faults == []


def test_nothing_is_judged_while_the_head_moves(by_day: Panorama) -> None:
    eagle = Eagle(by_day).drive(40)
    judged = [(seen, at) for _, seen, at in eagle.seen if seen.view is not None]
    assert judged
    for seen, at in judged:
        assert seen.view is not None
        goal = SPOTS[seen.view.view_id]
        assert (at.pan, at.tilt) == pytest.approx((goal.pan, goal.tilt), abs=1e-6)


def test_a_closed_stop_is_not_visited(by_day: Panorama) -> None:
    assert set(Eagle(by_day).drive(30, ("north", "station")).arrivals) == {"north", "station"}


def test_all_stops_closed_rests(by_day: Panorama) -> None:
    eagle = Eagle(by_day).drive(10, ())
    assert eagle.tour.stage is Stage.CLOSED
    assert eagle.head.moves == []


def test_wrong_preset_is_a_health_event_and_is_never_judged(by_day: Panorama) -> None:
    eagle = Eagle(by_day, mechanics=Mechanics(wrong_share=0.4), known=True, seed=3).drive(60)
    assert FaultKind.WRONG_VIEW in eagle.faults
    for _, seen, at in eagle.seen:
        if seen.view is not None:
            assert eagle.nearest(at) == seen.view.view_id
    fault = next(f for _, s, _ in eagle.seen for f in s.faults)
    assert fault.picture is not None
    assert fault.reference is not None
    assert fault.instead in SPOTS


def test_a_preset_that_is_always_wrong_is_lost(by_day: Panorama) -> None:
    eagle = Eagle(by_day, known=True)
    eagle.head.stored["market"] = HeadPreset("market", "market", Pointing(0.9, -0.9, 0.3))
    eagle.drive(80)
    assert FaultKind.LOST_PRESET in eagle.faults
    assert "market" not in eagle.arrivals


def test_drift_is_laid_over_the_reference(by_day: Panorama) -> None:
    eagle = Eagle(by_day, mechanics=Mechanics(drift=0.008), known=True, seed=5).drive(50)
    shown = [s for _, s, _ in eagle.seen if s.arrived]
    assert len(shown) >= 3
    assert eagle.faults == []
    for seen in shown:
        assert seen.view is not None
        assert seen.image is not None
        reference = by_day.picture(SPOTS[seen.view.view_id]).astype(float)
        inner = (slice(40, -40), slice(40, -40))
        assert np.abs(seen.image.astype(float) - reference)[inner].mean() < 14


def test_a_wish_brings_a_closer_look_and_the_head_returns(by_day: Panorama) -> None:
    eagle = Eagle(by_day, known=True)
    box = (0.6, 0.5, 0.7, 0.6)
    eagle.tour.wants.add(CloseLook("market", box))
    eagle.drive(70)
    close = [(seen, at) for _, seen, at in eagle.seen if seen.close is not None]
    assert close
    assert all(seen.close.place_norm == box and seen.view is None for seen, _ in close)
    left, top, right, bottom = close[0][0].close.shown_norm
    assert (left + right, top + bottom) == pytest.approx((1.0, 1.0))
    assert right - left == pytest.approx(0.1 * 3.0 * 1.5)
    zooms = [at.zoom for _, at in close]
    assert min(zooms) > SPOTS["market"].zoom + 0.2
    assert eagle.arrivals.count("market") >= 2
    assert eagle.faults == []


def test_close_looks_are_bounded_and_the_lost_are_counted(by_day: Panorama) -> None:
    tour = Eagle(by_day).tour
    for number in range(MAX_WANTS + 5):
        x = 0.03 * number
        tour.wants.add(CloseLook("market", (x, 0.1, x + 0.02, 0.2), float(number)))
    assert tour.wants.dropped == 5


def test_one_place_is_wished_for_once(by_day: Panorama) -> None:
    tour = Eagle(by_day).tour
    for _ in range(MAX_WANTS + 5):
        tour.wants.add(CloseLook("market", (0.1, 0.1, 0.2, 0.2)))
    assert tour.wants.dropped == 0


def test_hands_on_the_head_pause_the_tour_and_it_resumes(by_day: Panorama) -> None:
    eagle = Eagle(by_day, known=True).drive(20)
    eagle.tour.take_over(eagle.now_s)
    moves = len(eagle.head.moves)
    eagle.head.point(Pointing(0.9, 0.9, 0.1))
    eagle.drive(18)
    assert all(seen.view is None for _, seen, _ in eagle.seen)
    assert len(eagle.head.moves) == moves
    assert eagle.drive(40).arrivals


def test_an_unannounced_move_counts_as_hands(by_day: Panorama) -> None:
    eagle = Eagle(by_day, known=True)
    while eagle.tour.stage is not Stage.WATCHING:
        eagle.drive(STEP_S)
    eagle.head.point(Pointing(0.9, -0.9, 0.3))
    eagle.drive(3)
    assert eagle.tour.stage is Stage.BY_HAND
    assert eagle.faults == []


def test_pictures_that_come_late_are_not_taken_for_the_next_preset(by_day: Panorama) -> None:
    eagle = Eagle(by_day, lag_s=2.5).drive(90)
    assert set(eagle.arrivals) == set(SPOTS)
    assert eagle.faults == []
    for _, seen, at in eagle.seen:
        if seen.view is not None:
            assert eagle.nearest(at) == seen.view.view_id


def test_a_preset_first_seen_as_another_one_is_not_learned(by_day: Panorama) -> None:
    eagle = Eagle(by_day)
    eagle.head.stored["market"] = HeadPreset("market", "market", SPOTS["north"])
    eagle.drive(60)
    assert "market" not in eagle.arrivals
    fault = next(f for _, s, _ in eagle.seen for f in s.faults)
    assert fault.view.view_id == "market" or fault.instead == "market"


def test_a_swaying_mast_is_not_judged_and_then_registered_anew(by_day: Panorama) -> None:
    eagle = Eagle(by_day, settings(), known=True)
    while eagle.tour.stage is not Stage.WATCHING:
        eagle.drive(STEP_S)
    at = eagle.head.position()
    eagle.head.point(Pointing(at.pan + 0.01, at.tilt, at.zoom))
    first = eagle.drive(STEP_S).seen[0][1]
    assert first.view is None
    shown = [s for _, s, _ in eagle.drive(3).seen if s.view]
    assert shown
    assert not any(s.arrived for s in shown)
    assert eagle.faults == []
    reference = by_day.picture(at).astype(float)
    inner = (slice(40, -40), slice(40, -40))
    assert np.abs(shown[-1].image.astype(float) - reference)[inner].mean() < 14


def test_hands_that_keep_moving_keep_the_head(by_day: Panorama) -> None:
    eagle = Eagle(by_day, known=True).drive(20)
    eagle.tour.take_over(eagle.now_s)
    for number in range(8):
        eagle.head.point(Pointing(0.9 - 0.2 * number, 0.9, 0.1))
        eagle.drive(5)
        assert eagle.tour.stage is Stage.BY_HAND
    assert eagle.drive(60).arrivals


def test_a_preset_that_the_device_does_not_know_is_refused_and_the_others_go_on(
    by_day: Panorama,
) -> None:
    eagle = Eagle(by_day, known=True)
    del eagle.head.stored["market"]
    eagle.drive(60)
    assert set(eagle.faults) == {FaultKind.HEAD_REFUSED}
    assert set(eagle.arrivals) == {"north", "station"}


def test_a_preset_that_the_device_no_longer_visits_is_lost(by_day: Panorama) -> None:
    eagle = Eagle(by_day, settings(driver="device", host=""), known=True, driven=False)
    found = []
    for _ in range(7):
        for name in ("station", "north"):
            eagle.head.goto(name)
            eagle.drive(12)
            found += [f for _, s, _ in eagle.seen for f in s.faults]
    assert [(f.kind, f.view.view_id) for f in found] == [(FaultKind.LOST_PRESET, "market")]


class Deaf(SimulatedHead):
    def goto(self, token: str) -> None:
        raise HeadUnreachable("head must answer within 5 s")


def test_a_silent_head_is_a_health_event(by_day: Panorama) -> None:
    eagle = Eagle(by_day)
    eagle.tour.head = Deaf(eagle.head.stored, lambda: eagle.now_s)
    assert set(eagle.drive(3).faults) == {FaultKind.HEAD_SILENT}


def test_a_device_on_its_own_tour_is_recognised(by_day: Panorama) -> None:
    eagle = Eagle(by_day, settings(driver="device", host=""), known=True, driven=False)
    shown = []
    for name in ("station", "north", "market", "north"):
        eagle.head.goto(name)
        eagle.drive(12)
        shown += eagle.arrivals
        assert eagle.faults == []
    assert shown == ["station", "north", "market", "north"]
    assert eagle.head.moves == ["station", "north", "market", "north"]


def test_visits_survive_a_restart(by_day: Panorama) -> None:
    before = Eagle(by_day).drive(60)
    after = Eagle(by_day, now_s=before.now_s)
    after.tour.resume(before.tour.visits)
    oldest = min(before.tour.visits, key=lambda v: before.tour.visits[v])
    assert after.drive(15).arrivals[0] == oldest


def test_a_head_in_an_operators_hand_stays_there_until_it_is_given_back(by_day: Panorama) -> None:
    eagle = Eagle(by_day, known=True)
    while eagle.tour.stage is not Stage.WATCHING:
        eagle.drive(STEP_S)
    eagle.tour.held = True
    moves = len(eagle.head.moves)
    eagle.head.point(Pointing(0.9, 0.9, 0.1))
    eagle.drive(60)
    assert eagle.tour.stage is Stage.BY_HAND
    assert [s.left is not None for _, s, _ in eagle.seen] == [True] + [False] * 119
    assert all(seen.view is None for _, seen, _ in eagle.seen)
    assert len(eagle.head.moves) == moves
    assert eagle.faults == []
    eagle.tour.held = False
    eagle.drive(STEP_S)
    assert len(eagle.head.moves) == moves + 1
    assert eagle.drive(15).arrivals
