"""Coordinate systems: known offsets, inverses, refusals; the plane against geodesics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.geometry.crs import from_wgs84, to_wgs84
from pipeline.geometry.errors import CoordinateError
from pipeline.geometry.plane import LocalPlane, distance_m

inside_china = st.tuples(st.floats(75, 135), st.floats(5, 53))


def test_gcj02_of_tiananmen_is_the_published_offset() -> None:
    """Reference: eviltransform's test vector for Beijing, lat 39.908720 / lon 116.397480 area."""
    lon, lat = from_wgs84((116.391275, 39.907409), "gcj02")
    assert (lon, lat) == pytest.approx((116.397517, 39.908812), abs=2e-5)


@given(inside_china)
def test_gcj02_inverse_is_exact_to_a_millimetre(point: tuple[float, float]) -> None:
    back = to_wgs84(from_wgs84(point, "gcj02"), "gcj02")
    assert distance_m(point, (float(back[0]), float(back[1]))) < 1e-3


@given(inside_china)
def test_gcj02_moves_by_some_hundred_metres(point: tuple[float, float]) -> None:
    moved = from_wgs84(point, "gcj02")
    assert 10 < distance_m(point, (float(moved[0]), float(moved[1]))) < 1500


@pytest.mark.parametrize("crs", ["wgs84", "cgcs2000"])
def test_other_systems_are_equal_in_degrees(crs) -> None:
    np.testing.assert_array_equal(to_wgs84([(116.4, 39.9)], crs), [(116.4, 39.9)])


def test_outside_china_gcj02_is_wgs84() -> None:
    np.testing.assert_array_equal(from_wgs84((2.35, 48.85), "gcj02"), (2.35, 48.85))


@pytest.mark.parametrize(
    "point",
    [(39.9, 116.4), (500000.0, 4417000.0), (float("nan"), 1.0)],
    ids=["swapped", "metres", "nan"],
)
def test_what_is_no_longitude_and_latitude_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(CoordinateError, match="longitude"):
        to_wgs84(point, "cgcs2000")


@pytest.mark.parametrize(
    ("point", "metres"),
    [
        # GeographicLib 2.0 geodesics from 116.4 E 39.9 N: 1 km and 5 km north, 5 km east
        ((116.4, 39.909006), 1000.0),
        ((116.4, 39.945030), 5000.0),
        ((116.458474, 39.899988), 5000.0),
    ],
)
def test_plane_agrees_with_geodesics(point: tuple[float, float], metres: float) -> None:
    assert distance_m((116.4, 39.9), point) == pytest.approx(metres, abs=1.5)


@given(st.floats(-5000, 5000), st.floats(-5000, 5000))
def test_plane_is_its_own_inverse(east: float, north: float) -> None:
    plane = LocalPlane(116.4, 39.9)
    np.testing.assert_allclose(
        plane.to_metres(plane.to_lonlat((east, north))), (east, north), atol=1e-4
    )
