"""When a glance needs no detection: noise and light are no change, a small new bag is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from models.detections import Detections
from pipeline.engine.unchanged import UnchangedView
from streams.types import Frame, ImageArray

SIZE = (1280, 720)
ROI = (0, 0, *SIZE)
START = datetime(2026, 3, 2, tzinfo=UTC)
BOXES = Detections()


def street(seed: int, noise: float = 4.0, light: float = 0.0, bag_px: int = 0) -> ImageArray:
    """A textured street with sensor noise; a dark bag of `bag_px` in its lower half."""
    fixed = np.random.default_rng(1)
    image = cv2.resize(fixed.normal(120, 30, (90, 160)), SIZE) + light
    if bag_px:
        image[501 : 501 + bag_px, 707 : 707 + bag_px] -= 45
    image += np.random.default_rng(seed).normal(0, noise, image.shape)
    return cv2.cvtColor(np.clip(image, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)


def shot(at_s: float, image: ImageArray) -> Frame:
    return Frame("cam", at_s, START + timedelta(seconds=at_s), image)


def watched(most_s: float = 30.0, **picture: float) -> UnchangedView:
    view = UnchangedView(most_s)
    view.detected(shot(0.0, street(2, **picture)), ROI, BOXES, decided=True)
    return view


@pytest.mark.parametrize("noise", [0.0, 4.0, 12.0])
def test_noise_is_no_change(noise: float) -> None:
    assert watched(noise=noise).known(shot(2.0, street(3, noise)), ROI) is BOXES


def test_a_cloud_is_no_change() -> None:
    assert watched().known(shot(2.0, street(3, light=-20)), ROI) is BOXES


@pytest.mark.parametrize("noise", [0.0, 4.0, 12.0])
@pytest.mark.parametrize("bag_px", [14, 20, 40])
def test_a_small_new_bag_is_a_change(bag_px: int, noise: float) -> None:
    assert watched(noise=noise).known(shot(2.0, street(3, noise, bag_px=bag_px)), ROI) is None


def test_a_bag_outside_what_is_watched_is_none() -> None:
    view = UnchangedView(30.0)
    roi = (0, 0, 600, 720)
    view.detected(shot(0.0, street(2)), roi, BOXES, decided=True)
    assert view.known(shot(2.0, street(3, bag_px=40)), roi) is BOXES


def test_detection_is_never_left_out_for_longer_than_the_bound() -> None:
    view = watched(most_s=10.0)
    for at_s in (4.0, 9.9):
        known = view.known(shot(at_s, street(3)), ROI)
        assert known is BOXES
        view.detected(shot(at_s, street(3)), ROI, known, decided=True)
    assert view.known(shot(10.0, street(3)), ROI) is None


def test_a_slow_change_adds_up() -> None:
    view = watched(noise=0.0)
    image = street(2, 0.0).astype(np.int16)
    results = []
    for step in range(1, 6):
        image[501:541, 707:747] -= 3
        known = view.known(shot(step, np.clip(image, 0, 255).astype(np.uint8)), ROI)
        results.append(known is BOXES)
    assert results[0]
    assert not results[-1]


def test_a_claim_that_waits_for_evidence_is_detected_at_every_glance() -> None:
    view = UnchangedView(30.0)
    view.detected(shot(0.0, street(2)), ROI, BOXES, decided=False)
    assert view.known(shot(2.0, street(3)), ROI) is None


def test_other_zones_or_a_clock_set_back_are_detected() -> None:
    assert watched().known(shot(2.0, street(3)), (0, 0, 640, 720)) is None
    assert watched().known(shot(-5.0, street(3)), ROI) is None


def test_zero_switches_it_off() -> None:
    assert watched(most_s=0.0).known(shot(0.5, street(2)), ROI) is None
