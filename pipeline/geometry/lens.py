"""Lens distortion (Brown-Conrady, OpenCV's order) undone and done again on points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lens:
    """A lens as `cv2.calibrateCamera` reports it.

    Attributes:
        focal_px: Focal lengths (x, y) in pixels.
        centre_px: Principal point (x, y) in pixels.
        coefficients: k1, k2, p1, p2, k3.
    """

    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    coefficients: tuple[float, float, float, float, float]

    def undistort(self, pixels: npt.ArrayLike) -> Array:
        """(N, 2) pixels of the picture to pixels of an ideal camera with the same matrix."""
        distorted = self._rays(pixels)
        ideal = distorted.copy()
        for _ in range(30):
            ideal += distorted - self._bend(ideal)
        return ideal * self.focal_px + self.centre_px

    def distort(self, pixels: npt.ArrayLike) -> Array:
        """(N, 2) pixels of the ideal camera to pixels of the picture."""
        return self._bend(self._rays(pixels)) * self.focal_px + self.centre_px

    def _rays(self, pixels: npt.ArrayLike) -> Array:
        points = np.asarray(pixels, np.float64).reshape(-1, 2)
        return np.asarray((points - self.centre_px) / self.focal_px)

    def _bend(self, rays: Array) -> Array:
        k1, k2, p1, p2, k3 = self.coefficients
        x, y = rays.T
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        return np.column_stack(
            [
                x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
                y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
            ]
        )
