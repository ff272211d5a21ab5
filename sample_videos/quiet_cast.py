"""Who comes before a quiet camera over a day, and what is lawfully put there; nothing is drawn.

Passers-by, people who wait, a street cleaner with a bin on wheels, deliveries, parked cars,
bins that are put out and taken in: everything that a patrol must not take for an incident. All of
it is cut out of photographs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sample_videos.cutouts import CLOSED_BINS, VANS
from sample_videos.scenario import ActorSpec, Metres2, Scenario
from sample_videos.timeline import ActorState
from sample_videos.weather import DAY_S, HOUR_S

_WAITING = 6
"""So many people wait, clean and deliver; the others pass by."""
_BUCKET_S = 60.0
_PER_MINUTE = 2.5
"""Passers-by, times `crowd_of_day`."""
_EDGE_M = 1.0
_HALF_WIDTH = 0.62
"""Half of what a camera sees at a metre's distance, in metres, a little more."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody or something before the camera.

    Attributes:
        actor: Who or what.
        way: (second of the day, x, y) in metres on the ground, in order; straight in between.
    """

    actor: ActorSpec
    way: tuple[tuple[float, float, float], ...]

    @property
    def begin_s(self) -> float:
        """It is there from this second."""
        return self.way[0][0]

    @property
    def end_s(self) -> float:
        """It is gone from this second."""
        return self.way[-1][0]

    def state(self, t_s: float) -> ActorState:
        """Where it is, to the centimetre."""
        times, across, away = zip(*self.way, strict=True)
        x, y = (round(float(np.interp(t_s, times, line)), 2) for line in (across, away))
        return ActorState(self.actor, (x, y), 0.0)


class DayCast:
    """Everybody of one day; what a `Stage` needs to draw it.

    Args:
        scenario: Backdrop, camera and seed.
        visits: Who comes when.
    """

    def __init__(self, scenario: Scenario, visits: Sequence[Visit]) -> None:
        self._scenario = scenario
        self._actors = {visit.actor.id: visit.actor for visit in visits}
        self._by_minute: dict[int, list[Visit]] = defaultdict(list)
        for visit in sorted(visits, key=lambda v: v.begin_s):
            for minute in range(int(visit.begin_s // _BUCKET_S), int(visit.end_s // _BUCKET_S) + 1):
                self._by_minute[minute].append(visit)

    @property
    def scenario(self) -> Scenario:
        """Backdrop, camera and seed."""
        return self._scenario

    @property
    def actors(self) -> tuple[ActorSpec, ...]:
        """Everybody who may turn up."""
        return tuple(self._actors.values())

    def at(self, t_s: float) -> list[ActorState]:
        """Everybody who is before the camera at a second of the day."""
        due = self._by_minute.get(int(t_s // _BUCKET_S), ())
        return [visit.state(t_s) for visit in due if visit.begin_s <= t_s < visit.end_s]


@dataclass(slots=True)
class DayPlan:
    """Draws up a day: each part adds its visits.

    Args:
        people: Names of cut-outs of whole people.
        seed: Decides about everything.
        near_m: Nearest and farthest place on the ground where people walk.
    """

    people: Sequence[str]
    seed: int
    near_m: tuple[float, float] = (4.5, 9.0)
    visits: list[Visit] = field(default_factory=list)
    _rng: np.random.Generator = field(init=False)
    _pool: list[ActorSpec] = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, 5])
        order = self._rng.permutation(len(self.people))
        self._pool = [
            _cutout(f"p{i}", self.people[int(k)], "person", float(self._rng.uniform(1.6, 1.85)))
            for i, k in enumerate(order)
        ]

    def street(self) -> list[Visit]:
        """All that happens in a street."""
        self._pass_by(_PER_MINUTE)
        self._wait(40)
        for hour in (6.3, 13.0, 19.2):
            self._clean(hour * HOUR_S + float(self._rng.uniform(0, 1500)))
        for begin in self._rng.uniform(7 * HOUR_S, 20 * HOUR_S, 6):
            self._deliver(float(begin))
        for hour in (8.2, 15.5):
            name, label = VANS[int(self._rng.integers(len(VANS)))]
            self._stand((name, label, 1.6), hour * HOUR_S, 2.0 * HOUR_S)
        name = CLOSED_BINS[int(self._rng.integers(len(CLOSED_BINS)))]
        self._stand((name, "bin", 1.2), 5.8 * HOUR_S, 4.6 * HOUR_S)
        return self.visits

    def works(self) -> list[Visit]:
        """People at work: they come, do something, go."""
        self._pass_by(1.0)
        self._wait(60)
        return self.visits

    def _pass_by(self, per_minute: float) -> None:
        passers = self._pool[_WAITING:] or self._pool
        most = per_minute * max(crowd_of_day(h * HOUR_S / 4) for h in range(96)) / 60
        t_s, number = 0.0, 0
        while True:
            t_s += float(self._rng.exponential(1 / most))
            if t_s > DAY_S - 60:
                return
            if self._rng.uniform() * most > per_minute / 60 * crowd_of_day(t_s):
                continue
            y, side = float(self._rng.uniform(*self.near_m)), float(self._rng.choice((-1, 1)))
            edge = side * (_HALF_WIDTH * y + _EDGE_M)
            took_s = 2 * abs(edge) / float(self._rng.uniform(1.0, 1.6))
            drift = y + float(self._rng.uniform(-0.4, 0.4))
            way = ((t_s, edge, y), (t_s + took_s, -edge, drift))
            self.visits.append(Visit(passers[number % len(passers)], way))
            number += 1

    def _wait(self, count: int) -> None:
        """Somebody comes, stays for about a minute, goes."""
        for begin in sorted(self._rng.uniform(7 * HOUR_S, 22 * HOUR_S, count)):
            x, y = self._spot()
            stays_s = 5.0 + float(self._rng.exponential(45))
            self._come(self._waiting(), float(begin), [(x, y, stays_s)])

    def _clean(self, begin_s: float) -> None:
        """A cleaner goes along the pavement with a bin, a metre and a while at a time."""
        cleaner, y = self._waiting(), float(self._rng.uniform(5.0, 6.5))
        name = CLOSED_BINS[int(self._rng.integers(len(CLOSED_BINS)))]
        cart = _cutout(f"cart{begin_s:.0f}", name, "bin", 1.0)
        stops = [(-3.0 + k, y, float(self._rng.uniform(15, 45))) for k in range(7)]
        self._come(cleaner, begin_s, stops)
        self._come(cart, begin_s, [(x + 0.8, y + 0.1, stays) for x, y, stays in stops])

    def _deliver(self, begin_s: float) -> None:
        """A van or a pickup stops; its driver goes to a door and back."""
        name, label = VANS[int(self._rng.integers(len(VANS)))]
        x, y = float(self._rng.uniform(-2.0, 2.0)), float(self._rng.uniform(7.5, 9.0))
        stays_s = float(self._rng.uniform(180, 800))
        van = _cutout(f"van{begin_s:.0f}", name, label, 1.85)
        self._come(van, begin_s, [(x, y, stays_s)], speed_m_s=3.0)
        driver, at_s = self._waiting(), begin_s + 15.0
        while at_s < begin_s + stays_s - 60:
            beside = (x + 1.3, y - 0.3, float(self._rng.uniform(8, 25)))
            at_s = self._come(driver, at_s, [beside]) + float(self._rng.uniform(10, 40))

    def _stand(self, thing: tuple[str, str, float], begin_s: float, stays_s: float) -> None:
        """Somebody brings a thing that stands there for hours; somebody fetches it."""
        name, label, height_m = thing
        x, y = self._spot()
        begin_s += float(self._rng.uniform(0, 1800))
        stays_s *= float(self._rng.uniform(0.7, 1.3))
        self._come(
            _cutout(f"{label}{begin_s:.0f}", name, label, height_m), begin_s, [(x, y, stays_s)]
        )
        for moment in (begin_s, begin_s + stays_s):
            self._come(self._waiting(), moment, [(x + 0.7, y - 0.1, 6.0)])

    def _come(self, actor: ActorSpec, begin_s: float, stops: Sequence[tuple[float, float, float]],
              speed_m_s: float = 1.2) -> float:  # fmt: skip
        """From the nearer side to the stops (x, y, seconds) and back; the second it is gone."""
        first, last = stops[0], stops[-1]
        way = [(begin_s, _door(first), first[1])]
        for x, y, stays_s in stops:
            t_s, from_x, from_y = way[-1]
            t_s += float(np.hypot(x - from_x, y - from_y)) / speed_m_s
            way += [(t_s, x, y), (t_s + stays_s, x, y)]
        t_s, x, y = way[-1]
        way.append((t_s + abs(_door(last) - x) / speed_m_s, _door(last), y))
        way = [point for point in way if point[0] < DAY_S - 1]
        self.visits.append(Visit(actor, tuple(way)))
        return way[-1][0]

    def _spot(self) -> Metres2:
        y = float(self._rng.uniform(self.near_m[0], 8.0))
        return float(self._rng.uniform(-0.45, 0.45)) * y, y

    def _waiting(self) -> ActorSpec:
        return self._pool[int(self._rng.integers(min(_WAITING, len(self._pool))))]


def crowd_of_day(t_s: float) -> float:
    """How busy a second of the day is: 0.8 at noon, more in two rush hours, little by night."""
    hour = t_s / HOUR_S
    rush = float(np.exp(-((hour - 8.5) ** 2) / 4) + np.exp(-((hour - 18) ** 2) / 6))
    day = 1 / (1 + float(np.exp(-(hour - 7) * 1.5))) / (1 + float(np.exp(hour - 22)))
    return 0.03 + 0.7 * day + 0.6 * rush


def _cutout(name: str, picture: str, label: str, height_m: float) -> ActorSpec:
    return ActorSpec(id=name, kind="cutout", picture=picture, label=label, size_m=height_m)


def _door(stop: tuple[float, float, float]) -> float:
    x, y, _ = stop
    return (1 if x >= 0 else -1) * (_HALF_WIDTH * y + _EDGE_M)
