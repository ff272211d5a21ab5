"""Parts of a picture are judged as in the whole."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.novelty.pixels import (
    bounds,
    clean,
    colour_change,
    correlate,
    most_tint,
    near,
)

HEIGHT, WIDTH = 90, 160
ALL = slice(0, HEIGHT), slice(0, WIDTH)


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """(3, h, w) a picture and its background, half of it changed."""
    rng = np.random.default_rng(5)
    before = rng.uniform(40, 200, (3, HEIGHT, WIDTH)).astype(np.float32)
    now = before + rng.normal(0, 4, before.shape).astype(np.float32)
    now[:, :, WIDTH // 2 :] = rng.uniform(40, 200, (3, HEIGHT, WIDTH // 2))
    return now, before


@pytest.mark.parametrize(
    "window",
    [
        (slice(20, 50), slice(30, 110)),
        (slice(0, 7), slice(0, WIDTH)),
        (slice(60, HEIGHT), slice(150, WIDTH)),
    ],
)
def test_texture_in_a_window_is_that_of_the_whole_picture(window, pictures):
    now, before = pictures
    textured, alike = correlate(now[0], before[0], window)
    textured_all, alike_all = correlate(now[0], before[0], ALL)
    assert (textured == textured_all[window]).all()
    assert np.allclose(alike, alike_all[window], atol=1e-3)
    assert alike_all[:, :60].mean() > 0.9 > 0.3 > alike_all[:, 100:].mean()


def test_colour_never_changes_more_than_its_tint(pictures):
    assert (colour_change(*pictures) <= most_tint(*pictures)).all()


def test_what_clean_keeps_of_a_part_needs_only_what_is_near(pictures):
    rng = np.random.default_rng(6)
    mask = rng.random((HEIGHT, WIDTH)) > 0.15
    part = np.zeros_like(mask)
    part[30:60, 40:100] = True
    assert clean(mask)[part].any()
    assert (clean(mask & near(part))[part] == clean(mask)[part]).all()


def test_bounds_of_a_mask():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    assert bounds(mask) is None
    mask[3, 5] = mask[80, 150] = True
    assert bounds(mask) == (slice(3, 81), slice(5, 151))
