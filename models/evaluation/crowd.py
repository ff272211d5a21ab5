"""Errors of counting people by boxes, with a card's correction, on pictures with head points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.crowd_correction import BoxCorrection
from models.evaluation.rates import count_errors
from models.evaluation.score import Scored
from models.labels import LABELS


def people_boxes(scored: Scored, threshold: float) -> int:
    """Persons found at or above a confidence."""
    person = scored.found.class_id == LABELS.index("person")
    return int((person & (scored.found.confidence >= threshold)).sum())


def crowd_errors(
    pictures: Sequence[Scored], crowd: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Mean absolute and root-mean-square error of people per picture; None without head points.

    Args:
        crowd: the `crowd` entry of the weight's card; without one, boxes count as they are.
    """
    correction = BoxCorrection.of_card(crowd)
    points = [(s, s.picture.points) for s in pictures]
    counted = [(people_boxes(s, correction.threshold), len(p)) for s, p in points if p is not None]
    if not counted:
        return None
    people = [float(there) for _, there in counted]
    errors: dict[str, Any] = count_errors([correction(boxes) for boxes, _ in counted], people)
    plain = count_errors([float(boxes) for boxes, _ in counted], people)
    return {**errors, "method": "boxes", "mae_uncorrected": plain["mae"]}
