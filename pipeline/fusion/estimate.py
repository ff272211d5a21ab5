"""Places added up: the best estimate from several, and how far one lies from another."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.geometry.ellipse import to_ellipse
from pipeline.geometry.plane import METRES_PER_DEGREE
from pipeline.ledger.types import PlacedSighting
from pipeline.types import Place, ViewKey

_FLOOR_M2 = 0.05
"""No place is known better than about 20 cm: cells, maps and footprints are not."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A place as a Gaussian: degrees, and its covariance in m² east and north.

    Plain floats, because fusion compares thousands of them a second and arrays of two cost more
    than they save.
    """

    lon: float
    lat: float
    ee: float
    en: float
    nn: float

    @classmethod
    def of(cls, place: Place) -> Estimate:
        """The Gaussian of a place's ellipse."""
        heading = math.radians(place.heading_deg)
        s, c = math.sin(heading), math.cos(heading)
        major, minor = (sigma * sigma for sigma in place.sigma_m)
        return cls(
            place.lon,
            place.lat,
            major * s * s + minor * c * c + _FLOOR_M2,
            (major - minor) * s * c,
            major * c * c + minor * s * s + _FLOOR_M2,
        )

    def offset_m(self, other: Estimate) -> tuple[float, float]:
        """Metres east and north from the other to this."""
        east = (self.lon - other.lon) * METRES_PER_DEGREE * math.cos(math.radians(self.lat))
        return east, (self.lat - other.lat) * METRES_PER_DEGREE

    def moved(self, east_m: float, north_m: float) -> tuple[float, float]:
        """(longitude, latitude) so many metres away."""
        scale = METRES_PER_DEGREE * math.cos(math.radians(self.lat))
        return self.lon + east_m / scale, self.lat + north_m / METRES_PER_DEGREE


def distance2(a: Estimate, b: Estimate, wander_m: float) -> tuple[float, float, float]:
    """(squared Mahalanobis distance, log determinant of its covariance, metres)."""
    extra = wander_m * wander_m
    ee, en, nn = a.ee + b.ee + extra, a.en + b.en, a.nn + b.nn + extra
    x, y = a.offset_m(b)
    determinant = ee * nn - en * en
    squared = (nn * x * x - 2 * en * x * y + ee * y * y) / determinant
    return squared, math.log(determinant), math.hypot(x, y)


def combined(placed: Iterable[PlacedSighting]) -> Estimate | None:
    """The information-weighted mean over views; None if no sighting has a place.

    Sightings of one view share its calibration error, so they are averaged, not added up.
    """
    by_view: dict[ViewKey, list[Estimate]] = defaultdict(list)
    for item in placed:
        if item.place is not None:
            by_view[item.sighting.view].append(Estimate.of(item.place))
    if not by_view:
        return None
    return _weighted([_averaged(estimates) for estimates in by_view.values()])


def to_place(estimate: Estimate, grid_cell: str | None, area_m2: float | None) -> Place:
    """The estimate in the words of a place."""
    covariance = np.array([[estimate.ee, estimate.en], [estimate.en, estimate.nn]])
    sigma, heading = to_ellipse(covariance)
    return Place(estimate.lon, estimate.lat, sigma, heading, grid_cell, area_m2)


def _averaged(estimates: Sequence[Estimate]) -> Estimate:
    n = len(estimates)
    return Estimate(
        sum(e.lon for e in estimates) / n,
        sum(e.lat for e in estimates) / n,
        sum(e.ee for e in estimates) / n,
        sum(e.en for e in estimates) / n,
        sum(e.nn for e in estimates) / n,
    )


def _weighted(estimates: Sequence[Estimate]) -> Estimate:
    origin = estimates[0]
    if len(estimates) == 1:
        return origin
    aa = ab = bb = u = v = 0.0
    for e in estimates:
        determinant = e.ee * e.nn - e.en * e.en
        a, b, d = e.nn / determinant, -e.en / determinant, e.ee / determinant
        x, y = e.offset_m(origin)
        aa, ab, bb = aa + a, ab + b, bb + d
        u, v = u + a * x + b * y, v + b * x + d * y
    determinant = aa * bb - ab * ab
    lon, lat = origin.moved((bb * u - ab * v) / determinant, (aa * v - ab * u) / determinant)
    return Estimate(lon, lat, bb / determinant, -ab / determinant, aa / determinant)
