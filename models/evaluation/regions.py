"""Garbage as regions: boxes that touch or overlap are one heap, in truth and prediction alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.detections import FloatArray
from models.evaluation.average_precision import (
    IOU_THRESHOLDS,
    RECALL_POINTS,
    SIZES,
    Curve,
    Judged,
    match,
)

LEVELS = np.arange(0.01, 1.0, 0.01)
"""Confidences at which regions are drawn and judged."""


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


def region_curve(pictures: Sequence[Judged], size: str = "all") -> Curve:
    """Precision over recall of regions, of one class over many pictures.

    Which boxes make a region depends on the confidence from which boxes are believed. So at each
    of LEVELS the boxes at or above it are joined, as somebody who works at that threshold sees
    them, and matched to the joined truth; the precision at a recall is the best of all levels
    that reach it.

    Args:
        pictures: those in which the class was labelled, and no others.
        size: key of SIZES; regions of other sizes are ignored, neither right nor wrong.
    """
    right, false = np.zeros((2, len(IOU_THRESHOLDS), len(LEVELS)))
    n = 0
    for picture in pictures:
        truth, _ = join(picture.truth, np.ones(len(picture.truth), np.float32))
        nothing = np.zeros((0, 4), np.float32)
        n += match(Judged(truth, nothing, nothing[:, 0]), SIZES[size]).counted
        highest = picture.confidence.max(initial=0.0)
        for number, level in enumerate(LEVELS[highest >= LEVELS]):
            believed = picture.confidence >= level
            regions = join(picture.found[believed], picture.confidence[believed])
            marks = match(Judged(truth, *regions), SIZES[size])
            right[:, number] += (marks.hit & ~marks.ignored).sum(1)
            false[:, number] += (~marks.hit & ~marks.ignored).sum(1)
    if not n:
        return Curve(np.zeros((10, 101)), np.zeros(10), 0)
    recall = right / n
    precision = right / np.maximum(right + false, 1)
    reached = recall[:, :, None] >= RECALL_POINTS
    return Curve((precision[:, :, None] * reached).max(1), recall.max(1), n)
