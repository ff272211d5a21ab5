"""The ground that a calibrated view sees, as a polygon for the map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.geometry.calibration import Calibration

Array = npt.NDArray[np.float64]

REACH_M = 120.0
"""Further than this from the picture's lower edge a footprint says nothing to people."""
_COLUMNS = 9
_HALVINGS = 24


def footprint(calibration: Calibration, reach_m: float = REACH_M) -> Array | None:
    """(N, 2) WGS-84 corners of the ground in the picture, up to `reach_m` from its lower edge.

    None when the picture shows no ground at its lower edge. Each column of the picture is cut at
    the row where the ground is `reach_m` away or the horizon begins, found by halving.
    """
    width, height = calibration.image_size
    columns = np.linspace(0.0, width, _COLUMNS)
    near_px = np.column_stack([columns, np.full(_COLUMNS, float(height))])
    near = calibration.to_metres(near_px)
    middle = near[_COLUMNS // 2]
    if not np.isfinite(near).all():
        return None
    seen, beyond = near_px.copy(), np.column_stack([columns, np.zeros(_COLUMNS)])
    for _ in range(_HALVINGS):
        half = (seen + beyond) / 2
        apart = np.linalg.norm(calibration.to_metres(half) - middle, axis=1)
        inside = np.isfinite(apart) & (apart <= reach_m)
        seen[inside], beyond[~inside] = half[inside], half[~inside]
    far = calibration.to_metres(seen)
    return calibration.plane.to_lonlat(np.concatenate([near, far[::-1]]))
