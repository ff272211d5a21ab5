"""A local map plane: WGS-84 degrees to metres east and north of an origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

METRES_PER_DEGREE = 111_320.0
"""Of a great circle, near enough for differences of a few metres."""

_A = 6378137.0
_E2 = 6.69437999014e-3


@dataclass(frozen=True, slots=True)
class LocalPlane:
    """Metres east and north of an origin on the WGS-84 ellipsoid.

    Scales are taken at the latitude midway between point and origin, so the error stays under
    1 cm within 10 km (tested against geodesics), far more than any view spans.
    """

    lon: float
    lat: float

    @classmethod
    def at(cls, lonlat: npt.ArrayLike) -> LocalPlane:
        """The plane whose origin is the mean of points of shape (N, 2)."""
        lon, lat = np.asarray(lonlat, np.float64).reshape(-1, 2).mean(0)
        return cls(float(lon), float(lat))

    def to_metres(self, lonlat: npt.ArrayLike) -> Array:
        """(..., 2) degrees to (..., 2) metres east and north."""
        points = np.asarray(lonlat, np.float64)
        east, north = self._scales((points[..., 1] + self.lat) / 2)
        return np.stack(
            [(points[..., 0] - self.lon) * east, (points[..., 1] - self.lat) * north], -1
        )

    def to_lonlat(self, metres: npt.ArrayLike) -> Array:
        """(..., 2) metres east and north to (..., 2) degrees."""
        xy = np.asarray(metres, np.float64)
        lat = self.lat + xy[..., 1] / self._scales(np.float64(self.lat))[1]
        for _ in range(2):
            lat = self.lat + xy[..., 1] / self._scales((lat + self.lat) / 2)[1]
        east, _ = self._scales((lat + self.lat) / 2)
        return np.stack([self.lon + xy[..., 0] / east, lat], -1)

    @staticmethod
    def _scales(latitude_deg: npt.ArrayLike) -> tuple[Array, Array]:
        """Metres per degree of longitude and of latitude, from the radii of curvature."""
        latitude = np.radians(np.asarray(latitude_deg, np.float64))
        w = np.sqrt(1 - _E2 * np.sin(latitude) ** 2)
        prime_vertical, meridian = _A / w, _A * (1 - _E2) / w**3
        degree = np.pi / 180
        return prime_vertical * np.cos(latitude) * degree, meridian * degree


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres between two nearby (longitude, latitude) points."""
    return float(np.hypot(*LocalPlane(*a).to_metres(b)))
