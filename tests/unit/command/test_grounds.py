"""Calibrations in force: for the size that pictures really have, or refused in plain words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.fusion_square import pinhole
from pipeline.geometry.plane import LocalPlane
from pipeline.site.settings import Site
from pipeline.types import ViewKey
from skygrid.grounds import Grounds

GATE = ViewKey("gate")
PLANE = LocalPlane(114.05, 22.54)
CAMERA = pinhole(np.array([0.0, 0.0, 6.0]), np.array([4.0, 30.0, 0.0]), 1200.0)
GROUND = np.array([(2, 14), (-3, 17), (7, 20), (1, 30), (11, 40), (-2, 38), (7, 55)], float)


def ground(scale: float = 1.0, **more: object) -> dict[str, object]:
    """Points that were clicked in a picture of 1920 x 1080 times `scale`."""
    homogeneous = np.column_stack([GROUND, np.zeros(len(GROUND)), np.ones(len(GROUND))]) @ CAMERA.T
    pixels = (homogeneous[:, :2] / homogeneous[:, 2:] * scale).tolist()
    pairs = zip(pixels, PLANE.to_lonlat(GROUND).tolist(), strict=True)
    return {"points": [{"px": px, "lonlat": place} for px, place in pairs], **more}


def grounds(tmp_path: Path, calibration: dict[str, object] | None) -> Grounds:
    camera = {"id": "gate", "url": "rtsp://10.0.0.1/1", "calibration": calibration}
    return Grounds(Site.model_validate({"site": "s", "data_dir": tmp_path, "cameras": [camera]}))


def test_points_without_a_size_are_those_of_the_streams_own_pictures(tmp_path: Path) -> None:
    made = grounds(tmp_path, ground(scale=2 / 3))
    assert GATE not in made
    made.gauges[GATE].at((1280, 720))
    x, y = np.array(ground()["points"][3]["px"]) / (1920, 1080)
    place = made.locator.place_box(GATE, "garbage", (x - 0.01, y - 0.02, x + 0.01, y))
    assert place is not None
    metres = PLANE.to_metres((place.lon, place.lat))
    assert np.linalg.norm(metres - GROUND[3]) < 1.0


def test_points_with_a_size_have_a_place_before_the_first_picture(tmp_path: Path) -> None:
    made = grounds(tmp_path, ground(image_size=(1920, 1080)))
    assert made[GATE].image_size == (1920, 1080)
    made.gauges[GATE].at((640, 360))
    assert made[GATE].image_size == (640, 360)


@pytest.mark.parametrize(
    ("points", "size", "words"),
    [
        pytest.param(ground(), (1280, 720), "give the image_size", id="clicked in a larger one"),
        pytest.param(
            ground(image_size=(1920, 1080)), (704, 576), "must keep the calibrated", id="shape"
        ),
    ],
)
def test_points_that_do_not_fit_the_picture_are_told(
    tmp_path: Path, points: dict[str, object], size: tuple[int, int], words: str
) -> None:
    made = grounds(tmp_path, points)
    assert made.troubles == {}
    assert made.gauges[GATE].at(size) is None
    assert words in made.troubles[GATE]
    assert made.locator.place_box(GATE, "garbage", (0.4, 0.7, 0.5, 0.8)) is None
    assert made.calibrate(GATE, ground(scale=size[0] / 1920, image_size=(size[0], size[1])))
    assert made.troubles == {}
    assert made[GATE].image_size == size


def test_a_view_gets_points_while_it_is_watched(tmp_path: Path) -> None:
    made = grounds(tmp_path, None)
    gauge = made.gauges[GATE]
    assert gauge.at((1920, 1080)) is None
    assert made.calibrate(GATE, ground())
    assert not made.calibrate(GATE, ground())
    assert gauge.at((1920, 1080)) is made[GATE]
