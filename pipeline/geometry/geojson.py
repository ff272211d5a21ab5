"""What a calibration shows on the map and on the still: field of view, ground grid, doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from pipeline.geometry.calibration import Calibration
from pipeline.geometry.crs import Crs, from_wgs84
from pipeline.geometry.ellipse import to_covariance
from pipeline.geometry.plane import LocalPlane
from pipeline.types import Place

Array = npt.NDArray[np.float64]
Feature = dict[str, Any]


def feature_collection(features: list[Feature], crs: Crs = "wgs84") -> Feature:
    """A GeoJSON FeatureCollection; `crs` other than WGS-84 is said, as RFC 7946 has no field."""
    return {"type": "FeatureCollection", "crs_name": crs, "features": features}


def field_of_view(
    calibration: Calibration, reach_m: float = 150.0, crs: Crs = "wgs84"
) -> Feature | None:
    """The ground that a view sees up to `reach_m` from its nearest ground, as a polygon.

    None if it sees no ground at all.
    """
    width, height = calibration.image_size
    ground = _visible_ground(calibration, reach_m, np.array([0, 0, width, height], float))
    if ground.is_empty:
        return None
    ring = calibration.plane.to_lonlat(np.asarray(ground.exterior.coords))
    properties = {"kind": "field_of_view", "area_m2": round(ground.area, 1)}
    return _feature("Polygon", [from_wgs84(ring, crs).round(7).tolist()], properties)


def ground_grid(
    calibration: Calibration, step_m: float = 5.0, reach_m: float = 60.0, crs: Crs = "wgs84"
) -> list[Feature]:
    """North-south and east-west lines every `step_m` over the visible ground.

    Each feature is a line on the map whose property `px` is the same line in the picture, so a
    page can draw it over the still; a line that does not look right there is a wrong calibration.
    """
    width, height = calibration.image_size
    ground = _visible_ground(calibration, reach_m, np.array([0, 0, width, height], float))
    if ground.is_empty:
        return []
    west, south, east, north = ground.bounds
    lines = [
        *(((x, south), (x, north)) for x in _ticks(west, east, step_m)),
        *(((west, y), (east, y)) for y in _ticks(south, north, step_m)),
    ]
    pieces = (
        piece
        for line in lines
        for piece in shapely.get_parts(shapely.LineString(line).intersection(ground))
    )
    return [_grid_line(calibration, piece, crs) for piece in pieces if piece.length > 0]


def uncertainty(place: Place, sigmas: float = 2.0, crs: Crs = "wgs84") -> Feature:
    """The ellipse of a place at so many standard deviations, as a polygon."""
    angle = np.linspace(0, 2 * np.pi, 37)
    shape = np.linalg.cholesky(to_covariance(place.sigma_m, place.heading_deg) + 1e-9 * np.eye(2))
    ring = sigmas * np.column_stack([np.cos(angle), np.sin(angle)]) @ shape.T
    lonlat = from_wgs84(LocalPlane(place.lon, place.lat).to_lonlat(ring), crs)
    return _feature("Polygon", [lonlat.round(7).tolist()], {"kind": "uncertainty"})


def _visible_ground(
    calibration: Calibration, reach_m: float, frame: Array, steps: int = 40
) -> shapely.Polygon:
    """Polygon in metres under the picture, cut `reach_m` beyond its nearest ground point."""
    x1, y1, x2, y2 = frame
    columns = np.linspace(x1, x2, steps)
    middle = np.full_like(columns, (x1 + x2) / 2)
    down = calibration.to_metres(np.column_stack([middle, np.linspace(y1, y2, steps)]))
    if not np.isfinite(down[-1]).all():
        return shapely.Polygon()
    top = [_highest_row(calibration, x, (y1, y2), reach_m, down[-1]) for x in columns]
    lower = np.column_stack([columns, np.full_like(columns, y2)])
    upper = np.column_stack([columns, top])
    ring = calibration.to_metres(np.concatenate([lower, upper[::-1]]))
    polygon = shapely.Polygon(ring[np.isfinite(ring).all(1)])
    return polygon if polygon.is_valid else shapely.Polygon()


def _highest_row(
    calibration: Calibration, x: float, rows: tuple[float, float], reach_m: float, origin: Array
) -> float:
    """The highest picture row in a column whose ground is within reach, by bisection."""
    high, low = rows
    for _ in range(24):
        row = (high + low) / 2
        ground = calibration.to_metres([(x, row)])[0]
        near = np.isfinite(ground).all() and float(np.hypot(*(ground - origin))) <= reach_m
        high, low = (high, row) if near else (row, low)
    return low


def _ticks(low: float, high: float, step: float) -> Array:
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step


def _grid_line(calibration: Calibration, line: shapely.LineString, crs: Crs) -> Feature:
    metres = np.asarray(line.segmentize(2.0).coords)
    lonlat = calibration.plane.to_lonlat(metres)
    pixels = calibration.to_pixels(lonlat)
    coordinates = from_wgs84(lonlat, crs).round(7).tolist()
    properties = {"kind": "ground_grid", "px": pixels.round(1).tolist()}
    return _feature("LineString", coordinates, properties)


def _feature(kind: str, coordinates: Any, properties: Feature) -> Feature:
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": properties,
    }
