"""The solids that everything in a rendered scene is made of: tapered capsules and flat faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Colour = tuple[float, float, float]
"""Blue, green, red; 0..255."""


@dataclass(frozen=True, slots=True, eq=False)
class Capsule:
    """All points within a (linearly changing) distance of a segment; a ball when ends agree.

    Attributes:
        start_m: (3,) first end.
        end_m: (3,) second end.
        start_radius_m: Radius at the first end.
        end_radius_m: Radius at the second end.
        colour: Of the surface.
        gloss: 0 cloth .. 1 wet plastic; strength of the highlight.
        patch: (axis, threshold, colour): where the outward normal leans towards `axis` by more
            than `threshold` the surface has this colour instead (hair, visor, stripes of light).
        cut: (axis, threshold): only points whose normal leans towards `axis` by more exist (domes).
        bands: (from, to, colour) shares of the way from start to end (reflective stripes).
        crumple: 0 smooth .. 1 strongly dented normals (plastic bags).
        grain: Strength of the cloth's texture.
    """

    start_m: Vector
    end_m: Vector
    start_radius_m: float
    end_radius_m: float
    colour: Colour
    gloss: float = 0.0
    patch: tuple[Vector, float, Colour] | None = None
    cut: tuple[Vector, float] | None = None
    bands: tuple[tuple[float, float, Colour], ...] = ()
    crumple: float = 0.0
    grain: float = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One flat convex polygon.

    Attributes:
        corners_m: (N, 3) in order.
        colour: Of the surface.
        two_sided: Also visible from behind.
        gloss: 0..1.
        grain: Strength of the surface's texture.
    """

    corners_m: Vector
    colour: Colour
    two_sided: bool = True
    gloss: float = 0.0
    grain: float = 0.06


Solid = Capsule | Face


def ball(centre_m: Sequence[float], radius_m: float, colour: Colour, gloss: float = 0.0) -> Capsule:
    """A sphere."""
    centre = np.asarray(centre_m, np.float64)
    return Capsule(centre, centre, radius_m, radius_m, colour, gloss)


def box(
    centre_m: Sequence[float],
    size_m: Sequence[float],
    heading: float,
    colour: Colour,
    top: Colour | None = None,
) -> list[Solid]:
    """The five visible faces of an upright box; `centre_m` is the middle of its floor."""
    length, width, height = size_m
    corners = frame_of(
        centre_m,
        heading,
        [
            (sx * length / 2, sy * width / 2, z)
            for z in (0.0, height)
            for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ],
    )
    sides = [(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    faces: list[Solid] = [Face(corners[list(side)], colour) for side in sides]
    faces.append(Face(corners[[4, 5, 6, 7]], top or colour))
    return faces


def frame_of(
    origin_m: Sequence[float], heading: float, points: Sequence[Sequence[float]]
) -> Vector:
    """World points of (forward, left, up) coordinates in a frame turned by `heading` radians."""
    local = np.asarray(points, np.float64)
    c, s = np.cos(heading), np.sin(heading)
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(local @ turn + np.asarray(origin_m, np.float64), np.float64)


def disc(
    centre_m: Sequence[float],
    axis_heading: float,
    radius_m: float,
    colour: Colour,
    corners: int = 14,
) -> Face:
    """An upright disc whose axis points along `axis_heading` (a wheel)."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    points = [(0.0, radius_m * np.cos(a), radius_m * np.sin(a)) for a in angles]
    return Face(frame_of(centre_m, axis_heading, points), colour)
