"""A pinhole camera over a flat ground: metres of the world to pixels of the picture and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_NEAR_M = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class PinholeCamera:
    """Projection without lens distortion; world is x right, y away, z up, in metres.

    Attributes:
        matrix: (3, 3) intrinsics in pixels.
        rotation: (3, 3) world to camera; rows are the camera's right, down and forward axes.
        position_m: (3,) camera centre in the world.
        size: (width, height) of the picture in pixels.
    """

    matrix: Array
    rotation: Array
    position_m: Array
    size: tuple[int, int]

    @classmethod
    def looking_at(
        cls,
        position_m: Sequence[float],
        look_at_m: Sequence[float],
        hfov_deg: float,
        size: tuple[int, int],
    ) -> PinholeCamera:
        """A level camera (no roll) at a position, aimed at a point."""
        position = np.asarray(position_m, np.float64)
        forward = np.asarray(look_at_m, np.float64) - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        if np.linalg.norm(right) < 1e-6:
            right = np.array((1.0, 0.0, 0.0))
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        focal = size[0] / 2 / math.tan(math.radians(hfov_deg) / 2)
        matrix = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1.0]])
        return cls(matrix, np.stack([right, down, forward]), position, size)

    def scaled(self, factor: float) -> PinholeCamera:
        """The same camera with `factor` times as many pixels along each side."""
        scale = np.diag([factor, factor, 1.0])
        size = (round(self.size[0] * factor), round(self.size[1] * factor))
        return PinholeCamera(scale @ self.matrix, self.rotation, self.position_m, size)

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return float(self.matrix[0, 0])

    def project(self, points_m: npt.ArrayLike) -> tuple[Array, Array]:
        """Pixels (N, 2) and depths (N,) in metres of world points (N, 3).

        Points behind the camera are put at a depth of 0.1 m, so that callers can test `depth`.
        """
        points = np.atleast_2d(np.asarray(points_m, np.float64))
        seen = (points - self.position_m) @ self.rotation.T
        depth = np.maximum(seen[:, 2], _NEAR_M)
        pixels = seen[:, :2] / depth[:, None] * self.focal_px
        return pixels + self.matrix[:2, 2], np.where(seen[:, 2] > _NEAR_M, seen[:, 2], _NEAR_M)

    def ground_homography(self) -> Array:
        """(3, 3) matrix from ground metres (x, y, 1) to homogeneous pixels."""
        offset = -self.rotation @ self.position_m
        columns = np.column_stack([self.rotation[:, 0], self.rotation[:, 1], offset])
        return np.asarray(self.matrix @ columns, np.float64)

    def ground_at(self, pixel: Sequence[float]) -> tuple[float, float]:
        """Ground point (x, y) in metres under a pixel below the horizon."""
        x, y, w = np.linalg.inv(self.ground_homography()) @ (pixel[0], pixel[1], 1.0)
        return float(x / w), float(y / w)

    def on_plane(self, origin_m: npt.ArrayLike, u_m: npt.ArrayLike, v_m: npt.ArrayLike) -> Array:
        """(3, 3) matrix from (u, v, 1) on a plane `origin + u * u_m + v * v_m` to pixels."""
        origin = self.rotation @ (np.asarray(origin_m, np.float64) - self.position_m)
        axes = self.rotation @ np.column_stack([np.asarray(u_m), np.asarray(v_m)])
        return np.asarray(self.matrix @ np.column_stack([axes, origin]), np.float64)
