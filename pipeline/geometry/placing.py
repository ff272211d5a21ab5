"""Boxes of a calibrated view turned into places, sizes and areas, each with its doubt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.geometry.calibration import Calibration, polygon_area_m2
from pipeline.geometry.ellipse import to_ellipse
from pipeline.types import Box, Place

Array = npt.NDArray[np.float64]

HEAD_HEIGHT_M = 1.6
"""How high the upper edge of a crowd's box is above the ground."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a kind of happening is on the ground.

    Attributes:
        depth_m: How deep it is away from the camera at most; its middle lies half of that
            behind the edge which the box shows.
        edge_px: Standard deviation of a box edge in pixels.
        edge_share: The same as a share of the box's height; both add up in squares.
        region: True for a crowd: the box covers ground, not one object standing on it.
    """

    depth_m: float = 1.0
    edge_px: float = 2.0
    edge_share: float = 0.03
    region: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """An object's width and height in metres; height is None where the pose is unknown."""

    width_m: float
    height_m: float | None


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """What an object can measure; anything else is something else, e.g. a 6 m "bag"."""

    min_m: float = 0.0
    max_width_m: float = float("inf")
    max_height_m: float = float("inf")

    def allow(self, size: Size) -> bool:
        """Whether width and, if known, height are within the limits."""
        height = size.height_m if size.height_m is not None else self.min_m
        largest = max(size.width_m, height)
        fits = size.width_m <= self.max_width_m and height <= self.max_height_m
        return fits and largest >= self.min_m


def place_box(calibration: Calibration, box: Box, footprint: Footprint) -> Place | None:
    """Where the content of a box of pixels is on the map, None at or above the horizon.

    The ellipse holds the noise of the box's edges, the doubt of the map and the unknown depth
    of the object. A box cut by the picture's lower edge hides its foot: its ellipse is longer.
    """
    foot, here = _foot(calibration, box)
    if not np.isfinite(here).all():
        return None
    noise = _edge_noise(box, footprint, calibration.image_size[1])
    covariance = calibration.ground.ground_covariance(foot, noise)
    depth = _depth_m(calibration, box, footprint)
    if depth is None:
        return None
    away = _away(calibration, foot)
    covariance = covariance + np.outer(away, away) * (depth / 4) ** 2
    sigma, heading = to_ellipse(covariance)
    lon, lat = calibration.plane.to_lonlat(here + away * depth / 2)
    return Place(
        float(lon), float(lat), sigma, heading, area_m2=area_m2(calibration, box, footprint)
    )


def size_of(calibration: Calibration, box: Box) -> Size | None:
    """Width and height of what stands in a box of pixels, None at or above the horizon."""
    _, here = _foot(calibration, box)
    if not np.isfinite(here).all():
        return None
    height = calibration.pose.height_m(here, box[1]) if calibration.pose else float("nan")
    return Size(_width_m(calibration, box), height if np.isfinite(height) else None)


def area_m2(calibration: Calibration, box: Box, footprint: Footprint) -> float | None:
    """Ground area in m² under a box of pixels, None where it reaches the horizon.

    An object covers its width times its depth. A region's far edge is taken at head height
    when the pose is known, so that people's height is not counted as ground behind them.
    """
    if not footprint.region:
        width = _width_m(calibration, box)
        return width * min(width, footprint.depth_m) if np.isfinite(width) else None
    near = calibration.to_metres([(box[0], box[3]), (box[2], box[3])])
    corners = np.concatenate([near, _far_edge(calibration, box)[::-1]])
    return polygon_area_m2(corners) if np.isfinite(corners).all() else None


def people_per_m2(calibration: Calibration, zone_px: npt.ArrayLike, people: float) -> float | None:
    """Density of people in a zone drawn on the ground, None if the zone meets the horizon."""
    area = calibration.ground_area_m2(zone_px)
    return people / area if area else None


def _foot(calibration: Calibration, box: Box) -> tuple[Array, Array]:
    """The ideal pixel at the middle of the lower edge, and its place in metres."""
    foot = calibration.ideal([((box[0] + box[2]) / 2, box[3])])[0]
    return foot, calibration.ground.to_ground(foot)[0]


def _away(calibration: Calibration, foot: Array) -> Array:
    """Unit vector on the ground from the camera through the foot's pixel."""
    away = -calibration.ground.jacobian(foot)[:, 1]
    return np.asarray(away / max(float(np.hypot(*away)), 1e-12))


def _width_m(calibration: Calibration, box: Box) -> float:
    left, right = calibration.to_metres([(box[0], box[3]), (box[2], box[3])])
    return float(np.hypot(*(right - left)))


def _depth_m(calibration: Calibration, box: Box, footprint: Footprint) -> float | None:
    """How far the content reaches behind the box's lower edge."""
    width = _width_m(calibration, box)
    if not footprint.region:
        return min(width, footprint.depth_m) if np.isfinite(width) else None
    near = calibration.to_metres([(box[0], box[3]), (box[2], box[3])]).mean(0)
    reach = float(np.hypot(*(_far_edge(calibration, box).mean(0) - near)))
    return reach if np.isfinite(reach) else None


def _far_edge(calibration: Calibration, box: Box) -> Array:
    """(2, 2) metres below the box's upper corners, at head height where that is known."""
    upper = calibration.ideal([(box[0], box[1]), (box[2], box[1])])
    pose = calibration.pose
    if pose is None or pose.position_m[2] < HEAD_HEIGHT_M + 1.0:
        return calibration.ground.to_ground(upper)
    return pose.on_plane(upper, HEAD_HEIGHT_M)


def _edge_noise(box: Box, footprint: Footprint, image_height: int) -> Array:
    height = box[3] - box[1]
    variance = footprint.edge_px**2 + (footprint.edge_share * height) ** 2
    hidden = height**2 / 4 if box[3] >= image_height - 2 else 0.0
    return np.diag([variance / 2, variance + hidden])
