"""Parts of a picture are judged as in the whole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.novelty import detector as module
from pipeline.novelty.detector import NoveltyDetector
from pipeline.novelty.pixels import (
    bounds,
    clean,
    colour_change,
    correlate,
    most_tint,
    near,
)
from pipeline.novelty.settings import NoveltySettings
from pipeline.types import NovelObject

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


@pytest.mark.parametrize("min_change", [18.0, 6.0])
def test_a_whole_picture_judged_at_once_gives_the_same(
    min_change: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Things at the rims and corners, people walking along them, noise, a change of light."""
    settings = NoveltySettings(width_px=WIDTH, still_s=4.0, min_change=min_change)

    def judged() -> tuple[NoveltyDetector, list[tuple[NovelObject, ...]]]:
        detector, rng, found = NoveltyDetector(settings), np.random.default_rng(9), []
        street = cv2.resize(rng.integers(60, 180, (12, 20, 3), np.uint8), (WIDTH, HEIGHT))
        for step in range(40):
            image = street.astype(np.int16) + rng.integers(-9, 10, street.shape) + step // 4
            if step > 5:
                image[:14, :18], image[-9:, -21:] = (30, 60, 200), (220, 220, 40)
                image[40:55, :11], image[30:44, 90:110] = 10, (20, 190, 90)
            left = step * 4
            busy = [(left, 0, left + 20, 60), (WIDTH - 12, 30, WIDTH, HEIGHT)]
            shown = np.clip(image, 0, 255).astype(np.uint8)
            found.append(detector.update(shown, float(step), busy))
        return detector, found

    in_windows, found = judged()
    whole = slice(0, HEIGHT), slice(0, WIDTH)
    monkeypatch.setattr(module, "bounds", lambda mask: whole)
    at_once, wanted = judged()
    assert any(found)
    assert found == wanted
    assert in_windows.state() == at_once.state()


def test_bounds_of_a_mask():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    assert bounds(mask) is None
    mask[3, 5] = mask[80, 150] = True
    assert bounds(mask) == (slice(3, 81), slice(5, 151))
