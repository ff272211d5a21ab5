"""The ground that a view sees: the true trapezoid, cut at the reach and at the horizon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from bench.fusion_square import pinhole
from pipeline.geometry.calibration import Calibration
from pipeline.geometry.footprint import footprint
from pipeline.geometry.plane import LocalPlane

PLANE = LocalPlane(114.05, 22.54)
SIZE = (1920, 1080)
GROUND = np.array([(2, 14), (-3, 17), (7, 20), (1, 30), (11, 40), (-2, 38), (7, 55)], float)


def calibrated(looks_at: tuple[float, float, float]) -> Calibration:
    camera = pinhole(np.array([0.0, 0.0, 6.0]), np.array(looks_at), 1200.0)
    homogeneous = np.column_stack([GROUND, np.zeros(len(GROUND)), np.ones(len(GROUND))]) @ camera.T
    return Calibration.fit(homogeneous[:, :2] / homogeneous[:, 2:], PLANE.to_lonlat(GROUND), SIZE)


@pytest.mark.parametrize("looks_at", [(4.0, 30.0, 0.0), (4.0, 30.0, 5.0)])
def test_it_holds_what_is_seen_and_nothing_beyond_the_reach(
    looks_at: tuple[float, float, float],
) -> None:
    calibration = calibrated(looks_at)
    corners = footprint(calibration, reach_m=60.0)
    assert corners is not None
    metres = PLANE.to_metres(corners)
    area = shapely.Polygon(metres)
    assert area.is_valid
    edge = calibration.to_metres([(SIZE[0] / 2, SIZE[1])])[0] + PLANE.to_metres(
        (calibration.plane.lon, calibration.plane.lat)
    )
    assert np.linalg.norm(metres - edge, axis=1).max() == pytest.approx(60.0, abs=0.5)
    inside = [area.contains(shapely.Point(point)) for point in ((3, 25), (0, 50), (0, -5), (0, 90))]
    assert inside == [True, True, False, False]


def test_a_picture_of_the_sky_has_none() -> None:
    camera = calibrated((4.0, 30.0, 5.0))
    assert footprint(camera) is not None
    assert footprint(replace(camera, image_size=(1920, 200))) is None
