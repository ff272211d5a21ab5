"""Suppression keeps what the textbook algorithm keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.nms import areas, class_aware_nms, iou_matrix


def textbook_nms(
    xyxy: np.ndarray, confidence: np.ndarray, class_id: np.ndarray, threshold: float
) -> list[int]:
    kept: list[int] = []
    for row in np.argsort(-confidence, kind="stable"):
        rivals = [k for k in kept if class_id[k] == class_id[row]]
        overlap = iou_matrix(xyxy[row : row + 1], xyxy[rivals]) if rivals else np.zeros((1, 0))
        if not (overlap > threshold).any():
            kept.append(int(row))
    return kept


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 60))
def test_agrees_with_the_textbook(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    corner = random.uniform(0, 100, (count, 2))
    size = random.uniform(5, 60, (count, 2))
    xyxy = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    confidence = random.permutation(np.linspace(0.1, 0.9, count)).astype(np.float32)
    class_id = random.integers(0, 3, count).astype(np.int32)
    kept = class_aware_nms(xyxy, confidence, class_id, 0.5)
    assert kept.tolist() == textbook_nms(xyxy, confidence, class_id, 0.5)


def test_classes_do_not_suppress_each_other() -> None:
    xyxy = np.array([[0, 0, 10, 10]] * 3, np.float32)
    confidence = np.array([0.5, 0.9, 0.7], np.float32)
    kept = class_aware_nms(xyxy, confidence, np.array([0, 0, 1], np.int32), 0.5)
    assert kept.tolist() == [1, 2]


def test_iou_of_known_boxes() -> None:
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [0, 0, 0, 0]], np.float32)
    assert iou_matrix(a, b)[0] == pytest.approx([1, 1 / 3, 0, 0])


def test_area_of_a_box_turned_inside_out_is_zero() -> None:
    assert areas(np.array([[10, 10, 0, 20]], np.float32)).tolist() == [0]
