"""Letterboxing is exact and comes back to the same pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.letterbox import PAD_VALUE, Letterbox

SIDES = st.integers(min_value=1, max_value=5000)


@settings(deadline=None)
@given(height=SIDES, width=SIDES)
def test_fits_inside_whatever_the_shape(height: int, width: int) -> None:
    top, left, placed_height, placed_width = Letterbox.fit((height, width), (384, 640)).placed
    assert min(top, left) >= 0
    assert min(placed_height, placed_width) >= 1
    assert top + placed_height <= 384
    assert left + placed_width <= 640
    assert placed_height == 384 or placed_width == 640


@settings(deadline=None)
@given(height=SIDES, width=SIDES, corner=st.tuples(*[st.floats(0, 1)] * 4))
def test_boxes_come_back(
    height: int, width: int, corner: tuple[float, float, float, float]
) -> None:
    letterbox = Letterbox.fit((height, width), (384, 640))
    top, left, placed_height, placed_width = letterbox.placed
    x0, x1 = sorted((corner[0], corner[2]))
    y0, y1 = sorted((corner[1], corner[3]))
    seen = np.array(
        [
            [
                left + x0 * placed_width,
                top + y0 * placed_height,
                left + x1 * placed_width,
                top + y1 * placed_height,
            ]
        ],
        np.float32,
    )
    expected = [x0 * width, y0 * height, x1 * width, y1 * height]
    assert letterbox.to_image(seen)[0] == pytest.approx(expected, abs=0.01 + width / 1e4)


def test_boxes_in_the_padding_are_clipped() -> None:
    letterbox = Letterbox.fit((1080, 1920), (384, 640))
    boxes = letterbox.to_image(np.array([[-5, 0, 700, 11]], np.float32))
    assert boxes.tolist() == [[0, 0, 1920, 0]]


@pytest.mark.parametrize(
    ("size", "input_size"),
    [
        pytest.param((1080, 1920), (384, 640), id="a third: the shortcut"),
        pytest.param((720, 1280), (384, 640), id="half"),
        pytest.param((1920, 3200), (384, 640), id="a fifth"),
        pytest.param((384, 640), (384, 640), id="as it is"),
        pytest.param((577, 1003), (384, 640), id="odd"),
        pytest.param((90, 160), (640, 640), id="enlarged"),
    ],
)
def test_draws_what_bilinear_scaling_gives(
    size: tuple[int, int], input_size: tuple[int, int]
) -> None:
    image = np.random.default_rng(1).integers(0, 255, (*size, 3), dtype=np.uint8)
    letterbox = Letterbox.fit(size, input_size)
    canvas = np.zeros((*input_size, 3), np.uint8)
    letterbox.pad(canvas)
    letterbox.draw(image, canvas)
    top, left, height, width = letterbox.placed
    expected = np.full((*input_size, 3), PAD_VALUE, np.uint8)
    expected[top : top + height, left : left + width] = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_LINEAR
    )
    assert np.array_equal(canvas, expected)


def test_draws_a_view_of_a_larger_picture() -> None:
    image = np.random.default_rng(1).integers(0, 255, (400, 500, 3), dtype=np.uint8)
    view = image[100:300:1, 50:350]
    letterbox = Letterbox.fit((200, 300), (96, 160))
    from_view, from_copy = np.zeros((2, 96, 160, 3), np.uint8)
    letterbox.draw(view, from_view)
    letterbox.draw(view.copy(), from_copy)
    assert np.array_equal(from_view, from_copy)
