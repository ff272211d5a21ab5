"""The sight of the worker: boxes of crops come back in pixels of the full picture."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from models.fake_detector import ColourDetector
from pipeline.engine.seeing import Sight
from streams.types import Frame

RED = (20, 20, 230)


@pytest.mark.parametrize(
    "region", [(0, 0, 1920, 1080), (400, 300, 1100, 700), (1000, 400, 1300, 560)]
)
def test_a_box_is_where_it_is_in_the_full_picture(region: tuple[int, int, int, int]) -> None:
    image = np.full((1080, 1920, 3), 110, np.uint8)
    image[460:520, 1010:1090] = RED
    shot = Frame("cam", 0.0, datetime(2026, 3, 2, tzinfo=UTC), image)
    found = Sight(ColourDetector({"garbage": RED}), {}).see([(shot, [region])])[0]
    assert found.xyxy[0] == pytest.approx([1010, 460, 1090, 520], abs=4)
