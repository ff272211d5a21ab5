"""A square with exact geometry: what happens, two ground cameras, an eagle-eye on tour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.geometry.calibration import Calibration
from pipeline.geometry.plane import LocalPlane
from pipeline.types import Box, IncidentType, ViewKey

Array = npt.NDArray[np.float64]

ORIGIN = LocalPlane(116.3912, 39.9067)
HALF_M = 32.0
"""Half the side of the square on which happenings stand."""

HOUR_S = 3600.0
IMAGE = (1920, 1080)


@dataclass(frozen=True, slots=True)
class Happening:
    """One real thing on the square.

    Attributes:
        number: Its name in the truth.
        type: Incident type.
        spot_m: Middle of its footprint, metres east and north of the square's middle.
        size_m: Width, depth, height.
        turn_rad: How it is turned on the ground.
        start_s: When it appears, seconds of the run.
        end_s: When it is gone.
    """

    number: int
    type: IncidentType
    spot_m: tuple[float, float]
    size_m: tuple[float, float, float]
    turn_rad: float
    start_s: float
    end_s: float

    def corners_m(self) -> Array:
        """(8, 3) corners of its box, metres east, north, up."""
        width, depth, height = self.size_m
        c, s = np.cos(self.turn_rad), np.sin(self.turn_rad)
        base = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, depth / 2)
        ground = base @ np.array([[c, s], [-s, c]]) + self.spot_m
        return np.concatenate([np.column_stack([ground, np.full(4, z)]) for z in (0.0, height)])


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A camera's framing: its exact projection and the calibration that a person made of it.

    Attributes:
        key: The view.
        position_m: Of the camera, metres east, north, up.
        projection: (3, 4) exact, metres to pixels.
        calibration: From noisy ground points, as the patrol knows it.
        glances_s: When it looks, seconds of the run.
    """

    key: ViewKey
    position_m: Array
    projection: Array
    calibration: Calibration
    glances_s: Array

    def box(self, happening: Happening) -> Box | None:
        """Its exact box in pixels, None if the view does not hold all of it."""
        points = np.column_stack([happening.corners_m(), np.ones(8)]) @ self.projection.T
        if (points[:, 2] <= 0).any():
            return None
        pixels = points[:, :2] / points[:, 2:]
        (x1, y1), (x2, y2) = pixels.min(0), pixels.max(0)
        inside = x1 >= 0 and y1 >= 0 and x2 < IMAGE[0] and y2 < IMAGE[1]
        return (float(x1), float(y1), float(x2), float(y2)) if inside else None

    def distance_m(self, happening: Happening) -> float:
        """From the lens to the happening."""
        return float(np.linalg.norm(self.position_m - (*happening.spot_m, 0.0)))


@dataclass(frozen=True, slots=True, eq=False)
class Square:
    """One run's world: what happens, and who looks when."""

    happenings: tuple[Happening, ...]
    views: tuple[View, ...]


def build(random: np.random.Generator) -> Square:
    """A square at random: 5 to 9 happenings, some 5 m apart, some that come again."""
    return Square(tuple(_happenings(random)), tuple(_views(random)))


def _happenings(random: np.random.Generator) -> list[Happening]:
    found: list[Happening] = []
    for _ in range(int(random.integers(4, 7))):
        found.append(_happening(random, len(found)))
        if random.random() < 0.35:
            found.append(_neighbour(random, found[-1], len(found)))
        if random.random() < 0.25:
            found.append(_again(random, found[-1], len(found)))
    return _apart(found)


def _happening(random: np.random.Generator, number: int) -> Happening:
    vending = random.random() < 0.7
    size = (
        (random.uniform(1.4, 2.4), random.uniform(0.8, 1.4), random.uniform(1.6, 2.3))
        if vending
        else (random.uniform(0.6, 1.6), random.uniform(0.5, 1.2), random.uniform(0.4, 0.9))
    )
    start = random.uniform(0, HOUR_S * 0.6)
    return Happening(
        number,
        "street_vending" if vending else "garbage",
        (random.uniform(-HALF_M, HALF_M), random.uniform(-HALF_M, HALF_M)),
        size,
        random.uniform(0, np.pi),
        start,
        start + random.uniform(240, 1400),
    )


def _neighbour(random: np.random.Generator, beside: Happening, number: int) -> Happening:
    """The same kind 5 m away, at the same time, more or less: two stalls in a row."""
    bearing = random.uniform(0, 2 * np.pi)
    spot = (beside.spot_m[0] + 5 * np.cos(bearing), beside.spot_m[1] + 5 * np.sin(bearing))
    start = beside.start_s + random.uniform(-90, 90)
    return Happening(
        number, beside.type, spot, beside.size_m, beside.turn_rad, max(0.0, start),
        max(start + 200, beside.end_s + random.uniform(-90, 90)),
    )  # fmt: skip


def _again(random: np.random.Generator, before: Happening, number: int) -> Happening:
    """The same place again, well after the end: a new happening."""
    start = before.end_s + random.uniform(1500, 2400)
    return Happening(
        number, before.type, before.spot_m, before.size_m, before.turn_rad, start,
        start + random.uniform(240, 700),
    )  # fmt: skip


def _apart(found: list[Happening]) -> list[Happening]:
    """Without those that would stand closer than 4.9 m to another of their kind."""
    kept: list[Happening] = []
    for one in found:
        clashes = any(
            other.type == one.type
            and np.hypot(*np.subtract(other.spot_m, one.spot_m)) < 4.9
            and one.start_s < other.end_s + 1200
            and other.start_s < one.end_s + 1200
            for other in kept
        )
        if not clashes:
            kept.append(one)
    return kept


def _views(random: np.random.Generator) -> list[View]:
    glances = np.arange(0, HOUR_S + 600, 10.0)
    spots = ((-42.0, -20.0), (20.0, 42.0))
    views = []
    for number, (east, north) in enumerate(spots):
        at = np.array([east, north, 0.0]) + random.uniform(-3, 3, 3) + (0, 0, random.uniform(6, 9))
        aim = np.array([random.uniform(-4, 4), random.uniform(-4, 4), 0.0])
        key = ViewKey(f"street-{number + 1}")
        views.append(_view(random, key, (at, aim, 1000.0), glances))
    roof = np.array([-48.0, 52.0, 38.0]) + random.uniform(-5, 5, 3)
    for visit, aim_xy in enumerate(((-14.0, -14.0), (14.0, 14.0), (-14.0, 16.0), (16.0, -14.0))):
        mask = (glances % 160 >= 40 * visit) & (glances % 160 < 40 * visit + 30)
        aim = np.append(random.uniform(-2, 2, 2) + aim_xy, 0.0)
        key = ViewKey("eagle-1", f"preset-{visit + 1}")
        views.append(_view(random, key, (roof, aim, 2600.0), glances[mask]))
    return views


def _view(
    random: np.random.Generator,
    key: ViewKey,
    optics: tuple[Array, Array, float],
    glances_s: Array,
) -> View:
    at, aim, focal = optics
    projection = pinhole(at, aim, focal)
    for _ in range(50):
        points = _ground_points(random, projection, 8)
        clicked = _project(projection, points) + random.normal(0, 1.5, (len(points), 2))
        surveyed = points + random.normal(0, 0.1, points.shape)
        calibration = Calibration.fit(clicked, ORIGIN.to_lonlat(surveyed), IMAGE)
        if calibration.rms_m < 1.0:
            return View(key, at, projection, calibration, glances_s)
    raise RuntimeError(f"no usable ground points in view {key}")


def pinhole(at: Array, aim: Array, focal_px: float) -> Array:
    """(3, 4) projection of an upright camera at a point that looks at another."""
    ahead = (aim - at) / np.linalg.norm(aim - at)
    right = np.cross(ahead, (0, 0, 1.0))
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(ahead, right), ahead])
    intrinsic = np.array([[focal_px, 0, IMAGE[0] / 2], [0, focal_px, IMAGE[1] / 2], [0, 0, 1]])
    return np.asarray(intrinsic @ np.column_stack([rotation, -rotation @ at]))


def _project(projection: Array, ground: Array) -> Array:
    points = np.column_stack([ground, np.zeros(len(ground)), np.ones(len(ground))])
    homogeneous = points @ projection.T
    homogeneous[homogeneous[:, 2] <= 0] = np.nan
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])


def _ground_points(random: np.random.Generator, projection: Array, count: int) -> Array:
    """Points of the square that the view holds, spread as a person would choose them."""
    pool = random.uniform(-HALF_M - 10, HALF_M + 10, (4000, 2))
    pixels = _project(projection, pool)
    held = np.isfinite(pixels).all(1) & (pixels >= 20).all(1)
    held &= (pixels[:, 0] < IMAGE[0] - 20) & (pixels[:, 1] < IMAGE[1] - 20)
    pool, pixels = pool[held], pixels[held]
    chosen = [int(random.integers(len(pool)))]
    while len(chosen) < count:
        gaps = np.linalg.norm(pixels[:, None] - pixels[chosen][None], axis=2).min(1)
        chosen.append(int(gaps.argmax()))
    return pool[chosen]
