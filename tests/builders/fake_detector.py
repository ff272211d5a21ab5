"""A detector for tests and demos without a network: it finds what is painted in a known colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from models.detections import Detections
from models.detector import ImageArray, check_images
from models.errors import DetectorClosed

TOLERANCE = 24
"""Difference in each colour channel that still counts as the colour: video codecs shift it."""

LEAST_AREA_PX = 16
"""Smaller patches are noise."""


class ColourDetector:
    """Implements `detector.Detector`: every patch of a label's colour is one object of it.

    It really looks at the pixels, so crops, tiles, scaling and threads behave as with a network.
    """

    def __init__(
        self,
        colours: Mapping[str, tuple[int, int, int]],
        confidence: float = 0.9,
        input_size: tuple[int, int] = (384, 640),
    ) -> None:
        """Make a detector.

        Args:
            colours: BGR by label; the labels' order gives the class ids.
            confidence: what every detection gets.
            input_size: (height, width) that it claims.
        """
        self._colours = dict(colours)
        self._confidence = confidence
        self._input_size = input_size
        self._closed = False

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self._colours)

    @property
    def model_id(self) -> str:
        return "colours@000000"

    @property
    def input_size(self) -> tuple[int, int]:
        return self._input_size

    @property
    def thresholds(self) -> Mapping[str, float]:
        return dict.fromkeys(self._colours, 0.5)

    def detect(self, images: Sequence[ImageArray]) -> list[Detections]:
        """See `Detector.detect`."""
        if self._closed:
            raise DetectorClosed("a detector must be open to detect, it was closed")
        check_images(images)
        return [self._one(image) for image in images]

    def close(self) -> None:
        """See `Detector.close`."""
        self._closed = True

    def _one(self, image: ImageArray) -> Detections:
        rows = [
            (box, class_id)
            for class_id, colour in enumerate(self._colours.values())
            for box in _patches(image, colour)
        ]
        if not rows:
            return Detections()
        return Detections(
            np.array([box for box, _ in rows], np.float32),
            np.full(len(rows), self._confidence, np.float32),
            np.array([class_id for _, class_id in rows], np.int32),
        )


def _patches(
    image: ImageArray, colour: tuple[int, int, int]
) -> list[tuple[float, float, float, float]]:
    low = np.clip(np.array(colour) - TOLERANCE, 0, 255).astype(np.uint8)
    high = np.clip(np.array(colour) + TOLERANCE, 0, 255).astype(np.uint8)
    mask = cv2.inRange(image, low, high)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return [
        (float(x), float(y), float(x + w), float(y + h))
        for x, y, w, h, area in stats[1:]
        if area >= LEAST_AREA_PX
    ]
