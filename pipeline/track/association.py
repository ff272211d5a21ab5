"""Which detection is which track: costs by overlap and distance, gated by size, speed and time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Array = npt.NDArray[np.float64]
Pairs = list[tuple[int, int]]

FORBIDDEN = 1e6


def pairwise_iou(a: Array, b: Array) -> Array:
    """Intersection over union of (N, 4) and (M, 4) boxes, (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    both = np.prod(a[:, 2:] - a[:, :2], axis=1)[:, None] + np.prod(b[:, 2:] - b[:, :2], axis=1)
    return np.asarray(shared / np.maximum(both - shared, 1e-9))


def costs(predicted: Array, reaches: Array, boxes: Array, size_ratio: float) -> Array:
    """Cost of every pair, (N tracks, M detections) in 0..1, `FORBIDDEN` outside the gate.

    Half of it is 1 - IoU and half the distance of the centres as a share of the reach. At glances
    seconds apart boxes seldom overlap, so IoU alone, on which ByteTrack and SORT stand, has
    nothing to say there; see ARCHITECTURE.md for the measurement.

    Args:
        predicted: (N, 4) where the tracks should be now.
        reaches: (N,) how far from there they may be, in sizes.
        boxes: (M, 4) what was detected.
        size_ratio: Largest change of size.
    """
    overlap = pairwise_iou(predicted, boxes)
    size_a, size_b = _extents(predicted)[:, None], _extents(boxes)[None, :]
    apart = np.linalg.norm(_centres(predicted)[:, None] - _centres(boxes)[None], axis=2)
    reach = reaches[:, None] * np.sqrt(size_a * size_b)
    ratio = np.maximum(size_a, size_b) / np.minimum(size_a, size_b)
    cost = 0.5 * (1.0 - overlap) + 0.5 * np.minimum(apart / reach, 1.0)
    return np.where((apart <= reach) & (ratio <= size_ratio), cost, FORBIDDEN)


def assign(cost: Array) -> Pairs:
    """The cheapest one-to-one pairs, forbidden ones left out (Hungarian method)."""
    if cost.size == 0:
        return []
    rows, columns = linear_sum_assignment(cost)
    pairs: Any = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(i, j) for i, j in pairs if cost[i, j] < FORBIDDEN]


def _extents(boxes: Array) -> Array:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
    return np.asarray(np.sqrt(sides[:, 0] * sides[:, 1]))


def _centres(boxes: Array) -> Array:
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)
