"""The grid over the still; the settings and the gate that let dwell count across visits."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from bench.fusion_square import pinhole
from pipeline.geometry.calibration import Calibration
from pipeline.geometry.plane import LocalPlane
from pipeline.rules.settings import GarbageSettings
from pipeline.tour.overlay import draw_ground_grid
from pipeline.tour.visits import VisitGate, patient_rule, patient_tracker
from pipeline.track.settings import TrackerSettings
from pipeline.types import Scene, Track, ViewKey

PLANE = LocalPlane(116.4, 39.9)
BAG = (400.0, 300.0, 440.0, 340.0)


def test_grid_and_points_are_drawn_on_a_copy() -> None:
    camera = pinhole(np.array([0.0, 0.0, 6.0]), np.array([0.0, 30.0, 0.0]), 1200.0)
    ground = np.array([(3, 14), (-3, 17), (7, 20), (1, 30), (9, 40), (-6, 38)], float)
    points = np.column_stack([ground, np.zeros(6), np.ones(6)]) @ camera.T
    pixels = points[:, :2] / points[:, 2:]
    calibration = Calibration.fit(pixels, PLANE.to_lonlat(ground), (1920, 1080))
    still = np.zeros((1080, 1920, 3), np.uint8)
    drawn = draw_ground_grid(still, calibration, [(float(x), float(y)) for x, y in pixels])
    assert still.max() == 0
    assert (drawn > 0).any(2).sum() > 3000
    x, y = np.round(pixels[0]).astype(int)
    assert drawn[y - 12 : y + 12, x - 12 : x + 12].any()


def track(box: tuple[float, float, float, float] = BAG, seen_s: float = 0.0) -> Track:
    return Track(1, "garbage", box, 0.8, 0.0, seen_s, 0.0, 5)


def scene(at_s: float, *tracks: Track) -> Scene:
    view = ViewKey("eagle-1", "market")
    return Scene(view, at_s, datetime.fromtimestamp(at_s, UTC), (640, 360), tracks)


def test_gate_waits_for_what_stood_there() -> None:
    gate = VisitGate()
    gate.arrive()
    assert gate.admit(scene(0))
    gate.leave([track()])
    gate.arrive()
    assert not gate.admit(scene(100))
    assert gate.admit(scene(110, track(seen_s=110)))
    assert gate.admit(scene(120))


def test_gate_gives_up_after_some_pictures_so_that_an_end_is_seen() -> None:
    gate = VisitGate(pictures=3)
    gate.leave([track()])
    gate.arrive()
    assert [gate.admit(scene(100.0 + n)) for n in range(5)] == [False, False, False, True, True]


def test_a_lost_track_is_not_found_again() -> None:
    gate = VisitGate()
    gate.leave([track()])
    gate.arrive()
    assert not gate.admit(scene(100, track(seen_s=0.0)))


def test_rules_and_trackers_wait_for_the_next_visit() -> None:
    rule = GarbageSettings()
    assert patient_rule(rule, 300.0).max_gap_s == 300.0
    assert patient_rule(rule, 1.0).max_gap_s == rule.max_gap_s
    assert patient_tracker(TrackerSettings(), 300.0).still_lost_s == 450.0
