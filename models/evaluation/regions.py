"""Garbage as regions: boxes that touch or overlap are one heap, in truth and prediction alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.detections import FloatArray

JOIN_FLOOR = 0.15
"""Predictions at or above this confidence are joined into regions; weaker ones that touch a
region belong to it without enlarging it, since every picture is covered by boxes of confidence
near zero and joining those would make one region of everything."""


def touching_groups(xyxy: FloatArray) -> npt.NDArray[np.intp]:
    """(N,) group number of each box; boxes that touch, also through others, share one."""
    group = np.arange(len(xyxy), dtype=np.intp)
    touch = touches(xyxy, xyxy)
    for _ in range(len(xyxy)):
        least = np.where(touch, group[None], len(xyxy)).min(1) if len(xyxy) else group
        if np.array_equal(least, group):
            break
        group = least
    return group


def touches(a: FloatArray, b: FloatArray) -> npt.NDArray[np.bool_]:
    """(N, M) whether boxes share at least an edge point."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.asarray((low <= high).all(2))


def join(xyxy: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Regions (K, 4) around groups of boxes, each as confident as its best box (K,)."""
    regions, scores = [], []
    group = touching_groups(xyxy)
    for number in np.unique(group):
        members = group == number
        low, high = xyxy[members, :2].min(0), xyxy[members, 2:].max(0)
        regions.append(np.concatenate([low, high]))
        scores.append(confidence[members].max())
    return np.asarray(regions, np.float32).reshape(-1, 4), np.asarray(scores, np.float32)


def predicted_regions(
    xyxy: FloatArray, confidence: FloatArray, floor: float = JOIN_FLOOR
) -> tuple[FloatArray, FloatArray]:
    """Regions of predictions: those at or above the floor joined, weaker ones joined among
    themselves where they touch no region."""
    strong = confidence >= floor
    regions, scores = join(xyxy[strong], confidence[strong])
    weak, weak_score = xyxy[~strong], confidence[~strong]
    if len(regions) and len(weak):
        apart = ~touches(weak, regions).any(1)
        weak, weak_score = weak[apart], weak_score[apart]
    return np.concatenate([regions, weak]), np.concatenate([scores, weak_score])
