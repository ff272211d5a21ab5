"""What the map knows of a camera before it has seen anything: where it stands and what it sees."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely

from pipeline.geometry.calibration import Calibration
from pipeline.geometry.crs import to_wgs84
from pipeline.geometry.footprint import footprint
from pipeline.geometry.locator import Locator
from pipeline.site.settings import CameraSettings
from pipeline.status import CameraCard
from pipeline.types import ViewKey

Point = tuple[float, float]


def camera_card(camera: CameraSettings, locator: Locator) -> CameraCard:
    """The card of a camera: as the site file says, else as its calibrated views show.

    Args:
        camera: From the site file.
        locator: Calibrations in force, and the grid that gives the card its cell.
    """
    keys = [ViewKey(camera.id, view.id) for view in camera.watched]
    calibrations = [c for key in keys if (c := locator.calibrations.get(key)) is not None]
    first = calibrations[0] if calibrations else None
    said = camera.position
    stands = _stands(first)
    heading = _heading_deg(first) if len(keys) == 1 else None
    if said is not None:
        lon, lat = to_wgs84(said.lonlat, said.crs)
        stands = (float(lon), float(lat))
        heading = said.heading_deg if said.heading_deg is not None else heading
    return CameraCard(
        camera_id=camera.id,
        name=camera.name or camera.id,
        views=tuple(key.view_id for key in keys),
        lon=stands[0] if stands else None,
        lat=stands[1] if stands else None,
        heading_deg=heading,
        fov_deg=said.fov_deg if said else None,
        range_m=said.range_m if said else None,
        grid_cell=locator.cell(*stands) if stands else None,
        footprint=_footprint(calibrations),
        is_touring=camera.tour is not None,
    )


def _footprint(calibrations: Sequence[Calibration]) -> tuple[Point, ...] | None:
    """The ground of the one view; of an eagle-eye what goes around all its presets' ground."""
    seen = [ground for c in calibrations if (ground := footprint(c)) is not None]
    if not seen:
        return None
    corners = seen[0]
    if len(seen) > 1:
        hull = shapely.MultiPoint(np.concatenate(seen)).convex_hull
        corners = shapely.get_coordinates(hull)
    return tuple((float(lon), float(lat)) for lon, lat in corners)


def _stands(calibration: Calibration | None) -> Point | None:
    """Where the camera stands: its pose, else the ground at the picture's lower edge."""
    if calibration is None:
        return None
    if calibration.pose is not None:
        lon, lat = calibration.plane.to_lonlat(calibration.pose.position_m[:2])
        return float(lon), float(lat)
    width, height = calibration.image_size
    lon, lat = calibration.to_lonlat([(width / 2, height)])[0]
    return (float(lon), float(lat)) if math.isfinite(lon) else None


def _heading_deg(calibration: Calibration | None) -> float | None:
    """Bearing from the camera to the ground in the middle of the picture's lower half."""
    if calibration is None or calibration.pose is None:
        return None
    width, height = calibration.image_size
    east, north = calibration.to_metres([(width / 2, height * 0.75)])[0]
    if not math.isfinite(east):
        return None
    east, north = (east, north) - calibration.pose.position_m[:2]
    return math.degrees(math.atan2(east, north)) % 360.0
