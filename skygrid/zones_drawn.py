"""Zones outlined and named on a picture, for `skygrid check`."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.zones import Zone
from streams.types import ImageArray

_COLOURS = ((60, 180, 255), (80, 220, 80), (255, 160, 60), (200, 90, 255), (60, 60, 255))


def with_zones(image: ImageArray, zones: Sequence[Zone]) -> ImageArray:
    """A copy of a picture with each zone outlined and named."""
    drawn = image.copy()
    height, width = drawn.shape[:2]
    for number, zone in enumerate(zones):
        colour = _COLOURS[number % len(_COLOURS)]
        corners = np.array([(x * width, y * height) for x, y in zone.polygon], np.int32)
        cv2.polylines(drawn, [corners], isClosed=True, color=colour, thickness=2)
        at = (int(corners[:, 0].min()) + 4, max(18, int(corners[:, 1].min()) + 18))
        label = f"{zone.id}: {', '.join(rule.type for rule in zone.rules)}"
        cv2.putText(drawn, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(drawn, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return drawn
