"""How many people stand where so many boxes were counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.errors import CardError

SPARSE = 0.75
"""Up to this share of the fewest boxes of the fit, people stand apart and only sure boxes count:
an unsure one beside a sure one is the same person's more often than another's."""

DENSE = 1.5
"""From this share of them on the fit is believed; in between it is a mixture."""

DEFAULT_THRESHOLD = 0.25
"""Confidence of a person in a crowd: lower than elsewhere, heads and shoulders are all there is."""


@dataclass(frozen=True, slots=True)
class BoxCorrection:
    """From boxes counted to people there: boxes merge where people stand close.

    Attributes:
        threshold: Confidence from which a person box counts.
        boxes: Counts at which the correction is known, growing, from 0.
        people: People at those counts, not falling; beyond the last one their ratio is kept.
    """

    threshold: float = DEFAULT_THRESHOLD
    boxes: tuple[float, ...] = (0.0, 1.0)
    people: tuple[float, ...] = (0.0, 1.0)

    @classmethod
    def of_card(cls, crowd: Mapping[str, Any] | None) -> BoxCorrection:
        """The `crowd` entry of a card: `threshold`, and `factor` or `knots` [[boxes, people], …].

        Raises:
            CardError: the entry is neither.
        """
        entry = crowd or {}
        try:
            threshold = float(entry.get("threshold", DEFAULT_THRESHOLD))
            knots = entry.get("knots") or [[0.0, 0.0], [1.0, float(entry.get("factor", 1.0))]]
            boxes = tuple(float(pair[0]) for pair in knots)
            people = tuple(float(pair[1]) for pair in knots)
        except (TypeError, ValueError, IndexError) as error:
            raise CardError(
                f"crowd must hold numbers threshold, factor or knots: {error}"
            ) from error
        if len(boxes) < 2 or boxes[0] != 0 or np.any(np.diff(boxes) <= 0):
            raise CardError(f"crowd knots must start at 0 boxes and grow, got boxes {boxes}")
        if min(people) < 0 or np.any(np.diff(people) < 0):
            raise CardError(f"crowd knots must not fall in people, got {people}")
        return cls(threshold, boxes, people)

    def __call__(self, boxes: float, sure: float) -> float:
        """People where so many boxes were counted, and so many of them surely.

        Few boxes are taken as they are, the sure ones of them; many are corrected; in between, see
        SPARSE and DENSE, it is a mixture.

        Args:
            boxes: Boxes from `threshold` on.
            sure: Boxes from the threshold on that the weight's card gives for persons.
        """
        many = float(np.interp(boxes, self.boxes, self.people))
        if boxes >= self.boxes[-1]:
            many = boxes * self.people[-1] / self.boxes[-1]
        fewest = self.boxes[1]
        share = (boxes - SPARSE * fewest) / ((DENSE - SPARSE) * fewest)
        return sure + min(1.0, max(0.0, share)) * (many - sure)
