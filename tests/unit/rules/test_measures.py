"""What metres tell: a six metre "bag" is none, far zones need tiles, a square holds so many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bench.fusion_square import pinhole
from models.detections import Detections
from models.labels import LABELS
from pipeline.confirm import Origin
from pipeline.engine.observations import Observation
from pipeline.engine.seeing import MOST_TILES, Sight, Smallest
from pipeline.geometry.plane import LocalPlane
from pipeline.geometry.settings import CalibrationSettings
from pipeline.measures import Gauge, is_possible, measured, object_px
from pipeline.rules.settings import CrowdingSettings
from pipeline.types import ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from pipeline.zones import Zone
from streams.types import Frame

PLANE = LocalPlane(116.4, 39.9)
SIZE = (1920, 1080)
CAMERA = pinhole(np.array([0.0, 0.0, 6.0]), np.array([4.0, 30.0, 0.0]), 1200.0)
GROUND = [(2, 14), (-3, 17), (7, 20), (1, 30), (11, 40), (-2, 38), (7, 55)]


def project(*points: tuple[float, float, float]) -> np.ndarray:
    homogeneous = np.column_stack([np.array(points, float), np.ones(len(points))]) @ CAMERA.T
    return homogeneous[:, :2] / homogeneous[:, 2:]


def box_of(x: float, y: float, width: float, height: float) -> tuple:
    pixels = project((x - width / 2, y, 0), (x + width / 2, y, height))
    return (*map(float, pixels.min(0)), *map(float, pixels.max(0)))


def zone_of(*ground: tuple[float, float], **rule: object) -> Zone:
    corners = project(*((x, y, 0.0) for x, y in ground)) / np.array(SIZE)
    rules = [rule or {"type": "garbage"}]
    return Zone.model_validate({"id": "z", "polygon": corners.tolist(), "rules": rules})


@pytest.fixture(scope="module")
def gauge() -> Gauge:
    pixels, lonlat = project(*((x, y, 0.0) for x, y in GROUND)), PLANE.to_lonlat(GROUND)
    points = [{"px": tuple(px), "lonlat": tuple(ll)} for px, ll in zip(pixels, lonlat, strict=True)]
    return Gauge(CalibrationSettings.model_validate({"points": points, "image_size": SIZE}))


@pytest.mark.parametrize(
    ("label", "size", "allowed"),
    [
        pytest.param("garbage", (0.6, 0.5), True, id="a bag"),
        pytest.param("garbage", (3.0, 1.2), True, id="a heap"),
        pytest.param("garbage", (6.0, 1.0), False, id="a 6 m bag"),
        pytest.param("person", (0.6, 1.8), True, id="a person"),
        pytest.param("person", (1.5, 4.5), False, id="a pillar"),
        pytest.param("person", (0.1, 0.2), False, id="a bird"),
        pytest.param("truck_bus", (12.0, 3.2), True, id="a bus"),
        pytest.param("helmet", (6.0, 6.0), True, id="heads stand on no ground"),
    ],
)
@pytest.mark.parametrize("distance", [18.0, 30.0])
def test_sizes_say_what_cannot_be(
    gauge: Gauge, label: str, size: tuple[float, float], allowed: bool, distance: float
) -> None:
    calibration = gauge.at(SIZE)
    assert calibration is not None
    assert is_possible(calibration, label, box_of(3.0, distance, *size)) is allowed


def test_a_box_cut_by_the_edge_refuses_nothing(gauge: Gauge) -> None:
    calibration = gauge.at(SIZE)
    assert calibration is not None
    assert is_possible(calibration, "garbage", (0.0, 300.0, 1900.0, 900.0))


def test_a_six_metre_bag_becomes_no_incident(gauge: Gauge) -> None:
    rule = {"type": "garbage", "dwell_s": 20}
    zone = Zone.model_validate({"id": "z", "rules": [rule]})

    def found(width: float, known: Gauge | None) -> int:
        plan = ViewPlan(Origin("s", ViewKey("c"), "m"), (zone,), LABELS, gauge=known)
        pipeline, out = ViewPipeline(plan), []
        box = box_of(3.0, 25.0, width, 0.8)
        for now_s in range(0, 90, 5):
            boxes = Detections(
                np.array([box], np.float32),
                np.array([0.9], np.float32),
                np.array([LABELS.index("garbage")], np.int32),
            )
            at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=now_s)
            image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
            out += pipeline.judge(Frame("c", float(now_s), at, image), boxes).sightings
        return len(out)

    assert found(6.0, None) == 1
    assert found(6.0, gauge) == 0
    assert found(1.0, gauge) == 1


def test_a_crowds_density_needs_no_area_where_the_view_is_calibrated(gauge: Gauge) -> None:
    zone = zone_of((-2, 18), (8, 18), (8, 28), (-2, 28))
    rule = CrowdingSettings(people=None, density_per_m2=2.0)
    known = measured(rule, zone, gauge.at(SIZE))
    assert isinstance(known, CrowdingSettings)
    assert known.area_m2 == pytest.approx(100, rel=0.02)
    assert measured(rule, zone, None) is rule


def test_far_zones_are_tiled_and_near_ones_are_not(gauge: Gauge) -> None:
    near, far = zone_of((0, 14), (3, 14), (3, 17)), zone_of((0, 45), (12, 45), (12, 55))
    calibration = gauge.at(SIZE)
    assert calibration is not None
    near_px, far_px = (object_px(calibration, z, 0.5) for z in (near, far))
    assert near_px is not None
    assert far_px is not None
    assert near_px > 2.5 * far_px
    assert far_px == pytest.approx(0.5 * 1200 / 55, rel=0.15)


def test_a_picture_of_another_shape_has_no_metres(gauge: Gauge) -> None:
    assert Gauge(gauge.settings).at((640, 640)) is None


def test_sight_plans_each_zone_by_its_distance(gauge: Gauge) -> None:
    cuts: list[int] = []

    class Spy:
        labels, thresholds, input_size = ("garbage",), {"garbage": 0.5}, (384, 640)

        def detect(self, images):
            cuts.append(len(images))
            return [Detections() for _ in images]

    class View:
        key, zones = ViewKey("c"), (zone_of((-4, 40), (12, 40), (12, 55), (-4, 55)),)
        doubtful_places = ()

    frame = Frame("c", 0.0, datetime.now(UTC), np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    picture = Observation(ViewKey("c"), frame, looking=False, asked_s=0.0)
    for metres in (None, 0.3):
        sight = Sight(Spy(), {ViewKey("c"): Smallest(None, metres, gauge)})
        sight.watch([View()])
        sight([picture])
    once, by_distance = cuts
    assert once == 1
    assert 1 < by_distance <= MOST_TILES
