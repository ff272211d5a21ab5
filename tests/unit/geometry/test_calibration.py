"""Calibration: truth recovered, errors told, doubt honest, degenerate points refused."""

from __future__ import annotations

import numpy as np
import pytest

from bench.fusion_square import pinhole
from pipeline.geometry.calibration import Calibration
from pipeline.geometry.errors import CalibrationError
from pipeline.geometry.lens import Lens
from pipeline.geometry.placing import (
    Footprint,
    Size,
    SizeLimits,
    area_m2,
    people_per_m2,
    place_box,
    size_of,
)
from pipeline.geometry.plane import LocalPlane

PLANE = LocalPlane(116.4, 39.9)
SIZE = (1920, 1080)
CAMERA = pinhole(np.array([0.0, 0.0, 6.0]), np.array([4.0, 30.0, 0.0]), 1200.0)
GROUND = np.array([(2, 14), (-3, 17), (7, 20), (1, 30), (11, 40), (-2, 38), (7, 55)], float)


def project(points: np.ndarray) -> np.ndarray:
    points = np.atleast_2d(points)
    if points.shape[1] == 2:
        points = np.column_stack([points, np.zeros(len(points))])
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ CAMERA.T
    return homogeneous[:, :2] / homogeneous[:, 2:]


def fit(noise_px: float = 0.0, seed: int = 0, points: np.ndarray = GROUND) -> Calibration:
    random = np.random.default_rng(seed)
    pixels = project(points) + random.normal(0, noise_px, (len(points), 2))
    return Calibration.fit(pixels, PLANE.to_lonlat(points), SIZE)


def metres(calibration: Calibration, pixels: np.ndarray) -> np.ndarray:
    return PLANE.to_metres(calibration.to_lonlat(pixels))


def box_of(spot: tuple[float, float], size: tuple[float, float, float]) -> tuple:
    (x, y), (w, d, h) = spot, size
    corners = [
        (x + i * w / 2, y + j * d / 2, k * h) for i in (-1, 1) for j in (-1, 1) for k in (0, 1)
    ]
    pixels = project(np.array(corners))
    return (*pixels.min(0), *pixels.max(0))


def test_exact_points_give_the_exact_ground() -> None:
    calibration = fit()
    spots = np.array([(0, 20), (5, 35), (3, 50)], float)
    np.testing.assert_allclose(metres(calibration, project(spots)), spots, atol=1e-3)
    assert calibration.rms_m < 1e-3


def test_pixels_and_ground_are_inverse() -> None:
    calibration = fit(1.0)
    pixels = np.array([(900, 700), (1200, 400), (600, 900)], float)
    np.testing.assert_allclose(
        calibration.to_pixels(calibration.to_lonlat(pixels)), pixels, atol=0.01
    )


def test_above_the_horizon_there_is_no_ground() -> None:
    calibration = fit()
    assert np.isnan(calibration.to_lonlat([(960, -200)])).all()
    assert place_box(calibration, (900, -300, 1000, -200), Footprint()) is None
    assert calibration.pixels_per_metre((960, -200)) == 0.0


def test_camera_is_recovered() -> None:
    pose = fit().pose
    assert pose is not None
    assert pose.focal_px == pytest.approx(1200, rel=0.01)
    assert pose.position_m[2] == pytest.approx(6.0, abs=0.05)


def test_an_outlier_is_set_aside_and_named() -> None:
    pixels = project(GROUND)
    pixels[3] += (60, 40)
    calibration = Calibration.fit(pixels, PLANE.to_lonlat(GROUND), SIZE)
    assert [p.used for p in calibration.points] == [True] * 3 + [False] + [True] * 3
    assert calibration.points[3].error_m > 3
    assert calibration.rms_m < 0.05


def test_left_out_errors_need_a_fifth_point() -> None:
    assert all(p.left_out_m is None for p in fit(points=GROUND[[0, 1, 4, 5]]).points)
    assert all(p.left_out_m is not None for p in fit(1.0).points)


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        pytest.param(GROUND[:3], "at least 4", id="three"),
        pytest.param(np.array([(0, 10), (0, 20), (0, 30), (0, 40)], float), "one line", id="line"),
        pytest.param(GROUND[[0, 0, 1, 2]], "repeated", id="repeated"),
        pytest.param(
            np.array([(0, 15), (0, 25), (0, 35), (4, 20)], float),
            "general position",
            id="three in line",
        ),
    ],
)
def test_degenerate_points_are_refused(points: np.ndarray, reason: str) -> None:
    with pytest.raises(CalibrationError, match=reason):
        fit(points=points)


def test_swapped_longitude_and_latitude_are_refused() -> None:
    swapped = GROUND[:, ::-1]
    with pytest.raises(CalibrationError, match="mirrored"):
        Calibration.fit(project(GROUND), PLANE.to_lonlat(swapped), SIZE)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(bad: float) -> None:
    pixels = project(GROUND)
    pixels[0, 0] = bad
    with pytest.raises(CalibrationError, match="finite"):
        Calibration.fit(pixels, PLANE.to_lonlat(GROUND), SIZE)


def test_a_bent_lens_is_straightened() -> None:
    lens = Lens((1200, 1200), (960, 540), (-0.25, 0.05, 0.0, 0.0, 0.0))
    bent = lens.distort(project(GROUND))
    straight = Calibration.fit(bent, PLANE.to_lonlat(GROUND), SIZE, lens)
    ignored = Calibration.fit(bent, PLANE.to_lonlat(GROUND), SIZE)
    assert straight.rms_m < 0.01
    assert ignored.rms_m > 5 * straight.rms_m
    np.testing.assert_allclose(
        metres(straight, lens.distort(project([(4, 33)]))), [(4, 33)], atol=0.05
    )


def test_half_the_resolution_is_the_same_ground() -> None:
    full = fit(1.0)
    half = full.resized((960, 540))
    np.testing.assert_allclose(
        half.to_lonlat([(450, 350)]), full.to_lonlat([(900, 700)]), atol=1e-9
    )
    with pytest.raises(CalibrationError, match="shape"):
        full.resized((640, 640))


def test_places_are_right_and_their_doubt_is_honest() -> None:
    """Of many noisy calibrations and boxes, about 86 % lie within two sigmas (chi² of 4)."""
    random, inside, errors = np.random.default_rng(5), [], []
    for seed in range(40):
        calibration = fit(1.5, seed)
        for spot in ((3.0, 18.0), (4.0, 28.0), (6.0, 40.0)):
            box = np.array(box_of(spot, (1.0, 1.0, 1.2)))
            noise = np.hypot(2.0, 0.03 * (box[3] - box[1]))
            place = place_box(calibration, tuple(box + random.normal(0, noise, 4)), Footprint())
            assert place is not None
            offset = PLANE.to_metres((place.lon, place.lat)) - spot
            heading = np.radians(place.heading_deg)
            along = offset @ (np.sin(heading), np.cos(heading))
            across = offset @ (np.cos(heading), -np.sin(heading))
            sigma = np.maximum(place.sigma_m, 0.15)
            inside.append((along / sigma[0]) ** 2 + (across / sigma[1]) ** 2 <= 4)
            errors.append(np.hypot(*offset))
    assert 0.7 <= np.mean(inside) <= 0.99
    assert np.median(errors) < 0.5


def test_doubt_grows_with_distance_and_with_a_hidden_foot() -> None:
    calibration = fit(1.0)
    near, far = (
        place_box(calibration, box_of((3.0, d), (1, 1, 1)), Footprint()) for d in (16.0, 45.0)
    )
    assert near is not None
    assert far is not None
    assert far.sigma_m[0] > 2 * near.sigma_m[0]
    seen = place_box(calibration, (900, 800, 1000, 1000), Footprint())
    cut = place_box(calibration, (900, 800, 1000, 1080), Footprint())
    assert seen is not None
    assert cut is not None
    assert cut.sigma_m[0] > 2 * seen.sigma_m[0]


def test_sizes_filter_what_cannot_be() -> None:
    size = size_of(fit(), box_of((3.0, 25.0), (6.0, 0.3, 2.0)))
    assert size is not None
    assert size.width_m == pytest.approx(6.0, rel=0.1)
    assert size.height_m == pytest.approx(2.0, rel=0.1)
    bag = SizeLimits(min_m=0.1, max_width_m=2.0, max_height_m=1.5)
    assert not bag.allow(size)
    assert bag.allow(Size(0.6, 0.5))
    assert bag.allow(Size(0.6, None))
    assert not bag.allow(Size(0.05, 0.04))


def test_areas_and_densities() -> None:
    calibration = fit()
    square = project(np.array([(0, 20), (8, 20), (8, 30), (0, 30)], float))
    assert calibration.ground_area_m2(square) == pytest.approx(80, rel=0.01)
    assert people_per_m2(calibration, square, 40) == pytest.approx(0.5, rel=0.01)
    assert people_per_m2(calibration, [(0, -500), (10, -500), (10, 900)], 40) is None
    bag = area_m2(calibration, box_of((3.0, 20.0), (1.0, 1.0, 0.5)), Footprint())
    assert bag == pytest.approx(1.0, rel=0.2)


def test_pixels_per_metre_is_the_picture_scale() -> None:
    left, right = project(np.array([(3.5, 25), (4.5, 25)], float))
    assert fit().pixels_per_metre((left + right) / 2) == pytest.approx(right[0] - left[0], rel=0.02)
