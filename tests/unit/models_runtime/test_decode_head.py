"""Heads are decoded alike whether the graph did the box arithmetic or not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.decode_head import MAX_CANDIDATES, HeadSettings, decode_head, decode_raw

SETTINGS = HeadSettings(confidence_floor=0.3, nms_iou=0.6, max_detections=300)
INPUT = (64, 96)
STRIDES = (8, 16, 32)


def head(rows: list[tuple[list[float], list[float]]]) -> np.ndarray:
    """(4 + C, N) of boxes (centre x, y, width, height) and their class scores."""
    return np.array([[*box, *scores] for box, scores in rows], np.float32).T


def test_one_box_of_the_best_class() -> None:
    found = decode_head(head([([50, 40, 20, 10], [0.1, 0.8, 0.4])]), SETTINGS)
    assert found.xyxy.tolist() == [[40, 35, 60, 45]]
    assert found.class_id.tolist() == [1]
    assert found.confidence == pytest.approx([0.8])


def test_nothing_above_the_floor() -> None:
    assert len(decode_head(head([([50, 40, 20, 10], [0.1, 0.29])] * 5), SETTINGS)) == 0


def test_multi_label_keeps_every_class_of_a_place() -> None:
    multi = HeadSettings(0.3, 0.6, 300, multi_label=True)
    found = decode_head(head([([50, 40, 20, 10], [0.1, 0.8, 0.4])]), multi)
    assert found.class_id.tolist() == [1, 2]


def test_doubles_go_and_the_best_comes_first() -> None:
    rows = [
        ([50, 40, 20, 10], [0.5]),
        ([51, 40, 20, 10], [0.9]),
        ([150, 40, 20, 10], [0.7]),
    ]
    found = decode_head(head(rows), SETTINGS)
    assert found.confidence == pytest.approx([0.9, 0.7])


def test_never_more_than_the_maximum() -> None:
    rows = [([20.0 * i, 40.0, 10.0, 10.0], [0.5 + i / 1000]) for i in range(40)]
    found = decode_head(head(rows), HeadSettings(0.3, 0.6, 7))
    assert len(found) == 7
    assert found.confidence.min() > 0.53


def test_a_picture_full_of_boxes_is_bounded() -> None:
    random = np.random.default_rng(0)
    output = random.uniform(0.4, 1, (6, 20 * MAX_CANDIDATES)).astype(np.float32)
    output[:2] *= 5000
    assert len(decode_head(output, HeadSettings(0.3, 0.99, 5000))) <= MAX_CANDIDATES


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_boxes_that_are_no_numbers_do_not_spread(value: float) -> None:
    rows = [([value, 40, 20, 10], [0.9]), ([50, 40, 20, 10], [0.8])]
    found = decode_head(head(rows), SETTINGS)
    assert np.isfinite(found.xyxy).all()
    assert [40, 35, 60, 45] in found.xyxy.tolist()


def full_decode(scores: list[np.ndarray], distances: list[np.ndarray]) -> np.ndarray:
    """What the uncut graph answers: Ultralytics' Detect, DFL and dist2bbox, on every cell."""
    columns = []
    for score, distance, stride in zip(scores, distances, STRIDES, strict=True):
        height, width, classes = score.shape
        y, x = np.mgrid[0:height, 0:width] + 0.5
        bins = np.exp(distance.reshape(height, width, 4, 16).astype(float))
        left, top, right, bottom = np.moveaxis((bins * np.arange(16)).sum(-1) / bins.sum(-1), -1, 0)
        x0, y0, x1, y1 = x - left, y - top, x + right, y + bottom
        boxes = np.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], -1) * stride
        likely = 1 / (1 + np.exp(-score.astype(float)))
        columns.append(np.concatenate([boxes, likely], -1).reshape(-1, 4 + classes))
    return np.concatenate(columns).T.astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), multi_label=st.booleans())
def test_cut_head_gives_the_boxes_of_the_whole_one(seed: int, multi_label: bool) -> None:
    random = np.random.default_rng(seed)
    shapes = [(INPUT[0] // s, INPUT[1] // s) for s in STRIDES]
    scores = [random.normal(-2, 1.5, (*shape, 5)).astype(np.float32) for shape in shapes]
    distances = [random.normal(0, 2, (*shape, 64)).astype(np.float32) for shape in shapes]
    wanted = HeadSettings(0.3, 0.6, 300, multi_label)
    cut = decode_raw(scores, distances, INPUT[0], wanted)
    whole = decode_head(full_decode(scores, distances), wanted)
    assert len(cut) == len(whole) > 0
    assert cut.confidence == pytest.approx(whole.confidence, abs=1e-5)
    assert np.allclose(cut.xyxy, whole.xyxy, atol=1e-2)
    assert cut.class_id.tolist() == whole.class_id.tolist()


def test_cut_head_with_nothing_to_see() -> None:
    scores = [np.full((8, 12, 5), -9, np.float32), np.full((4, 6, 5), -9, np.float32)]
    distances = [np.zeros((8, 12, 64), np.float32), np.zeros((4, 6, 64), np.float32)]
    assert len(decode_raw(scores, distances, 64, SETTINGS)) == 0


def test_best_first() -> None:
    rows = [([20.0 * i, 40.0, 10.0, 10.0], [0.35 + (i * 7 % 10) / 20]) for i in range(10)]
    found = decode_head(head(rows), SETTINGS)
    assert all(a >= b for a, b in pairwise(found.confidence.tolist()))
