"""Counts people: by boxes while boxes tell them apart, by a density network where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from models.crowd_correction import BoxCorrection
from models.detections import Detections, FloatArray
from models.detector import ImageArray

Polygon = npt.NDArray[np.float32]
"""(N, 2) corners in pixels of the full frame."""


@dataclass(frozen=True, slots=True)
class PeopleCount:
    """People in one area, estimated, and how: from boxes or from a density map."""

    people: float
    method: Literal["boxes", "density"]


class CrowdCounter(Protocol):
    """Counts people in areas of a picture."""

    def count(
        self, image: ImageArray, found: Detections, areas: Sequence[Polygon]
    ) -> tuple[PeopleCount, ...]:
        """One count an area.

        Args:
            image: (H, W, 3) uint8 BGR full frame.
            found: what the detector found in it, pixels of the full frame.
            areas: polygons in pixels of the full frame.
        """
        ...


class DensityMap(Protocol):
    """A network that answers how many people each part of a picture holds."""

    def people_per_cell(self, image: ImageArray) -> FloatArray:
        """(h, w) float32 people per cell; the cells share the full frame evenly among them."""
        ...


class BoxCounter:
    """Counts person boxes whose foot stands in the area, with a calibrated correction."""

    def __init__(
        self, labels: Sequence[str], correction: BoxCorrection, sure_from: float | None = None
    ) -> None:
        """`labels` of the detector must hold "person"; `sure_from` is its threshold in the card,
        without one that of the correction."""
        self._person = list(labels).index("person")
        self._correction = correction
        self._sure_from = correction.threshold if sure_from is None else sure_from

    def count(
        self, image: ImageArray, found: Detections, areas: Sequence[Polygon]
    ) -> tuple[PeopleCount, ...]:
        """See `CrowdCounter.count`."""
        people = found.where(found.class_id == self._person)
        feet = [
            _feet(people.xyxy[people.confidence >= least])
            for least in (self._correction.threshold, self._sure_from)
        ]
        return tuple(
            PeopleCount(self._correction(*(_inside(f, area) for f in feet)), "boxes")
            for area in areas
        )


class SaturationCounter:
    """By density where boxes or density say `dense_from` people or more, by boxes elsewhere.

    Density is asked even where boxes are few: in a picture of 468 heads they found ten.
    """

    def __init__(self, boxes: CrowdCounter, density: DensityMap, dense_from: float) -> None:
        self._boxes = boxes
        self._density = density
        self._dense_from = dense_from

    def count(
        self, image: ImageArray, found: Detections, areas: Sequence[Polygon]
    ) -> tuple[PeopleCount, ...]:
        """See `CrowdCounter.count`. The density network runs once for all areas."""
        by_boxes = self._boxes.count(image, found, areas)
        density = self._density.people_per_cell(image)
        height, width = image.shape[:2]
        dense = [people_inside(density, area, (width, height)) for area in areas]
        return tuple(
            PeopleCount(people, "density")
            if max(people, boxes.people) >= self._dense_from
            else boxes
            for people, boxes in zip(dense, by_boxes, strict=True)
        )


def people_inside(density: FloatArray, area: Polygon, frame_size: tuple[int, int]) -> float:
    """People of a density map in a polygon; cells on its edge count by the share inside.

    Args:
        density: (h, w) people per cell.
        area: (N, 2) pixels of the full frame.
        frame_size: (width, height) of the full frame.
    """
    fine = 8
    height, width = density.shape
    mask = np.zeros((height * fine, width * fine), np.uint8)
    scale = np.array([width * fine / frame_size[0], height * fine / frame_size[1]])
    cv2.fillPoly(mask, [np.round(area * scale - 0.5).astype(np.int32)], (255,))
    share = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) / 255.0
    return float((density * share).sum())


def _feet(xyxy: FloatArray) -> FloatArray:
    feet: FloatArray = np.stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3]], axis=1)
    return feet


def _inside(points: FloatArray, area: Polygon) -> int:
    outline = np.ascontiguousarray(area, np.float32)
    return sum(cv2.pointPolygonTest(outline, (float(x), float(y)), False) >= 0 for x, y in points)
