"""The regions in which pictures from high up are scored."""

from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.detect import PYRAMID, pyramid


@pytest.mark.parametrize("size", [(1152, 648), (640, 640), (37, 900)])
def test_every_level_covers_the_whole_picture_and_none_leaves_it(size: tuple[int, int]) -> None:
    width, height = size
    regions = pyramid(width, height)
    for count, _ in PYRAMID:
        level, regions = regions[: count * count], regions[count * count :]
        seen = np.zeros((height, width), bool)
        for left, top, right, bottom in level:
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
            seen[top:bottom, left:right] = True
        assert seen.all()
    assert not regions
