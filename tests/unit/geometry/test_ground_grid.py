"""The grid over the still: true metres, inside the picture, about a dozen lines."""

from __future__ import annotations

import numpy as np
import pytest

from bench.fusion_square import pinhole
from pipeline.geometry.calibration import Calibration
from pipeline.geometry.ground_grid import ground_grid
from pipeline.geometry.plane import LocalPlane

SIZE = (1920, 1080)
POINTS = np.array([(2, 14), (-3, 17), (7, 20), (1, 30), (11, 40), (-2, 38)], float)


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_lines_lie_on_whole_steps_of_true_metres(scale: float) -> None:
    camera = pinhole(np.array([0.0, 0.0, 6.0 * scale]), np.array([4.0, 30.0 * scale, 0.0]), 1200.0)
    metres = POINTS * scale
    ground = np.column_stack([metres, np.zeros(len(metres)), np.ones(len(metres))]) @ camera.T
    pixels = ground[:, :2] / ground[:, 2:]
    plane = LocalPlane(114.05, 22.54)
    fitted = Calibration.fit(pixels, plane.to_lonlat(metres), SIZE)
    step, lines = ground_grid(fitted, pixels)
    assert step in (2.0, 5.0, 10.0, 20.0)
    assert 8 <= len(lines) <= 30
    for line in lines:
        norm = np.array(line)
        assert (norm > -0.06).all()
        assert (norm < 1.06).all()
        inside = (norm > 0.02).all(1) & (norm < 0.98).all(1)
        if not inside.any():
            continue
        back = fitted.to_metres(norm[inside] * SIZE) / step
        apart = np.abs(back - back.round()).max(0)
        assert apart.min() < 0.05, "every line is one of constant east or constant north"
