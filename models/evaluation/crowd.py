"""Counts people for evaluation: by the weight's crowd calibration, else by boxes as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.detections import Detections
from models.detector import ImageArray
from models.labels import LABELS

PERSON_THRESHOLD = 0.25
"""Used where a card gives persons no threshold."""


def people_counter(
    weights: str, thresholds: Mapping[str, float]
) -> Callable[[ImageArray, Detections], float]:
    """A function that counts people in a picture, given what the detector found in it."""
    from models.card import find_weight, read_card

    calibration = read_card(find_weight(weights)).crowd or {}
    threshold = float(calibration.get("threshold", thresholds.get("person", PERSON_THRESHOLD)))
    factor = float(calibration.get("factor", 1.0))
    person = LABELS.index("person")

    def count(image: ImageArray, found: Detections) -> float:
        here = (found.class_id == person) & (found.confidence >= threshold)
        return float(here.sum()) * factor

    return count
