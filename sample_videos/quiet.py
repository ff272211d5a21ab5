"""Days without incidents before real places: streets, works, footage (file input).

Nothing in them is drawn: drawn cars were taken for garbage by a detector that never saw any. A
street is a photograph and a works hall a clip, with people and things cut out of photographs
(`quiet_cast.py`); footage shows its own cars, bicycles and people. Light and weather change over
the day (`weather.py`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from sample_videos.composites import CLEAN_STREETS, HALL, HALL_CAMERA, STREET_CAMERA
from sample_videos.cutouts import BYSTANDERS, HELMETED
from sample_videos.errors import SampleError
from sample_videos.pictures import Backdrop, Pictures
from sample_videos.quiet_cast import DayCast, DayPlan, Visit
from sample_videos.scenario import Scenario
from sample_videos.stage import Stage
from sample_videos.weather import DAY_S, DayWeather

Image = npt.NDArray[np.uint8]
FORM = 6
"""Goes up when the days show something else: what was watched before is then no longer counted."""
_FPS = 10
"""Moments of a day are told apart to a tenth of a second."""
_WIDEST_PX = 640
_SLOT_S = 120.0
"""A clip plays on for so long, then at another place of it."""
STREET_LIGHT_S, FOOTAGE_LIGHT_S = 600.0, 1800.0

QUIET_CLIPS = (
    ("pets09-s2l1/video.mp4", 30, True),
    ("mall-a/video.mp4", 80, False),
    ("intel-car-detection.mp4", 15, True),
    ("road-overhead-360p.mp4", 15, True),
    ("intel-one-by-one-person.mp4", 15, True),
    ("highway-m30-240p.mp4", 15, True),
)
"""Clips of fixed cameras without an incident, the crowd limit that a site would set there, and
whether street vending is watched for. In the mall it is not: a kiosk trades there all day, so that
an alarm at it would be right."""

_KINDS = ("street", "footage", "street", "footage", "works")


class QuietView(Protocol):
    """One camera over one day in which nothing is wrong.

    Attributes:
        name: Where it is.
        kind: "street", "works" or "footage".
        size: (width, height) of its pictures.
        rules: What a site would watch for there, as settings of rules.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def rules(self) -> tuple[dict[str, Any], ...]: ...

    def content(self, t_s: float) -> Hashable:
        """What is to be seen at a second of the day; equal contents are equal pictures."""
        ...

    def picture(self, t_s: float) -> Image:
        """The picture at a second of the day, (height, width, 3) BGR."""
        ...


class StagedDay:
    """A photograph or a clip with cut-out people and things before it; see `QuietView`.

    Args:
        kind: "street" or "works".
        pictures: Where backdrop and cut-outs are.
        scenario: Backdrop and camera.
        visits: Who comes when.
        rules: What is watched for.
        light_s: Seconds of one step of light.
    """

    def __init__(self, kind: str, pictures: Pictures, scenario: Scenario, visits: Sequence[Visit],
                 rules: tuple[dict[str, Any], ...], light_s: float) -> None:  # fmt: skip
        picture = scenario.backdrop.picture or ""
        self.kind, self.name, self.rules = kind, Path(picture).stem, rules
        self._cast = DayCast(scenario, visits)
        camera = scenario.cameras[0]
        self.size = camera.size
        self._stage = Stage(self._cast, camera, pictures)
        self._number = pictures.playing(picture, camera.size).number
        self._weather = DayWeather(scenario.seed, self.size, light_s)

    def content(self, t_s: float) -> Hashable:
        """Light and rain, the picture of the backdrop, and who stands where."""
        shown_s = round(t_s * _FPS) / _FPS
        people = tuple((s.actor.id, s.at_m) for s in self._cast.at(shown_s))
        return self._weather.moment(t_s), self._number(shown_s), people

    def picture(self, t_s: float) -> Image:
        """See `QuietView.picture`."""
        shown = self._stage.frame(round(t_s * _FPS))[0]
        return self._weather.over(shown, t_s)


class FootageDay:
    """One real clip, played on from ever other places of it; see `QuietView`.

    Args:
        clip: Of a fixed camera, without an incident.
        seed: Decides where it is played from, and about the weather.
        crowd_limit: People from which a site would call it a crowd.
        watches_vending: A site would watch for street vending there.

    Raises:
        SampleError: the clip cannot be read.
    """

    kind = "footage"

    def __init__(self, clip: Path, seed: int, crowd_limit: int, watches_vending: bool) -> None:
        self.name, self._seed = f"{clip.parent.name}/{clip.name}", seed
        self.rules = _public(crowd_limit, watches_vending)
        self.size = _size(clip)
        self._clip = Backdrop(clip, self.size)
        self._weather = DayWeather(seed, self.size, FOOTAGE_LIGHT_S)

    def content(self, t_s: float) -> Hashable:
        """Light and rain, and the number of the clip's picture."""
        return self._weather.moment(t_s), self._clip.number(self._played_s(t_s))

    def picture(self, t_s: float) -> Image:
        """See `QuietView.picture`."""
        return self._weather.over(self._clip.at(self._played_s(t_s)), t_s)

    def _played_s(self, t_s: float) -> float:
        slot, inside_s = divmod(t_s, _SLOT_S)
        start_s = np.random.default_rng([self._seed, int(slot)]).integers(int(DAY_S))
        return float(start_s) + inside_s


def quiet_view(seed: int, data: Path | None, footage: Path | None) -> QuietView:
    """The place of one day: streets, footage and works in turn, as far as they are there; of each
    kind every place comes once before one comes again.

    Raises:
        SampleError: neither pictures nor clips are there.
    """
    clips = [
        (footage / name, most, watches_vending)
        for name, most, watches_vending in QUIET_CLIPS
        if footage is not None and (footage / name).is_file()
    ]
    if data is None and not clips:
        raise SampleError("quiet days need annotated pictures or clips, found neither")
    hall = footage is not None and (footage / HALL).is_file()
    there = {"street": data is not None, "footage": bool(clips), "works": data is not None and hall}
    kind, turn = turn_of(seed, [kind for kind in _KINDS if there[kind]])
    if kind == "works" and data is not None and footage is not None:
        return _works_day(data, footage, seed)
    if kind == "street" and data is not None:
        return _street_day(data, seed, CLEAN_STREETS[turn % len(CLEAN_STREETS)])
    clip, most, watches_vending = clips[turn % len(clips)]
    return FootageDay(clip, seed, most, watches_vending)


def turn_of(seed: int, kinds: Sequence[str]) -> tuple[str, int]:
    """The kind of a day, and how many days of this kind there were before."""
    rounds, rest = divmod(seed, len(kinds))
    kind = kinds[rest]
    return kind, rounds * kinds.count(kind) + kinds[:rest].count(kind)


def _street_day(data: Path, seed: int, street: str) -> StagedDay:
    visits = DayPlan(BYSTANDERS, seed).street()
    scenario = _scenario(seed, street, STREET_CAMERA)
    return StagedDay("street", Pictures(data), scenario, visits, _public(15), STREET_LIGHT_S)


def _works_day(data: Path, footage: Path, seed: int) -> StagedDay:
    visits = DayPlan(HELMETED, seed, (5.0, 8.0)).works()
    scenario = _scenario(seed, HALL, {**HALL_CAMERA, "size": [640, 360]})
    rules = ({"type": "missing_helmet"}, *_public(15))
    return StagedDay("works", Pictures(data, footage), scenario, visits, rules, FOOTAGE_LIGHT_S)


def _public(crowd_limit: int, watches_vending: bool = True) -> tuple[dict[str, Any], ...]:
    vending = ({"type": "street_vending"},) if watches_vending else ()
    return (
        *vending,
        {"type": "garbage"},
        {"type": "overflowing_bin"},
        {"type": "crowding", "people": crowd_limit},
    )


def _scenario(seed: int, backdrop: str, camera: dict[str, Any]) -> Scenario:
    return Scenario.model_validate({
        "name": f"quiet-{seed}", "about": "A day without incidents.", "seed": seed,
        "duration_s": DAY_S, "fps": _FPS, "backdrop": {"kind": "picture", "picture": backdrop},
        "conditions": {"noise": 0}, "cameras": [camera],
    })  # fmt: skip


def _size(clip: Path) -> tuple[int, int]:
    """(width, height) of a clip, at most `_WIDEST_PX` wide."""
    reader = cv2.VideoCapture(str(clip))
    width = int(reader.get(cv2.CAP_PROP_FRAME_WIDTH))
    height = int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT))
    reader.release()
    if not width or not height:
        raise SampleError(f"clip {clip.name} must hold pictures, none could be read")
    scale = min(1.0, _WIDEST_PX / width)
    return round(width * scale), round(height * scale)
