"""Reductions of a plane."""

import cv2
import numpy as np
import pytest

from streams.picture import _mean_of_blocks


@pytest.mark.parametrize("side", [2, 3, 4, 5, 7])
def test_whole_blocks_are_averaged_as_cv2_does(side: int) -> None:
    plane = np.random.default_rng(side).integers(0, 256, (9 * side, 16 * side), np.uint8)
    wanted = cv2.resize(plane, (16, 9), interpolation=cv2.INTER_AREA)
    assert (_mean_of_blocks(plane, (16, 9)) == wanted).all()


def test_other_sizes_are_averaged_too() -> None:
    plane = np.full((100, 160), 77, np.uint8)
    assert (_mean_of_blocks(plane, (53, 33)) == 77).all()
