"""Coordinate systems at the borders: GCJ-02 and CGCS2000 to WGS-84 and back.

GCJ-02 is the offset system that maps published in China must use. The forward transform is the
one that became public in 2013 (`eviltransform`, github.com/googollee/eviltransform); there is no
closed inverse, so it is iterated, which converges to under a millimetre in a few steps.

CGCS2000 and WGS-84 share their ellipsoid up to 0.1 mm and their frame up to plate motion
(decimetres since 2000), which is far below what a video camera can place. They are taken as
equal, in degrees; projected CGCS2000 metres are refused by `check_lonlat`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from pipeline.geometry.errors import CoordinateError

Crs = Literal["wgs84", "gcj02", "cgcs2000"]
Array = npt.NDArray[np.float64]

_A = 6378245.0
"""Semi-major axis of the Krasovsky 1940 ellipsoid, which GCJ-02 uses for its offsets."""
_EE = 0.00669342162296594323
_INVERSE_STEPS = 8


def to_wgs84(lonlat: npt.ArrayLike, crs: Crs) -> Array:
    """WGS-84 degrees of points given in `crs`; shape (..., 2), longitude first."""
    points = check_lonlat(lonlat)
    return _from_gcj02(points) if crs == "gcj02" else points


def from_wgs84(lonlat: npt.ArrayLike, crs: Crs) -> Array:
    """Points of shape (..., 2) in `crs`, given in WGS-84 degrees, longitude first."""
    points = check_lonlat(lonlat)
    return _to_gcj02(points) if crs == "gcj02" else points


def check_lonlat(lonlat: npt.ArrayLike) -> Array:
    """The points as float64 (..., 2), refused when they cannot be longitude and latitude."""
    points = np.asarray(lonlat, np.float64)
    if points.shape[-1:] != (2,):
        raise CoordinateError(f"points must have shape (..., 2), got {points.shape}")
    bad = ~(np.isfinite(points).all(-1) & (np.abs(points) <= (180.0, 90.0)).all(-1))
    if bad.any():
        first = points[bad].reshape(-1, 2)[0]
        raise CoordinateError(
            "a point must be [longitude -180..180, latitude -90..90] in degrees, "
            f"got [{first[0]:g}, {first[1]:g}]"
        )
    return points


def _to_gcj02(points: Array) -> Array:
    inside = _in_china(points)[..., None]
    return np.where(inside, points + _gcj02_offset(points), points)


def _from_gcj02(points: Array) -> Array:
    guess = points.copy()
    for _ in range(_INVERSE_STEPS):
        guess += points - _to_gcj02(guess)
    return guess


def _in_china(points: Array) -> npt.NDArray[np.bool_]:
    """The published rectangle outside of which GCJ-02 equals WGS-84."""
    lon, lat = points[..., 0], points[..., 1]
    return (lon >= 72.004) & (lon <= 137.8347) & (lat >= 0.8293) & (lat <= 55.8271)


def _gcj02_offset(points: Array) -> Array:
    x, y = points[..., 0] - 105.0, points[..., 1] - 35.0
    pi, root = np.pi, np.sqrt(np.abs(x))
    ripple = (20 * np.sin(6 * x * pi) + 20 * np.sin(2 * x * pi)) * 2 / 3
    d_lat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    d_lat += (20 * np.sin(y * pi) + 40 * np.sin(y / 3 * pi)) * 2 / 3
    d_lat += (160 * np.sin(y / 12 * pi) + 320 * np.sin(y * pi / 30)) * 2 / 3
    d_lon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    d_lon += (20 * np.sin(x * pi) + 40 * np.sin(x / 3 * pi)) * 2 / 3
    d_lon += (150 * np.sin(x / 12 * pi) + 300 * np.sin(x / 30 * pi)) * 2 / 3
    latitude = np.radians(points[..., 1])
    magic = 1 - _EE * np.sin(latitude) ** 2
    d_lat = np.degrees(d_lat * magic * np.sqrt(magic) / (_A * (1 - _EE)))
    d_lon = np.degrees(d_lon * np.sqrt(magic) / (_A * np.cos(latitude)))
    return np.stack([d_lon, d_lat], -1)
