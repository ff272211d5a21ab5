"""The ground grid drawn over a still, and the ground points with their errors: for `calibrate`."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.geometry.calibration import Calibration
from pipeline.geometry.geojson import ground_grid

ImageArray = npt.NDArray[np.uint8]

_GRID = (255, 200, 60)
_USED, _OUTLIER = (60, 200, 60), (50, 50, 230)


def draw_ground_grid(
    image: ImageArray,
    calibration: Calibration,
    points_px: Sequence[tuple[float, float]] = (),
    step_m: float = 5.0,
) -> ImageArray:
    """A copy of the still with lines every `step_m` on the ground and each point's error.

    Lines that do not lie flat on the street in the picture show a wrong calibration at a glance.

    Args:
        image: (H, W, 3) uint8, BGR, of the calibrated size.
        calibration: Of the view.
        points_px: The ground points as they were clicked, in the order of the calibration.
        step_m: Distance of the lines.
    """
    drawn = image.copy()
    for line in ground_grid(calibration, step_m):
        path = np.round(line["properties"]["px"]).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(drawn, [path], False, _GRID, 1, cv2.LINE_AA)
    for (x, y), error in zip(points_px, calibration.points, strict=False):
        at, colour = (round(x), round(y)), _USED if error.used else _OUTLIER
        cv2.circle(drawn, at, 6, colour, 2, cv2.LINE_AA)
        label = f"{error.error_m:.2f} m"
        cv2.putText(drawn, label, (at[0] + 8, at[1]), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1)
    return drawn
