"""Confidence that means the same for every class and weight: 0.5 at the card's threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.detections import Detections, FloatArray

AT_THRESHOLD = 0.5
"""Also the threshold of a class for which the card names none."""

CARRY_SHARE = 0.6
"""Detections below the card's threshold still carry a track on, down to this share of it."""

_EDGE = 1e-3


def at_sureness(labels: Sequence[str], thresholds: Mapping[str, float], sure: float) -> FloatArray:
    """(labels,) confidence that is so sure, `AT_THRESHOLD` or more, by class; see `Sureness`."""
    at = np.array([thresholds.get(label, AT_THRESHOLD) for label in labels], np.float32)
    share = (sure - AT_THRESHOLD) / (1 - AT_THRESHOLD)
    return np.asarray(at + share * (1 - at), np.float32)


def carry_floor(labels: Sequence[str], thresholds: Mapping[str, float]) -> FloatArray:
    """(labels,) least confidence that a patrol's rules and counters get to see, by class."""
    sure = [thresholds.get(label, 0.0) for label in labels]
    return np.array(sure, np.float32) * np.float32(CARRY_SHARE)


class Sureness:
    """Maps the confidences of a detector, straight below and above each class's threshold.

    A weight says 0.3 of a heap that is there and 0.4 of a head that is not: what decides is on
    which side of the threshold, picked per class on validation, a confidence lies.

    Args:
        labels: Class names by class id.
        thresholds: The card's confidence by label at which an object is there.
    """

    def __init__(self, labels: Sequence[str], thresholds: Mapping[str, float]) -> None:
        at = [thresholds.get(label, AT_THRESHOLD) for label in labels]
        self._at = np.clip(np.array(at, np.float32), _EDGE, 1 - _EDGE)

    def __call__(self, found: Detections) -> Detections:
        """The same boxes, confidences relative to the thresholds; 0 and 1 stay."""
        at, raw = self._at[found.class_id], found.confidence
        below = AT_THRESHOLD * raw / at
        above = 1 - (1 - AT_THRESHOLD) * (1 - raw) / (1 - at)
        sure = np.where(raw < at, below, above).astype(np.float32)
        return Detections(found.xyxy, sure, found.class_id)
