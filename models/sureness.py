"""Confidence that means the same for every class and weight: 0.5 at the card's threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.detections import Detections

AT_THRESHOLD = 0.5
"""Also the threshold of a class for which the card names none."""

_EDGE = 1e-3


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
