"""The site file's words for calibration, and what goes onto the map."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from shapely import box
from shapely.geometry import shape

from bench.fusion_square import pinhole
from pipeline.geometry.crs import from_wgs84
from pipeline.geometry.geojson import field_of_view, ground_grid, uncertainty
from pipeline.geometry.grid import Grid, GridCell
from pipeline.geometry.locator import Locator
from pipeline.geometry.plane import LocalPlane
from pipeline.geometry.settings import CalibrationSettings
from pipeline.types import Place, ViewKey

PLANE = LocalPlane(116.4, 39.9)
CAMERA = pinhole(np.array([0.0, 0.0, 6.0]), np.array([0.0, 30.0, 0.0]), 1200.0)
GROUND = np.array([(3, 14), (-3, 17), (7, 20), (1, 30), (9, 40), (-6, 38)], float)


def pixels() -> np.ndarray:
    points = np.column_stack([GROUND, np.zeros(6), np.ones(6)]) @ CAMERA.T
    return points[:, :2] / points[:, 2:]


def given(crs: str = "wgs84", **changes: object) -> dict[str, object]:
    lonlat = from_wgs84(PLANE.to_lonlat(GROUND), crs)
    points = [
        {"px": p.tolist(), "lonlat": g.tolist()} for p, g in zip(pixels(), lonlat, strict=True)
    ]
    return {"points": points, "crs": crs, **changes}


@pytest.mark.parametrize("crs", ["wgs84", "gcj02", "cgcs2000"])
def test_points_in_any_system_give_the_same_ground(crs: str) -> None:
    calibration = CalibrationSettings.model_validate(given(crs)).fit((1920, 1080))
    assert calibration.rms_m < 0.01
    np.testing.assert_allclose(PLANE.to_metres(calibration.to_lonlat(pixels())), GROUND, atol=0.02)


def test_points_of_a_smaller_still_fit_the_stream() -> None:
    small = given(image_size=[960, 540])
    for point in small["points"]:  # type: ignore[attr-defined]
        point["px"] = [v / 2 for v in point["px"]]
    calibration = CalibrationSettings.model_validate(small).fit((1920, 1080))
    np.testing.assert_allclose(PLANE.to_metres(calibration.to_lonlat(pixels())), GROUND, atol=0.05)


def test_degenerate_points_are_a_settings_error() -> None:
    bad = given()
    bad["points"] = bad["points"][:1] * 4  # type: ignore[index]
    with pytest.raises(ValidationError, match="repeated"):
        CalibrationSettings.model_validate(bad)


def test_five_points_cannot_outvote_one() -> None:
    bad = given()
    bad["points"] = bad["points"][:5]  # type: ignore[index]
    bad["points"][2]["px"][0] += 80  # type: ignore[index]
    with pytest.raises(ValidationError, match="contradict each other"):
        CalibrationSettings.model_validate(bad)


def test_a_large_error_is_refused() -> None:
    bad = given(max_rms_m=0.2, click_px=40.0)
    bad["points"][2]["px"][0] += 60  # type: ignore[index]
    with pytest.raises(ValidationError, match="calibration error must be at most"):
        CalibrationSettings.model_validate(bad).fit((1920, 1080))


def test_field_of_view_holds_what_the_view_sees() -> None:
    calibration = CalibrationSettings.model_validate(given()).fit((1920, 1080))
    feature = field_of_view(calibration, 80.0)
    assert feature is not None
    polygon = shape(feature["geometry"])
    assert all(polygon.buffer(1e-6).contains(shape({"type": "Point", "coordinates": p})) for p in
               PLANE.to_lonlat(GROUND).tolist())  # fmt: skip
    behind = PLANE.to_lonlat([(0.0, -20.0)])[0].tolist()
    assert not polygon.contains(shape({"type": "Point", "coordinates": behind}))


def test_ground_grid_is_the_same_line_on_map_and_still() -> None:
    calibration = CalibrationSettings.model_validate(given()).fit((1920, 1080))
    lines = ground_grid(calibration, 10.0, 50.0)
    assert len(lines) > 5
    for line in lines:
        back = calibration.to_pixels(line["geometry"]["coordinates"])
        np.testing.assert_allclose(back, line["properties"]["px"], atol=1.5)


def test_ellipse_polygon_has_the_right_size_and_turn() -> None:
    place = Place(116.4, 39.9, (4.0, 1.0), 90.0)
    ring = PLANE.to_metres(uncertainty(place, 1.0)["geometry"]["coordinates"][0])
    assert np.ptp(ring[:, 0]) == pytest.approx(8.0, rel=0.03)
    assert np.ptp(ring[:, 1]) == pytest.approx(2.0, rel=0.03)


def test_locator_places_boxes_and_names_the_cell() -> None:
    calibration = CalibrationSettings.model_validate(given()).fit((1920, 1080))
    west, south = PLANE.to_lonlat((-100.0, -100.0))
    east, north = PLANE.to_lonlat((100.0, 100.0))
    grid = Grid([GridCell("110101001001001", "square", box(west, south, east, north))])
    view = ViewKey("gate-1")
    locator = Locator({view: calibration}, grid)
    place = locator.place_box(view, "garbage", (0.48, 0.5, 0.52, 0.6))
    assert place is not None
    assert place.grid_cell == "110101001001001"
    assert locator.place_box(ViewKey("gate-2"), "garbage", (0.4, 0.5, 0.5, 0.6)) is None
