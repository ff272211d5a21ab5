"""The sight of the worker: boxes of crops come back in pixels of the full picture."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from models.detections import Detections
from pipeline.engine.seeing import Sight
from streams.types import Frame, ImageArray


class RedThing:
    """A detector that sees whatever is red as one garbage."""

    labels = ("garbage",)
    model_id = "red@0"
    input_size = (384, 640)
    thresholds: dict[str, float] = {}  # noqa: RUF012  (a port's attribute, never written)

    def detect(self, images: Sequence[ImageArray]) -> list[Detections]:
        boxes = []
        for image in images:
            ys, xs = np.nonzero(image[..., 2] > image[..., 1].astype(int) + 60)
            boxes.append([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]])
        one, zero = np.ones(1, np.float32), np.zeros(1, np.int32)
        return [Detections(np.array(box, np.float32), one, zero) for box in boxes]

    def close(self) -> None: ...


@pytest.mark.parametrize(
    "region", [(0, 0, 1920, 1080), (400, 300, 1100, 700), (1000, 400, 1300, 560)]
)
def test_a_box_is_where_it_is_in_the_full_picture(region: tuple[int, int, int, int]) -> None:
    image = np.full((1080, 1920, 3), 110, np.uint8)
    image[460:520, 1010:1090] = (20, 20, 230)
    shot = Frame("cam", 0.0, datetime(2026, 3, 2, tzinfo=UTC), image)
    found = Sight(RedThing(), {}).see([(shot, [region])])[0]
    assert found.xyxy[0] == pytest.approx([1010, 460, 1090, 520], abs=4)
