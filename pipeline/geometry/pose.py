"""Where the camera stands, read from its ground map: height, distance and what heights mean.

A homography of the ground fixes the camera when pixels are square and the optical axis meets
the picture's centre (Zhang 2000, "A flexible new technique for camera calibration", one-view
case). Views that look straight down do not fix the focal length; they get no pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CameraPose:
    """A pinhole camera over the ground plane.

    Attributes:
        projection: (3, 4), metres east, north, up to homogeneous pixels.
        position_m: (3,) camera centre, metres east, north, up.
        focal_px: Focal length in pixels.
    """

    projection: Array
    position_m: Array
    focal_px: float

    def to_pixels(self, points_m: npt.ArrayLike) -> Array:
        """(N, 3) metres east, north, up to (N, 2) pixels; NaN behind the camera."""
        points = np.asarray(points_m, np.float64).reshape(-1, 3)
        homogeneous = np.column_stack([points, np.ones(len(points))]) @ self.projection.T
        homogeneous[homogeneous[:, 2] <= 0] = np.nan
        return homogeneous[:, :2] / homogeneous[:, 2:]

    def height_m(self, foot_m: npt.ArrayLike, top_y_px: float) -> float:
        """How high above the ground point `foot_m` (2,) the picture row `top_y_px` is."""
        east, north = np.asarray(foot_m, np.float64)
        base = self.projection @ np.array([east, north, 0.0, 1.0])
        up = self.projection[:, 2]
        slope = top_y_px * up[2] - up[1]
        return float((base[1] - top_y_px * base[2]) / slope) if abs(slope) > 1e-9 else float("nan")

    def on_plane(self, pixels: npt.ArrayLike, height_m: float) -> Array:
        """(N, 2) pixels to (N, 2) metres on the plane at a height; NaN at its horizon."""
        flat = self.projection[:, [0, 1, 3]].copy()
        flat[:, 2] += height_m * self.projection[:, 2]
        points = np.asarray(pixels, np.float64).reshape(-1, 2)
        homogeneous = np.column_stack([points, np.ones(len(points))]) @ np.linalg.inv(flat).T
        homogeneous[homogeneous[:, 2] <= 0] = np.nan
        return homogeneous[:, :2] / homogeneous[:, 2:]


def recover_pose(
    pixels_to_metres: Array, principal_px: tuple[float, float], focal_px: float | None = None
) -> CameraPose | None:
    """The camera behind a (3, 3) ground homography, None where it does not fix one."""
    shift = np.array([[1, 0, -principal_px[0]], [0, 1, -principal_px[1]], [0, 0, 1.0]])
    plane = shift @ np.linalg.inv(pixels_to_metres)
    focal = focal_px or _focal_px(plane)
    if focal is None:
        return None
    columns = plane / np.array([[focal], [focal], [1.0]])
    scale = 2.0 / (np.linalg.norm(columns[:, 0]) + np.linalg.norm(columns[:, 1]))
    for sign in (scale, -scale):
        camera = _camera(columns * sign, focal, shift)
        if camera is not None:
            return camera
    return None


def _focal_px(plane: Array) -> float | None:
    """Least squares over the two conditions r1·r2 = 0 and |r1| = |r2| on 1/f²."""
    a, b = plane[:, 0] / np.linalg.norm(plane[:2, 0]), plane[:, 1] / np.linalg.norm(plane[:2, 0])
    slope = np.array([a[:2] @ b[:2], a[:2] @ a[:2] - b[:2] @ b[:2]])
    constant = np.array([a[2] * b[2], a[2] ** 2 - b[2] ** 2])
    steepness = float(slope @ slope)
    inverse_square = -float(slope @ constant) / steepness if steepness > 1e-12 else 0.0
    return float(1 / np.sqrt(inverse_square)) if inverse_square > 1e-10 else None


def _camera(columns: Array, focal: float, shift: Array) -> CameraPose | None:
    right, forward, translation = columns.T
    rotation = np.column_stack([right, forward, np.cross(right, forward)])
    u, _, vt = np.linalg.svd(rotation)
    rotation = u @ np.diag([1.0, 1.0, float(np.linalg.det(u @ vt))]) @ vt
    position = -rotation.T @ translation
    if position[2] <= 0 or translation[2] <= 0:
        return None
    intrinsic = np.linalg.inv(shift) @ np.diag([focal, focal, 1.0])
    projection = intrinsic @ np.column_stack([rotation, translation])
    return CameraPose(projection, position, float(focal))
