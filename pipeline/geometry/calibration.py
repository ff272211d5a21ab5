"""A calibrated view: its ground points to places, sizes and areas with their errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipeline.geometry.errors import CalibrationError
from pipeline.geometry.homography import GroundMap, PointNoise, fit_ground_map, left_out_errors
from pipeline.geometry.lens import Lens
from pipeline.geometry.plane import LocalPlane
from pipeline.geometry.pose import CameraPose, recover_pose

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PointError:
    """How well one ground point agrees with the fit.

    Attributes:
        error_m: Distance on the ground between where it is and where the fit puts it.
        left_out_m: The same when the fit does not know the point; None with four points.
        used: False if the fit set it aside as an outlier.
    """

    error_m: float
    left_out_m: float | None
    used: bool


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """One view's way from pixels to the map, made by `Calibration.fit`.

    Attributes:
        image_size: (width, height) in pixels that the points refer to.
        plane: The map plane around the points.
        ground: Pixels to metres on that plane.
        points: Error of each ground point, in the order given.
        rms_m: Root mean square error of the points used.
        lens: Distortion, None for an ideal lens.
        pose: Where the camera stands, None if the points do not tell.
    """

    image_size: tuple[int, int]
    plane: LocalPlane
    ground: GroundMap
    points: tuple[PointError, ...]
    rms_m: float
    lens: Lens | None
    pose: CameraPose | None

    @classmethod
    def fit(
        cls,
        points_px: npt.ArrayLike,
        points_lonlat: npt.ArrayLike,
        image_size: tuple[int, int],
        distortion: Lens | None = None,
        noise: PointNoise | None = None,
    ) -> Calibration:
        """Fit a view from (N, 2) pixels and their (N, 2) WGS-84 places, N >= 4.

        Raises:
            CalibrationError: The points are too few, degenerate, mirrored or contradictory.
        """
        pixels = _finite(points_px, "pixels")
        lonlat = _finite(points_lonlat, "places")
        plane = LocalPlane.at(lonlat)
        metres = plane.to_metres(lonlat)
        noise = noise or PointNoise()
        ideal = distortion.undistort(pixels) if distortion else pixels
        ground = fit_ground_map(ideal, metres, noise)
        points = _point_errors(ground, ideal, metres, noise)
        rms = float(np.sqrt(np.mean([p.error_m**2 for p in points if p.used])))
        pose = _pose(ground, image_size, distortion)
        return cls(image_size, plane, ground, points, rms, distortion, pose)

    def to_metres(self, pixels: npt.ArrayLike) -> Array:
        """(N, 2) pixels to (N, 2) metres on `plane`; NaN at and above the horizon."""
        return self.ground.to_ground(self.ideal(pixels))

    def to_lonlat(self, pixels: npt.ArrayLike) -> Array:
        """(N, 2) pixels to (N, 2) WGS-84 degrees; NaN at and above the horizon."""
        return self.plane.to_lonlat(self.to_metres(pixels))

    def to_pixels(self, lonlat: npt.ArrayLike) -> Array:
        """(N, 2) WGS-84 degrees to (N, 2) pixels; NaN behind the camera."""
        points = np.asarray(lonlat, np.float64).reshape(-1, 2)
        pixels = self.ground.to_pixels(self.plane.to_metres(points))
        return self.lens.distort(pixels) if self.lens else pixels

    def distance_m(self, lon: float, lat: float) -> float | None:
        """Ground distance from the camera to a place, None if the pose is unknown."""
        if self.pose is None:
            return None
        offset = self.plane.to_metres((lon, lat)) - self.pose.position_m[:2]
        return float(np.hypot(*offset))

    def ground_area_m2(self, polygon_px: npt.ArrayLike) -> float | None:
        """Ground area of a polygon (N, 2) of pixels, None if it reaches the horizon."""
        metres = self.to_metres(polygon_px)
        return polygon_area_m2(metres) if np.isfinite(metres).all() else None

    def pixels_per_metre(self, pixel: npt.ArrayLike) -> float:
        """Picture scale across the line of sight at a pixel; 0 above the horizon.

        This is what tiles are sized by: an object one metre wide here spans so many pixels.
        """
        x, y = np.asarray(pixel, np.float64)
        ends = self.to_metres([(x - 1, y), (x + 1, y)])
        across = float(np.hypot(*(ends[1] - ends[0])))
        return 2.0 / across if np.isfinite(across) and across > 0 else 0.0

    def resized(self, image_size: tuple[int, int]) -> Calibration:
        """The same view seen in another resolution of the same framing."""
        if image_size == self.image_size:
            return self
        ratio = image_size[0] / self.image_size[0]
        if abs(image_size[1] / self.image_size[1] - ratio) > 0.02 * ratio:
            raise CalibrationError(
                f"picture must keep the calibrated shape {self.image_size}, got {image_size}"
            )
        ground = replace(
            self.ground,
            centre_px=self.ground.centre_px * ratio,
            scale_px=self.ground.scale_px * ratio,
        )
        lens = _scaled(self.lens, ratio)
        pose = _pose(ground, image_size, lens)
        return replace(self, image_size=image_size, ground=ground, lens=lens, pose=pose)

    def ideal(self, pixels: npt.ArrayLike) -> Array:
        """(N, 2) pixels as a lens without distortion would have shown them."""
        points = np.asarray(pixels, np.float64).reshape(-1, 2)
        return self.lens.undistort(points) if self.lens else points


def _finite(points: npt.ArrayLike, name: str) -> Array:
    array = np.asarray(points, np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all():
        raise CalibrationError(f"{name} must be finite numbers of shape (N, 2), got {array.shape}")
    return array


def _point_errors(
    ground: GroundMap, pixels: Array, metres: Array, noise: PointNoise
) -> tuple[PointError, ...]:
    errors = np.linalg.norm(ground.to_ground(pixels) - metres, axis=1)
    left_out = left_out_errors(ground, pixels, metres, noise)
    return tuple(
        PointError(float(error), float(other) if np.isfinite(other) else None, bool(used))
        for error, other, used in zip(errors, left_out, ground.inliers, strict=True)
    )


def _pose(ground: GroundMap, image_size: tuple[int, int], lens: Lens | None) -> CameraPose | None:
    centre = lens.centre_px if lens else (image_size[0] / 2, image_size[1] / 2)
    focal = float(np.mean(lens.focal_px)) if lens else None
    return recover_pose(ground.pixel_matrix(), centre, focal)


def _scaled(lens: Lens | None, ratio: float) -> Lens | None:
    if lens is None:
        return None
    (fx, fy), (cx, cy) = lens.focal_px, lens.centre_px
    return replace(lens, focal_px=(fx * ratio, fy * ratio), centre_px=(cx * ratio, cy * ratio))


def polygon_area_m2(polygon_m: Array) -> float:
    """Area of a simple polygon (N, 2) in metres, by the shoelace formula."""
    x, y = polygon_m.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
