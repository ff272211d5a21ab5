"""A day without incidents before a real street: light, weather, people, cars (made at run time)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sample_videos.composites import CLEAN_STREETS, STREET_CAMERA
from sample_videos.pictures import Pictures
from sample_videos.scenario import ActorSpec, Clothes, Scenario
from sample_videos.stage import Stage
from sample_videos.timeline import ActorState

Image = npt.NDArray[np.uint8]
DAY_S = 86_400.0
_POOL = 60
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Episode:
    """Something that stays for a while: a parked car, a delivery, a cleaner, somebody who waits."""

    begin_s: float
    end_s: float
    states: tuple[ActorState, ...]


class QuietDay:
    """What is before a street camera from midnight to midnight; the same for the same seed.

    It has what a `Timeline` has, so that a `Stage` can draw it.

    Args:
        street: Name of the backdrop below the picture root.
        seed: Decides about everything.
        busy: People per minute in the view at noon.
    """

    def __init__(self, street: str, seed: int, busy: float = 2.5) -> None:
        self._scenario = Scenario.model_validate({
            "name": f"quiet-{seed}", "about": "A day without incidents.", "seed": seed,
            "duration_s": DAY_S, "fps": 1, "backdrop": {"kind": "picture", "picture": street},
            "conditions": {"noise": 0}, "cameras": [STREET_CAMERA],
        })  # fmt: skip
        self._seed, self._busy = seed, busy
        rng = np.random.default_rng([seed, 5])
        self._pool = [ActorSpec(id=f"p{i}", kind="person") for i in range(_POOL)]
        vest = Clothes(head="cap", vest=(240, 110, 30))
        self._cleaner = ActorSpec(id="cleaner", kind="person", clothes=vest)
        self._courier = ActorSpec(id="courier", kind="person")
        self._vehicles = [ActorSpec(id=f"car{i}", kind="car") for i in range(8)]
        self._van = ActorSpec(id="van", kind="van")
        self.episodes = sorted(self._episodes(rng), key=lambda e: e.begin_s)
        self._rain = [
            (b, b + float(rng.uniform(0.5, 3)) * _HOUR_S) for b in rng.uniform(0, DAY_S, 2)
        ]

    @property
    def scenario(self) -> Scenario:
        """Backdrop, camera and seed; its events are made by the day."""
        return self._scenario

    @property
    def actors(self) -> tuple[ActorSpec, ...]:
        """Everybody who may turn up."""
        return (*self._pool, self._cleaner, self._courier, *self._vehicles, self._van)

    def at(self, t_s: float) -> list[ActorState]:
        """Everybody who is before the camera at a second of the day."""
        rng = np.random.default_rng([self._seed, 6, int(t_s * 10)])
        states = [s for e in self.episodes if e.begin_s <= t_s < e.end_s for s in e.states]
        count = int(rng.poisson(self._busy * crowd_of_day(t_s) * 12 / 60))
        taken = {s.actor.id for s in states}
        free = [a for a in self._pool if a.id not in taken]
        for i in rng.choice(len(free), min(count, 8), replace=False):
            place = (float(rng.uniform(-5, 5)), float(rng.uniform(4.5, 9.0)))
            heading = float(rng.choice([0.0, math.pi]) + rng.normal(0, 0.15))
            states.append(ActorState(free[int(i)], place, heading, float(rng.uniform(0, 9))))
        return states

    def _episodes(self, rng: np.random.Generator) -> Iterator[Episode]:
        for car in self._vehicles[:3]:
            begin = float(rng.uniform(0, 6 * _HOUR_S))
            side = float(rng.choice([-1, 1]))
            while begin < DAY_S:
                lasts = float(rng.uniform(600, 3 * _HOUR_S))
                place = (side * float(rng.uniform(3.5, 6.5)), float(rng.uniform(10.5, 13)))
                yield Episode(begin, begin + lasts, (ActorState(car, place, 0.0),))
                begin += lasts + float(rng.exponential(1.5 * _HOUR_S))
        for begin in rng.uniform(7 * _HOUR_S, 20 * _HOUR_S, 4):
            x = float(rng.uniform(-3, 3))
            van = ActorState(self._van, (x, 11.0), math.pi)
            man = ActorState(self._courier, (x + 1.5, 9.2), -1.5)
            lasts = float(rng.uniform(180, 540))
            yield Episode(begin, begin + lasts, (van,))
            yield Episode(begin + 20, begin + 70, (man,))
        for begin in rng.uniform(5 * _HOUR_S, 18 * _HOUR_S, 4):
            x = float(rng.uniform(-2.5, 2.5))
            pose = ActorState(self._cleaner, (x, 5.5), 0.6, lean=0.6, reach=0.3)
            yield Episode(begin, begin + float(rng.uniform(20, 80)), (pose,))
        for i, begin in enumerate(rng.uniform(7 * _HOUR_S, 22 * _HOUR_S, 40)):
            place = (float(rng.uniform(-3.5, 3.5)), float(rng.uniform(4.5, 8)))
            who = self._pool[i % _POOL]
            state = ActorState(who, place, float(rng.uniform(-3, 3)))
            yield Episode(begin, begin + float(rng.exponential(45)), (state,))

    def is_raining(self, t_s: float) -> bool:
        """True in one of the day's two showers."""
        return any(begin <= t_s < end for begin, end in self._rain)


def crowd_of_day(t_s: float) -> float:
    """Share of the noon's people at a second of the day: two rush hours, a quiet night."""
    hour = t_s / _HOUR_S
    rush = math.exp(-((hour - 8.5) ** 2) / 4) + math.exp(-((hour - 18) ** 2) / 6)
    day = 1 / (1 + math.exp(-(hour - 7) * 1.5)) / (1 + math.exp(hour - 22))
    return 0.03 + 0.7 * day + 0.6 * rush


def sunlight(t_s: float) -> float:
    """0 by night .. 1 at noon, sunrise at 6, sunset at 18.30."""
    height = math.sin(math.pi * (t_s / _HOUR_S - 6) / 12.5)
    return math.sqrt(max(0.0, height))


class QuietPictures:
    """Draws a quiet day, glance by glance."""

    def __init__(self, pictures: Pictures, seed: int) -> None:
        self.day = QuietDay(CLEAN_STREETS[seed % len(CLEAN_STREETS)], seed)
        self._stage = Stage(self.day, self.day.scenario.cameras[0], pictures)
        rng = np.random.default_rng([seed, 8])
        self._clouds = rng.normal(0, 1, 24 * 20 + 2)
        self._edge = float(rng.uniform(-0.4, 0.4))
        self._grain = rng.standard_normal((512, 672, 1), dtype=np.float32)

    def picture(self, t_s: float) -> Image:
        """The picture at a second of the day, (480, 640, 3) BGR."""
        image = self._stage.frame(int(t_s))[0].astype(np.float32)
        sun = sunlight(t_s)
        image *= self._gain(t_s, sun)[..., None]
        # Light is warm near sunrise and sunset, and yellow under lamps.
        warm = 0.10 * math.exp(-((sun - 0.3) ** 2) / 0.05) if sun else 0.18
        image *= np.array((1 - warm, 1.0, 1 + 0.5 * warm), np.float32)
        rng = np.random.default_rng([int(t_s), 9])
        noise = 1.0 + 5.0 * (1 - sun) ** 2
        dy, dx = (int(v) for v in rng.integers(0, 32, 2))
        image += self._grain[dy : dy + 480, dx : dx + 640] * np.float32(noise)
        if self.day.is_raining(t_s):
            image = image * 0.82 + 22
            for x, y in zip(rng.integers(0, 640, 140), rng.integers(-30, 480, 140), strict=True):
                start, end = (int(x), int(y)), (int(x) + 4, int(y) + 26)
                cv2.line(image, start, end, (190, 190, 190), 1, cv2.LINE_AA)
        sway = rng.normal(0, 0.35, 2)
        move = np.array([[1, 0, sway[0]], [0, 1, sway[1]]], np.float32)
        moved = cv2.warpAffine(image, move, (640, 480), borderMode=cv2.BORDER_REPLICATE)
        return np.clip(moved, 0, 255).astype(np.uint8)

    def _gain(self, t_s: float, sun: float) -> npt.NDArray[np.float32]:
        """Brightness: the camera evens out most of it; clouds, and a shadow that wanders."""
        step = t_s / (_HOUR_S / 20)
        low, share = int(step), step - int(step)
        cloud = (1 - share) * self._clouds[low] + share * self._clouds[low + 1]
        level = (0.34 + 0.66 * sun) * (1 + 0.10 * sun * float(cloud))
        columns = np.linspace(-1, 1, 640, dtype=np.float32)[None, :]
        rows = np.linspace(0, 1, 480, dtype=np.float32)[:, None]
        edge = self._edge + 1.6 * (t_s / DAY_S - 0.5) * 2 + 0.5 * rows
        shade = 1 / (1 + np.exp(-(columns - edge) * 25))
        return np.asarray(level * (1 - 0.38 * sun * shade), np.float32)
