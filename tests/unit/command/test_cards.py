"""Where a camera is on the map: as the site file says, else as its calibration shows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.fusion_square import pinhole
from pipeline.geometry.calibration import Calibration
from pipeline.geometry.grid import load_grid
from pipeline.geometry.locator import Locator
from pipeline.geometry.plane import LocalPlane
from pipeline.geometry.settings import GridSettings
from pipeline.site.settings import CameraSettings
from pipeline.types import ViewKey
from skygrid.cards import camera_card

PLANE = LocalPlane(114.05, 22.54)
POINTS = np.array([(2, 14), (-3, 17), (7, 20), (1, 30), (11, 40), (-2, 38)], float)
CELL = "440304002000001"


def camera(**more: object) -> CameraSettings:
    return CameraSettings.model_validate({"id": "gate", "url": "rtsp://10.0.0.1/1", **more})


@pytest.fixture
def locator(tmp_path: Path) -> Locator:
    """The view of a pole at the plane's origin, looking north, in a grid of one cell."""
    projection = pinhole(np.array([0.0, 0.0, 6.0]), np.array([0.0, 30.0, 0.0]), 1200.0)
    ground = np.column_stack([POINTS, np.zeros(len(POINTS)), np.ones(len(POINTS))]) @ projection.T
    pixels = ground[:, :2] / ground[:, 2:]
    fitted = Calibration.fit(pixels, PLANE.to_lonlat(POINTS), (1920, 1080))
    west, south, east, north = 114.04, 22.53, 114.06, 22.55
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    feature = {
        "type": "Feature",
        "properties": {"code": CELL},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path = tmp_path / "grid.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return Locator({ViewKey("gate"): fitted}, load_grid(GridSettings(path=path)))


def test_a_calibrated_camera_knows_where_it_stands_and_what_it_sees(locator: Locator) -> None:
    card = camera_card(camera(name="东门"), locator)
    assert (card.lon, card.lat) == pytest.approx((114.05, 22.54), abs=5e-6)
    assert card.heading_deg is not None
    assert (card.heading_deg + 180) % 360 == pytest.approx(180, abs=1)
    assert card.grid_cell == CELL
    assert card.footprint is not None
    assert min(lat for _, lat in card.footprint) > 22.54
    assert card.name == "东门"


def test_the_site_file_has_the_last_word(locator: Locator) -> None:
    said = {"lonlat": [114.055, 22.545], "heading_deg": 90, "fov_deg": 70, "range_m": 80}
    card = camera_card(camera(position=said), locator)
    assert (card.lon, card.lat) == pytest.approx((114.055, 22.545))
    assert (card.heading_deg, card.fov_deg, card.range_m) == (90, 70, 80)
    assert card.grid_cell == CELL


def test_nothing_known_is_nothing_shown() -> None:
    card = camera_card(camera(), Locator({}))
    assert (card.lon, card.lat, card.footprint, card.grid_cell) == (None, None, None, None)
    outside = camera_card(camera(position={"lonlat": [10.0, 50.0]}), Locator({}))
    assert (outside.lon, outside.grid_cell) == (10.0, None)
