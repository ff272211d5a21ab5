"""A grid of metres on the ground, as lines over the picture: what shows people a calibration."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pipeline.geometry.calibration import Calibration

Array = npt.NDArray[np.float64]
Line = list[tuple[float, float]]

_LINES = 12
_SAMPLES = 40
_MARGIN = 0.35


def ground_grid(calibration: Calibration, points_px: npt.ArrayLike) -> tuple[float, list[Line]]:
    """(metres between lines, lines in 0..1 of the frame) around ground points (N, 2) in pixels.

    Lines run east and north, at 1, 2, 5, 10, … metres so that about a dozen cross the points.
    Parts behind the horizon or outside the frame are left out.
    """
    ground = calibration.to_metres(points_px)
    ground = ground[np.isfinite(ground).all(1)]
    if not len(ground):
        return 0.0, []
    low, high = ground.min(0), ground.max(0)
    widest = float((high - low).max()) or 1.0
    low, high = low - _MARGIN * widest, high + _MARGIN * widest
    step = _step(float((high - low).max()) / _LINES)
    lines: list[Line] = []
    for axis in (0, 1):
        along = np.linspace(low[1 - axis], high[1 - axis], _SAMPLES)
        first, last = math.ceil(low[axis] / step), math.floor(high[axis] / step)
        for number in range(first, last + 1):
            line = np.empty((_SAMPLES, 2))
            line[:, axis], line[:, 1 - axis] = number * step, along
            lines += _visible(calibration, line)
    return step, lines


def _step(wanted_m: float) -> float:
    """The next of 1, 2, 5, 10, … above what is wanted."""
    power = 10.0 ** math.floor(math.log10(wanted_m))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= wanted_m)


def _visible(calibration: Calibration, line_m: Array) -> list[Line]:
    """The parts of a line of metres that are in the picture."""
    pixels = calibration.to_pixels(calibration.plane.to_lonlat(line_m))
    norm = pixels / np.asarray(calibration.image_size, np.float64)
    inside = np.isfinite(norm).all(1) & (norm > -0.05).all(1) & (norm < 1.05).all(1)
    parts: list[Line] = []
    current: Line = []
    for point, shown in zip(norm, np.asarray(inside), strict=True):
        if shown:
            current.append((round(float(point[0]), 4), round(float(point[1]), 4)))
            continue
        if len(current) > 1:
            parts.append(current)
        current = []
    return [*parts, current] if len(current) > 1 else parts
