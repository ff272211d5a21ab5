"""Preset verification and tours over drawn cities: by day, by night, drifting and going wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from bench.fusion_city import DAY, NIGHT, ImageArray, Light, city
from pipeline.tour.settings import StopSettings, TourSettings, VerifySettings
from pipeline.tour.tour import Tour
from pipeline.tour.verify import Reference, Shown, verify
from streams.ptz.head import HeadPreset, Pointing
from streams.ptz.simulated import Mechanics, Panorama, SimulatedHead

SPOTS = {
    f"preset-{number}": Pointing(pan, tilt, zoom)
    for number, (pan, tilt, zoom) in enumerate(
        [(-0.5, 0.4, 0.3), (0, 0.4, 0.3), (0.5, 0.4, 0.3), (-0.5, -0.3, 0.3), (0, -0.3, 0.3),
         (0.5, -0.3, 0.3), (-0.2, 0.0, 0.7), (0.3, 0.1, 0.7)], 1
    )
}  # fmt: skip

References = dict[str, tuple[Reference, ...]]

LIGHTS = {
    "night": NIGHT,
    "late night": Light(night=True, seed=9, noise=9.0, traffic=60),
    "autumn, low sun": Light(sun=(-0.5, 0.2), leaves=(60, 140, 190), seed=5),
}


@dataclass(slots=True)
class LightResult:
    """Counts of one light, against references by day.

    Attributes:
        night: Whether it is dark.
        asked: Arrivals at the right preset, slightly drifted and rolled.
        recognised: How many of them were taken for right.
        strangers: Arrivals at another preset.
        refused: How many of them were taken for wrong.
        named: And for the very preset that was seen.
    """

    night: bool
    asked: int = 0
    recognised: int = 0
    strangers: int = 0
    refused: int = 0
    named: int = 0


@dataclass(slots=True)
class PresetResult:
    """Counts.

    Attributes:
        lights: Verification by light.
        tour_visits: Visits of tours whose head drifts and goes wrong.
        wrong_arrivals: Times that the head stood at a wrong preset.
        false_views: Pictures given to the rules as a view that they did not show; a false
            incident needs several.
    """

    lights: dict[str, LightResult]
    tour_visits: int = 0
    wrong_arrivals: int = 0
    false_views: int = 0


def measure(cities: int = 3, tour_s: float = 1800.0, seed: int = 0) -> PresetResult:
    """Verify every preset of so many cities in every light, and drive tours over them."""
    result = PresetResult({name: LightResult(light.night) for name, light in LIGHTS.items()})
    random = np.random.default_rng(seed)
    for number in range(cities):
        day = Panorama(_half(city(seed + number, DAY)), (640, 360))
        references: References = {n: (Reference(day.picture(at)),) for n, at in SPOTS.items()}
        for name, light in LIGHTS.items():
            lit = replace(day, image=_half(city(seed + number, light)))
            _verify_all(result.lights[name], lit, references, random)
        _tour(result, lit, references, seed + number, tour_s / cities)
    return result


def _half(image: ImageArray) -> ImageArray:
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.uint8)


def _verify_all(
    result: LightResult,
    lit: Panorama,
    references: References,
    random: np.random.Generator,
) -> None:
    limits = VerifySettings()
    for view, at in SPOTS.items():
        pan, tilt = at.pan + random.normal(0, 0.01), at.tilt + random.normal(0, 0.01)
        picture = lit.picture(Pointing(pan, tilt, at.zoom), float(random.normal(0, 0.5)))
        answer = verify(picture, view, references, limits)
        result.asked += 1
        result.recognised += answer.shown is not Shown.WRONG
        other = str(random.choice([name for name in SPOTS if name != view]))
        answer = verify(lit.picture(SPOTS[other]), view, references, limits)
        result.strangers += 1
        result.refused += answer.shown is Shown.WRONG
        result.named += answer.instead == other


def _tour(
    result: PresetResult,
    lit: Panorama,
    references: References,
    seed: int,
    lasts_s: float,
) -> None:
    """A head that drifts and goes to a wrong preset one time in five; what was judged as what."""
    now_s = [0.0]
    stored = {name: HeadPreset(name, name, at) for name, at in SPOTS.items()}
    mechanics = Mechanics(drift=0.008, wrong_share=0.2)
    head = SimulatedHead(stored, lambda: now_s[0], mechanics, lit, seed)
    stops = tuple(StopSettings(view=n, preset=n, dwell_s=8.0) for n in SPOTS)
    tour = Tour("eagle", TourSettings(host="simulated", stops=stops), head, dict(references))
    asked = 0
    while now_s[0] < lasts_s:
        now_s[0] += 0.5
        at = head.position()
        seen = tour.update(lit.picture(at), now_s[0], tuple(SPOTS))
        result.tour_visits += seen.arrived
        if seen.view is not None:
            result.false_views += _nearest(at) != seen.view.view_id
        if len(head.moves) > asked:
            asked = len(head.moves)
            expected = tour.heading_for
            result.wrong_arrivals += head.moves[-1] != expected


def _nearest(at: Pointing) -> str:
    return min(
        SPOTS,
        key=lambda n: abs(SPOTS[n].pan - at.pan) + abs(SPOTS[n].tilt - at.tilt)
        + abs(SPOTS[n].zoom - at.zoom),
    )  # fmt: skip
