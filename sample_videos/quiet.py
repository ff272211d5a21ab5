"""Days without incidents before real places: streets with real passers-by, footage (file input).

Nothing in them is drawn: drawn cars were taken for garbage by a detector that never saw any. A
street is a photograph with what stands in it, its people are cut out of photographs; footage shows
its own cars, bicycles and people. Light and weather change over the day (`weather.py`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from sample_videos.composites import CLEAN_STREETS, STREET_CAMERA
from sample_videos.cutouts import people_cutouts
from sample_videos.errors import SampleError
from sample_videos.pictures import Pictures
from sample_videos.scenario import ActorSpec, Scenario
from sample_videos.stage import Stage
from sample_videos.timeline import ActorState
from sample_videos.weather import DAY_S, HOUR_S, DayWeather

Image = npt.NDArray[np.uint8]
_POOL = 24
_WIDEST_PX = 640
_FRAMES = 30
STREET_LIGHT_S, FOOTAGE_LIGHT_S = 600.0, 1800.0

QUIET_CLIPS = (
    ("pets09-s2l1/video.mp4", 30),
    ("mall-a/video.mp4", 80),
    ("intel-car-detection.mp4", 15),
    ("road-overhead-360p.mp4", 15),
    ("intel-one-by-one-person.mp4", 15),
    ("highway-m30-240p.mp4", 15),
)
"""Clips of fixed cameras without an incident, and the crowd limit that a site would set there."""


class QuietView(Protocol):
    """One camera over one day in which nothing is wrong.

    Attributes:
        name: Where it is.
        kind: "street" or "footage".
        size: (width, height) of its pictures.
        crowd_limit: People from which a site would call it a crowd.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def crowd_limit(self) -> int: ...

    def content(self, t_s: float) -> Hashable:
        """What is to be seen at a second of the day; equal contents are equal pictures."""
        ...

    def picture(self, t_s: float) -> Image:
        """The picture at a second of the day, (height, width, 3) BGR."""
        ...


@dataclass(frozen=True, slots=True)
class Episode:
    """Somebody who stays for a while: waits, talks, bends over something."""

    begin_s: float
    end_s: float
    state: ActorState


class StreetPeople:
    """Who is before a street camera over a day; what a `Stage` needs to draw it.

    Args:
        street: Name of the backdrop below the picture root.
        people: Names of cut-outs of whole people.
        seed: Decides about everything.
        busy: People per minute in the view at noon.
    """

    def __init__(self, street: str, people: Sequence[str], seed: int, busy: float = 2.5) -> None:
        self._scenario = Scenario.model_validate({
            "name": f"quiet-{seed}", "about": "A day without incidents.", "seed": seed,
            "duration_s": DAY_S, "fps": 1, "backdrop": {"kind": "picture", "picture": street},
            "conditions": {"noise": 0}, "cameras": [STREET_CAMERA],
        })  # fmt: skip
        self._seed, self._busy = seed, busy
        rng = np.random.default_rng([seed, 5])
        chosen = [people[int(i)] for i in rng.permutation(len(people))[:_POOL]]
        self._pool = [
            ActorSpec(id=f"p{i}", kind="cutout", picture=name, label="person",
                      size_m=float(rng.uniform(1.6, 1.85)))
            for i, name in enumerate(chosen)
        ]  # fmt: skip
        self.episodes = sorted(self._episodes(rng), key=lambda e: e.begin_s)

    @property
    def scenario(self) -> Scenario:
        """Backdrop, camera and seed; its events are made by the day."""
        return self._scenario

    @property
    def actors(self) -> tuple[ActorSpec, ...]:
        """Everybody who may turn up."""
        return tuple(self._pool)

    def at(self, t_s: float) -> list[ActorState]:
        """Everybody who is before the camera at a second of the day."""
        rng = np.random.default_rng([self._seed, 6, int(t_s * 10)])
        states = [e.state for e in self.episodes if e.begin_s <= t_s < e.end_s]
        count = int(rng.poisson(self._busy * crowd_of_day(t_s) * 12 / 60))
        taken = {s.actor.id for s in states}
        free = [a for a in self._pool if a.id not in taken]
        for i in rng.choice(len(free), min(count, 8, len(free)), replace=False):
            place = (float(rng.uniform(-5, 5)), float(rng.uniform(4.5, 9.0)))
            states.append(ActorState(free[int(i)], place, 0.0, 0.0))
        return states

    def _episodes(self, rng: np.random.Generator) -> Iterator[Episode]:
        for i, begin in enumerate(rng.uniform(7 * HOUR_S, 22 * HOUR_S, 40)):
            place = (float(rng.uniform(-3.5, 3.5)), float(rng.uniform(4.5, 8)))
            state = ActorState(self._pool[i % len(self._pool)], place, 0.0)
            yield Episode(begin, begin + float(rng.exponential(45)), state)


class StreetDay:
    """A photographed street with real passers-by through a day; see `QuietView`."""

    kind = "street"
    size = (640, 480)
    crowd_limit = 15

    def __init__(self, data: Path, seed: int) -> None:
        street = CLEAN_STREETS[seed % len(CLEAN_STREETS)]
        self.name = Path(street).stem
        self._people = StreetPeople(street, people_cutouts(data), seed)
        camera = self._people.scenario.cameras[0]
        self._stage = Stage(self._people, camera, Pictures(data))
        self._weather = DayWeather(seed, self.size, STREET_LIGHT_S)

    def content(self, t_s: float) -> Hashable:
        """The step of light, and who stands where."""
        people = tuple((s.actor.id, s.at_m) for s in self._people.at(float(int(t_s))))
        return self._weather.step(t_s), people

    def picture(self, t_s: float) -> Image:
        """See `QuietView.picture`."""
        return self._weather.over(self._stage.frame(int(t_s))[0], self._weather.step(t_s))


class FootageDay:
    """Pictures of one real clip in any order through a day; see `QuietView`.

    Raises:
        SampleError: the clip cannot be read.
    """

    kind = "footage"

    def __init__(self, clip: Path, seed: int, crowd_limit: int) -> None:
        self.name, self._seed, self.crowd_limit = (
            clip.parent.name + "/" + clip.name,
            seed,
            crowd_limit,
        )
        self._frames = _frames(clip)
        height, width = self._frames[0].shape[:2]
        self.size = (width, height)
        self._weather = DayWeather(seed, self.size, FOOTAGE_LIGHT_S)

    def content(self, t_s: float) -> Hashable:
        """The step of light, and the number of the clip's picture."""
        return self._weather.step(t_s), self._number(t_s)

    def picture(self, t_s: float) -> Image:
        """See `QuietView.picture`."""
        return self._weather.over(self._frames[self._number(t_s)], self._weather.step(t_s))

    def _number(self, t_s: float) -> int:
        return int(np.random.default_rng([self._seed, int(t_s)]).integers(len(self._frames)))


def quiet_view(seed: int, data: Path | None, footage: Path | None) -> QuietView:
    """The place of one day: streets on even days, footage on odd ones, as far as they are there.

    Raises:
        SampleError: neither is there.
    """
    clips = [(footage / n, most) for n, most in QUIET_CLIPS if (footage / n).is_file()] if (
        footage is not None
    ) else []  # fmt: skip
    if clips and (data is None or seed % 2):
        clip, most = clips[seed // 2 % len(clips)]
        return FootageDay(clip, seed, most)
    if data is None:
        raise SampleError("quiet days need annotated pictures or clips, found neither")
    return StreetDay(data, seed // 2 if clips else seed)


def _frames(clip: Path) -> list[Image]:
    """At most `_FRAMES` pictures of a clip, evenly spread, at most `_WIDEST_PX` wide."""
    reader = cv2.VideoCapture(str(clip))
    count = max(1, int(reader.get(cv2.CAP_PROP_FRAME_COUNT)))
    wanted = {round(i * (count - 1) / (_FRAMES - 1)) for i in range(_FRAMES)}
    out: list[Image] = []
    for index in range(count):
        if not reader.grab():
            break
        ok, image = reader.retrieve() if index in wanted else (False, None)
        if ok and image is not None:
            scale = min(1.0, _WIDEST_PX / image.shape[1])
            size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            out.append(np.asarray(small, np.uint8))
    reader.release()
    if not out:
        raise SampleError(f"clip {clip.name} must hold pictures, none could be read")
    return out


def crowd_of_day(t_s: float) -> float:
    """Share of the noon's people at a second of the day: two rush hours, a quiet night."""
    hour = t_s / HOUR_S
    rush = math.exp(-((hour - 8.5) ** 2) / 4) + math.exp(-((hour - 18) ** 2) / 6)
    day = 1 / (1 + math.exp(-(hour - 7) * 1.5)) / (1 + math.exp(hour - 22))
    return 0.03 + 0.7 * day + 0.6 * rush
