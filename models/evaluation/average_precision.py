"""Average precision as COCO defines it, for one class; parity-tested against pycocotools.

Source: Lin et al., Microsoft COCO (2014), and pycocotools.cocoeval (101 recall points, greedy
matching by confidence, objects outside the size range ignored, at most 100 boxes a picture).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.detections import FloatArray
from models.nms import areas, iou_matrix

IOU_THRESHOLDS: FloatArray = np.linspace(0.5, 0.95, 10).astype(np.float64)
RECALL_POINTS = np.linspace(0, 1, 101)
MAX_DETECTIONS = 100

SIZES: dict[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
"""COCO's ranges of object area in square pixels of the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Truth and prediction of one class in one picture.

    Attributes:
        truth: (N, 4) float32 boxes, pixels.
        found: (M, 4) float32 boxes, pixels.
        confidence: (M,) float32.
    """

    truth: FloatArray
    found: FloatArray
    confidence: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Precision of one class over recall.

    Attributes:
        precision: (10, 101) at IOU_THRESHOLDS and RECALL_POINTS.
        recall: (10,) highest recall reached.
        n: objects counted.
    """

    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    n: int

    @property
    def map50(self) -> float | None:
        """Average precision at IoU 0.5; None without objects."""
        return float(self.precision[0].mean()) if self.n else None

    @property
    def map50_95(self) -> float | None:
        """Mean of the average precision over IoU 0.5 to 0.95; None without objects."""
        return float(self.precision.mean()) if self.n else None


def precision_curve(pictures: Sequence[Judged], size: str = "all") -> Curve:
    """Precision over recall of one class over many pictures.

    Args:
        pictures: those in which the class was labelled, and no others.
        size: key of SIZES; objects of other sizes are ignored, neither right nor wrong.
    """
    marks = [match(p, SIZES[size]) for p in pictures]
    n = sum(m.counted for m in marks)
    if not n:
        return Curve(np.zeros((10, 101)), np.zeros(10), 0)
    confidence = np.concatenate([m.confidence for m in marks])
    order = np.argsort(-confidence, kind="mergesort")
    hit = np.concatenate([m.hit for m in marks], 1)[:, order]
    ignored = np.concatenate([m.ignored for m in marks], 1)[:, order]
    rows = [_interpolated(h & ~i, ~h & ~i, n) for h, i in zip(hit, ignored, strict=True)]
    return Curve(np.stack([r[0] for r in rows]), np.array([r[1] for r in rows]), n)


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Which predictions of one picture are right, per IoU threshold.

    Attributes:
        confidence: (M,) of the best MAX_DETECTIONS, in falling order.
        hit: (10, M) bool, matched to an object.
        ignored: (10, M) bool, counts neither way.
        counted: objects that count.
    """

    confidence: FloatArray
    hit: npt.NDArray[np.bool_]
    ignored: npt.NDArray[np.bool_]
    counted: int


def match(picture: Judged, area_range: tuple[float, float]) -> Marks:
    """Match predictions to objects, the most confident first, each object once."""
    order = np.argsort(-picture.confidence, kind="mergesort")[:MAX_DETECTIONS]
    found = picture.found[order]
    out_truth = _outside(picture.truth, area_range)
    by_count = np.argsort(out_truth, kind="mergesort")
    truth, out_truth = picture.truth[by_count], out_truth[by_count]
    iou = iou_matrix(found.astype(np.float64), truth.astype(np.float64))
    hit = np.zeros((len(IOU_THRESHOLDS), len(found)), bool)
    ignored = np.zeros_like(hit)
    near = np.flatnonzero((iou >= IOU_THRESHOLDS[0] - 1e-10).any(1))  # the others match nothing
    for t, threshold in enumerate(IOU_THRESHOLDS) if len(near) else ():
        partner = _greedy(iou[near].tolist(), out_truth.tolist(), min(float(threshold), 1 - 1e-10))
        for row, column in zip(near, partner, strict=True):
            if column >= 0:
                hit[t, row], ignored[t, row] = True, out_truth[column]
    ignored |= ~hit & _outside(found, area_range)[None]
    return Marks(picture.confidence[order], hit, ignored, int((~out_truth).sum()))


def _greedy(iou: list[list[float]], ignored: list[bool], threshold: float) -> list[int]:
    """Object that each prediction takes, -1 for none: the free one that it overlaps most, one
    that counts before one that is ignored. Among equals the last, as pycocotools does.

    Plain lists: with a handful of objects a picture they are ten times as fast as arrays.
    """
    partner = []
    free = [True] * len(ignored)
    for overlaps in iou:
        best, column = threshold, -1
        for index, overlap in enumerate(overlaps):
            if not free[index] or overlap < threshold:
                continue
            if column >= 0 and ignored[index] and not ignored[column]:
                break  # objects that count come first
            if overlap >= best or (column >= 0 and ignored[column] and not ignored[index]):
                best, column = overlap, index
        if column >= 0:
            free[column] = False
        partner.append(column)
    return partner


def _outside(xyxy: FloatArray, area_range: tuple[float, float]) -> npt.NDArray[np.bool_]:
    area = areas(xyxy.astype(np.float64))
    return np.asarray((area < area_range[0]) | (area > area_range[1]))


def _interpolated(
    right: npt.NDArray[np.bool_], wrong: npt.NDArray[np.bool_], n: int
) -> tuple[npt.NDArray[np.float64], float]:
    """(101,) precision at RECALL_POINTS, made to fall monotonically, and the final recall."""
    hits, misses = np.cumsum(right, dtype=float), np.cumsum(wrong, dtype=float)
    recall = hits / n
    precision = hits / np.maximum(hits + misses, np.spacing(1))
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALL_POINTS, side="left")
    result = np.zeros(len(RECALL_POINTS))
    reached = at < len(precision)
    result[reached] = precision[at[reached]]
    return result, float(recall[-1]) if len(recall) else 0.0
