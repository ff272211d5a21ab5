"""Cutting things out of photographs: by their outline, or as a box that keeps the head."""

from __future__ import annotations

import cv2
import numpy as np

from sample_videos.pictures import cut_out

BOX = (60, 40, 140, 180)


def _plain() -> np.ndarray:
    noise = np.random.default_rng(1).integers(0, 3, (200, 200, 3), dtype=np.uint8)
    return np.full((200, 200, 3), 120, np.uint8) + noise


def test_a_thing_with_an_outline_is_cut_along_it():
    image = _plain()
    cv2.ellipse(image, (100, 110), (30, 65), 0, 0, 360, (20, 20, 220), -1)
    cut, mask = cut_out(image, BOX)
    assert cut.shape[:2] == mask.shape == (140, 80)
    assert mask[70, 40] > 0.99
    assert mask[2, 2] < 0.01


def test_a_box_without_an_outline_fades_at_the_sides_and_below_but_not_over_a_head():
    _, mask = cut_out(_plain(), BOX)
    assert mask[0, 40] > 0.99
    assert mask[70, 40] > 0.99
    assert max(mask[70, 0], mask[70, -1], mask[-1, 40]) < 0.3
