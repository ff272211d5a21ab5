"""Errors of counting people, by boxes or by density, on pictures with head points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.crowd import CrowdCounter, DensityMap
from models.crowd_correction import BoxCorrection
from models.evaluation.detect import read_picture
from models.evaluation.rates import count_errors
from models.evaluation.score import Scored
from models.labels import LABELS
from models.training.manifest import Picture


def people_boxes(scored: Scored, threshold: float) -> int:
    """Persons found at or above a confidence."""
    person = scored.found.class_id == LABELS.index("person")
    return int((person & (scored.found.confidence >= threshold)).sum())


def crowd_errors(
    pictures: Sequence[Scored], crowd: Mapping[str, Any] | None, sure: float | None
) -> dict[str, Any] | None:
    """Mean absolute and root-mean-square error of people per picture; None without head points.

    Args:
        crowd: the `crowd` entry of the weight's card; without one, boxes count as they are.
        sure: the card's threshold of a person; None where it names none, as for the patrol's
            counter.
    """
    correction = BoxCorrection.of_card(crowd)
    sure_from = correction.threshold if sure is None else sure
    counted = [s for s in pictures if s.picture.points is not None]
    if not counted:
        return None
    people = [float(0 if s.picture.points is None else len(s.picture.points)) for s in counted]
    boxes = [people_boxes(s, correction.threshold) for s in counted]
    corrected = [
        correction(n, people_boxes(s, sure_from)) for s, n in zip(counted, boxes, strict=True)
    ]
    errors: dict[str, Any] = count_errors(corrected, people)
    plain = count_errors([float(n) for n in boxes], people)
    return {**errors, "method": "boxes", "mae_uncorrected": plain["mae"]}


def density_people(pictures: Sequence[Picture], density: DensityMap) -> list[float]:
    """People in each picture by a density network alone."""
    return [float(density.people_per_cell(read_picture(p)).sum()) for p in pictures]


def counter_errors(pictures: Sequence[Scored], counter: CrowdCounter) -> dict[str, Any] | None:
    """Errors of a patrol's counter over whole pictures, and how many it counted by density; None
    without head points."""
    counted = [s for s in pictures if s.picture.points is not None]
    if not counted:
        return None
    people, dense = [], 0
    for scored in counted:
        width, height = scored.size
        whole = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        count = counter.count(read_picture(scored.picture), scored.found, [whole])[0]
        people.append(count.people)
        dense += count.method == "density"
    there = [float(0 if s.picture.points is None else len(s.picture.points)) for s in counted]
    return {**count_errors(people, there), "method": "density", "by_density": dense}
