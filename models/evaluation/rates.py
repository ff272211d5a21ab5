"""The rates a patrol lives by: heaps found, clean streets left alone, people counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.detections import FloatArray
from models.evaluation.average_precision import Judged
from models.nms import intersections, iou_matrix

FOUND_IOU = 0.3
"""A heap counts as found when a box overlaps it by this much, or has its centre in it."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of pictures.

    Attributes:
        found: pictures with objects in which at least one was found.
        n_with: pictures with objects.
        false: pictures without objects in which one was reported.
        n_clean: pictures without objects.
    """

    found: float | None
    n_with: int
    false: float | None
    n_clean: int


def picture_rates(pictures: Iterable[Judged], threshold: float) -> Rates:
    """Rates of one class at a confidence threshold, picture by picture."""
    found, false = [], []
    for picture in pictures:
        boxes = picture.found[picture.confidence >= threshold]
        if len(picture.truth):
            found.append(bool(hits(boxes, picture.truth).any()))
        else:
            false.append(len(boxes) > 0)
    return Rates(_share(found), len(found), _share(false), len(false))


def hits(found: FloatArray, truth: FloatArray) -> npt.NDArray[np.bool_]:
    """(N, M) whether a predicted box points at an object: IoU ≥ FOUND_IOU or centre inside."""
    centre = np.tile((found[:, :2] + found[:, 2:]) / 2, 2)
    pixel = np.array([-0.5, -0.5, 0.5, 0.5], np.float32)
    inside = intersections(np.asarray(centre + pixel, np.float32), truth) > 0.5
    return np.asarray((iou_matrix(found, truth) >= FOUND_IOU) | inside)


def _share(values: Sequence[bool]) -> float | None:
    return float(np.mean(values)) if values else None


def count_errors(counted: Sequence[float], truth: Sequence[float]) -> dict[str, float | int]:
    """Mean absolute and root-mean-square error of people counts."""
    difference = np.asarray(counted, float) - np.asarray(truth, float)
    return {
        "mae": float(np.abs(difference).mean()),
        "rmse": float(np.sqrt((difference**2).mean())),
        "n": len(difference),
    }


def correction(counted: Sequence[float], truth: Sequence[float]) -> float:
    """The factor on box counts with the least absolute error: the median of truth over count,
    weighted by count."""
    boxes, people = np.asarray(counted, float), np.asarray(truth, float)
    usable = boxes > 0
    ratio, weight = people[usable] / boxes[usable], boxes[usable]
    order = np.argsort(ratio)
    half = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
    return float(ratio[order][half]) if len(ratio) else 1.0
