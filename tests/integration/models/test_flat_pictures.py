"""Flat pictures run through a lower graph and show the same."""

from __future__ import annotations

import av
import numpy as np
import pytest

from models.detections import Detections
from models.load import load_detector
from models.openvino_detector import OpenVinoDetector
from models.settings import DetectorSettings
from pipeline.boxes import iou
from sample_videos.catalogue import CLIPS


@pytest.fixture(scope="module")
def square() -> np.ndarray:
    with av.open(str(CLIPS / "demo-crowd.mp4")) as clip:
        frames = clip.decode(video=0)
        return next(f for n, f in enumerate(frames) if n == 200).to_ndarray(format="bgr24")


def paired(a: Detections, b: Detections) -> float:
    """Share of the sure boxes of `a` that `b` has too."""
    sure = [i for i in range(len(a)) if a.confidence[i] >= 0.5]
    boxes = [tuple(map(float, box)) for box in b.xyxy]
    found = [
        max((iou(tuple(map(float, a.xyxy[i])), box) for box in boxes), default=0) for i in sure
    ]
    return sum(overlap >= 0.85 for overlap in found) / len(sure)


def test_a_flat_picture_shows_what_it_shows_with_grey_around_it(square: np.ndarray) -> None:
    detector = load_detector(DetectorSettings(threads=1))
    assert isinstance(detector, OpenVinoDetector)
    width = square.shape[1]
    flat = square[-width * 2 // 5 :]
    filled = np.full((width * 384 // 640, width, 3), 114, np.uint8)
    top = (len(filled) - len(flat)) // 2
    filled[top : top + len(flat)] = flat
    low, full = detector.detect([flat, filled])
    assert sorted(detector._network._compiled) == [256, 384]
    shifted = Detections(full.xyxy - np.float32([0, top, 0, top]), full.confidence, full.class_id)
    assert len(low) > 15
    assert paired(low, shifted) >= 0.95
    assert paired(shifted, low) >= 0.95


def test_pictures_of_any_shape_together(square: np.ndarray) -> None:
    detector = load_detector(DetectorSettings(threads=1))
    height, width = square.shape[:2]
    pictures = [square, square[-width * 2 // 5 :], square[:, : height // 2], square, square[-100:]]
    together = detector.detect(pictures)
    for picture, found in zip(pictures, together, strict=True):
        alone = detector.detect([picture])[0]
        assert np.array_equal(found.xyxy, alone.xyxy)
