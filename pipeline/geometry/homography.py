"""Pixel to ground homographies: fitted robustly, with the covariance of their parameters.

The start is the normalised DLT (Hartley & Zisserman, Multiple View Geometry, alg. 4.2) on the
best four points; the end is a Huber-weighted Levenberg-Marquardt in ground metres, where every
residual is weighted by its own covariance: a pixel of clicking error is a centimetre near the
camera and metres near the horizon, and treating both alike lets the far points ruin the fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from pipeline.geometry.errors import CalibrationError

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

HUBER_SIGMAS = 2.0
INLIER_SIGMAS = 3.5
_ROUNDS = 5
_MAX_SAMPLES = 600
_MAX_CONDITION = 1e7


@dataclass(frozen=True, slots=True)
class PointNoise:
    """How well a ground point is known: clicking in pixels, surveying in metres (1 sigma)."""

    pixel_px: float = 1.5
    ground_m: float = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class GroundMap:
    """The plane projective map from pixels to metres and what is not known about it.

    Attributes:
        matrix: (3, 3), normalised pixels to metres, last entry 1.
        covariance: (8, 8) of its first eight entries.
        centre_px: Pixel that is the origin of the normalised pixels.
        scale_px: Pixels per normalised unit.
        inliers: (N,) which points carried the fit.
    """

    matrix: Array
    covariance: Array
    centre_px: Array
    scale_px: float
    inliers: Mask

    def to_ground(self, pixels: npt.ArrayLike) -> Array:
        """(N, 2) pixels to (N, 2) metres; NaN at and above the horizon."""
        return _apply(self.matrix, self._normalised(pixels))

    def to_pixels(self, metres: npt.ArrayLike) -> Array:
        """(N, 2) metres to (N, 2) pixels; NaN behind the camera."""
        points = np.asarray(metres, np.float64).reshape(-1, 2)
        inverse = np.linalg.inv(self.matrix)
        homogeneous = np.column_stack([points, np.ones(len(points))]) @ inverse.T
        ahead = homogeneous[:, 2] > 1e-9 * np.abs(inverse[2]).max()
        homogeneous[~ahead] = np.nan
        return homogeneous[:, :2] / homogeneous[:, 2:] * self.scale_px + self.centre_px

    def jacobian(self, pixel: npt.ArrayLike) -> Array:
        """(2, 2) metres per pixel at a pixel."""
        local = _pixel_jacobian(self.matrix, self._normalised(pixel))[0]
        return np.asarray(local / self.scale_px)

    def ground_covariance(self, pixel: npt.ArrayLike, pixel_covariance: Array) -> Array:
        """(2, 2) m² of a ground point from the pixel's own noise and the map's."""
        by_pixel = self.jacobian(pixel)
        by_map = _parameter_jacobian(self.matrix, self._normalised(pixel))[0]
        noise = by_pixel @ pixel_covariance @ by_pixel.T
        return np.asarray(noise + by_map @ self.covariance @ by_map.T)

    def pixel_matrix(self) -> Array:
        """(3, 3) homography from pixels, not normalised, to metres."""
        s, (x, y) = self.scale_px, self.centre_px
        normalise = np.array([[1 / s, 0, -x / s], [0, 1 / s, -y / s], [0, 0, 1]])
        return np.asarray(self.matrix @ normalise)

    def _normalised(self, pixels: npt.ArrayLike) -> Array:
        return (np.asarray(pixels, np.float64).reshape(-1, 2) - self.centre_px) / self.scale_px


def fit_ground_map(pixels: Array, metres: Array, noise: PointNoise) -> GroundMap:
    """The robust map from (N, 2) pixels to (N, 2) metres, N >= 4.

    Raises:
        CalibrationError: The points are degenerate, mirrored or contradict each other.
    """
    _check_spread(pixels, metres)
    centre = pixels.mean(0)
    scale = float(np.sqrt(((pixels - centre) ** 2).sum(1).mean()))
    unit = (pixels - centre) / scale
    sigma = PointNoise(noise.pixel_px / scale, noise.ground_m)
    matrix = _best_start(unit, metres, sigma)
    matrix, inliers = _agreeing(matrix, unit, metres, sigma)
    if not inliers.all() and inliers.sum() < 5:
        raise CalibrationError(
            f"ground points contradict each other, and {len(unit)} are too few to tell which one "
            "is wrong: check them, or add more"
        )
    matrix, normal = _refine(matrix, unit[inliers], metres[inliers], sigma)
    _check_orientation(matrix, unit, inliers)
    covariance = _covariance(matrix, normal, unit[inliers], metres[inliers], sigma)
    return GroundMap(matrix, covariance, centre, scale, inliers)


def left_out_errors(ground: GroundMap, pixels: Array, metres: Array, noise: PointNoise) -> Array:
    """(N,) distance in metres of each point from where the others would put it; NaN if unknown.

    With four points nothing is left over to check with; that is why five are better.
    """
    unit = (pixels - ground.centre_px) / ground.scale_px
    sigma = PointNoise(noise.pixel_px / ground.scale_px, noise.ground_m)
    errors = np.full(len(unit), np.nan)
    for index in range(len(unit)):
        others = ground.inliers & (np.arange(len(unit)) != index)
        if others.sum() > 3 and len(unit) > 4:
            matrix, _ = _refine(ground.matrix, unit[others], metres[others], sigma, 1)
            errors[index] = np.linalg.norm(_apply(matrix, unit[index, None])[0] - metres[index])
    return errors


def _check_spread(pixels: Array, metres: Array) -> None:
    if len(pixels) != len(metres):
        raise CalibrationError(
            f"pixels and places must be pairs, got {len(pixels)} pixels and {len(metres)} places"
        )
    if len(pixels) < 4:
        raise CalibrationError(f"ground points must be at least 4, got {len(pixels)}")
    for name, points in (("pixels", pixels), ("places", metres)):
        if len(np.unique(points.round(6), axis=0)) < 4:
            raise CalibrationError(f"ground points must be 4 different {name}, some are repeated")
        spread = np.linalg.svd(points - points.mean(0), compute_uv=False)
        if spread[1] < 0.02 * spread[0]:
            raise CalibrationError(f"ground points must span an area, the {name} lie on one line")


def _check_orientation(matrix: Array, unit: Array, inliers: Mask) -> None:
    """A camera above the ground sees it with right and down turned into a left-handed pair."""
    if not np.isfinite(_apply(matrix, unit[inliers])).all():
        raise CalibrationError("ground points must all lie below the horizon that they imply")
    if np.linalg.det(_pixel_jacobian(matrix, unit[inliers].mean(0, keepdims=True))[0]) > 0:
        raise CalibrationError(
            "ground points are mirrored: seen from above, left and right must not swap; "
            "check that longitude comes before latitude and that pixels grow downwards"
        )


def _best_start(unit: Array, metres: Array, sigma: PointNoise) -> Array:
    """The four-point map with the least truncated deviation (MSAC, Torr & Zisserman 2000)."""
    subsets = np.array(list(_subsets(len(unit))))
    matrices, sound = _four_point_maps(unit[subsets], metres[subsets])
    if not sound.any():
        raise CalibrationError(
            "ground points are degenerate: no four of them lie in general position "
            "(no three on one line, in the picture and on the ground)"
        )
    matrices = matrices[sound]
    cost = np.minimum(_deviation(matrices, unit, metres, sigma), INLIER_SIGMAS * 3).sum(1)
    return np.asarray(matrices[int(cost.argmin())])


def _agreeing(start: Array, unit: Array, metres: Array, sigma: PointNoise) -> tuple[Array, Mask]:
    """The map of the points that agree, and which do.

    Only points near the start are fitted, then those near that fit, until they stay the same
    (local optimisation, Chum et al. 2003): one point far off would pull good ones out with it.
    """
    matrix = start
    near = _deviation(matrix, unit, metres, sigma) <= 3 * INLIER_SIGMAS
    for _ in range(_ROUNDS):
        matrix, _ = _refine(matrix, unit[near], metres[near], sigma, 2)
        inliers = _deviation(matrix, unit, metres, sigma) <= INLIER_SIGMAS
        if inliers.sum() < 4 or (inliers == near).all():
            break
        near = inliers
    return matrix, np.asarray(inliers)


def _subsets(count: int) -> Iterator[list[int]]:
    if comb(count, 4) <= _MAX_SAMPLES:
        yield from (list(subset) for subset in combinations(range(count), 4))
        return
    random = np.random.default_rng(7)
    for _ in range(_MAX_SAMPLES):
        yield random.choice(count, 4, replace=False).tolist()


def _four_point_maps(source: Array, target: Array) -> tuple[Array, Mask]:
    """The maps (S, 3, 3), last entry 1, of S times four pairs (S, 4, 2), and which are sound."""
    to_unit, source_n = _similarity(source)
    to_metres, target_n = _similarity(target)
    x, y, u, v = source_n[..., 0], source_n[..., 1], target_n[..., 0], target_n[..., 1]
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows_u = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u], -1)
    rows_v = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v], -1)
    _, singular, basis = np.linalg.svd(np.concatenate([rows_u, rows_v], 1))
    matrices = np.linalg.inv(to_metres) @ basis[:, 8].reshape(-1, 3, 3) @ to_unit
    last = matrices[:, 2, 2]
    sound = singular[:, 7] > singular[:, 0] / _MAX_CONDITION
    sound &= np.abs(last) > 1e-9 * np.abs(matrices).max((1, 2))
    matrices = matrices / np.where(sound, last, 1.0)[:, None, None]
    ahead = np.einsum("sij,sj->si", source, matrices[:, 2, :2]) + 1.0
    return matrices, sound & (ahead > 1e-9).all(1)


def _similarity(points: Array) -> tuple[Array, Array]:
    """(S, 3, 3) shifts and scales that bring (S, 4, 2) points to unit spread, and the points."""
    centre = points.mean(1, keepdims=True)
    spread = np.sqrt(((points - centre) ** 2).sum(2)).mean(1)
    scale = np.sqrt(2) / np.maximum(spread, 1e-12)
    matrix = np.zeros((len(points), 3, 3))
    matrix[:, 0, 0] = matrix[:, 1, 1] = scale
    matrix[:, :2, 2] = -scale[:, None] * centre[:, 0]
    matrix[:, 2, 2] = 1.0
    return matrix, (points - centre) * scale[:, None, None]


def _apply(matrix: Array, unit: Array) -> Array:
    """(..., N, 2) metres of (N, 2) normalised pixels by (..., 3, 3) maps; NaN at the horizon."""
    homogeneous = np.column_stack([unit, np.ones(len(unit))]) @ np.swapaxes(matrix, -1, -2)
    depth = homogeneous[..., 2:].copy()
    depth[depth <= 1e-9] = np.nan
    return np.asarray(homogeneous[..., :2] / depth)


def _pixel_jacobian(matrix: Array, unit: Array) -> Array:
    """(..., N, 2, 2) derivative of ground by normalised pixel."""
    ground = _apply(matrix, unit)
    depth = unit @ matrix[..., 2, :2, None] + 1.0
    by_pixel = matrix[..., None, :2, :2] - ground[..., None] * matrix[..., None, 2:, :2]
    return np.asarray(by_pixel / depth[..., None])


def _parameter_jacobian(matrix: Array, unit: Array) -> Array:
    """(N, 2, 8) derivative of ground by the matrix's first eight entries."""
    ground, depth = _apply(matrix, unit), unit @ matrix[2, :2] + 1.0
    rows = np.zeros((len(unit), 2, 8))
    rows[:, 0, :3] = rows[:, 1, 3:6] = np.column_stack([unit, np.ones(len(unit))])
    rows[:, :, 6:] = -ground[:, :, None] * unit[:, None, :]
    return np.asarray(rows / depth[:, None, None])


def _residual_covariance(matrix: Array, unit: Array, sigma: PointNoise) -> Array:
    """(..., N, 2, 2) m² that clicking and surveying put into each residual."""
    by_pixel = _pixel_jacobian(matrix, unit)
    covariance = sigma.pixel_px**2 * by_pixel @ np.swapaxes(by_pixel, -1, -2)
    return np.asarray(covariance + sigma.ground_m**2 * np.eye(2))


def _deviation(matrix: Array, unit: Array, metres: Array, sigma: PointNoise) -> Array:
    """(..., N) residuals in standard deviations; infinite above the horizon."""
    x, y = np.moveaxis(metres - _apply(matrix, unit), -1, 0)
    covariance = _residual_covariance(matrix, unit, sigma)
    a, b, d = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    squared = (d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b)
    return np.where(np.isfinite(squared), np.sqrt(np.abs(squared)), np.inf)


def _refine(
    matrix: Array, unit: Array, metres: Array, sigma: PointNoise, reweightings: int = 3
) -> tuple[Array, Array]:
    """The best matrix near `matrix` and its normal matrix.

    Weights are held still while a fit runs and renewed between fits: were they free, the fit
    would raise the horizon onto the points, where every residual looks small.
    """
    normal = np.eye(8)
    for _ in range(reweightings):
        seen = np.isfinite(_apply(matrix, unit)).all(1)
        whitener = np.zeros((len(unit), 2, 2))
        covariance = _residual_covariance(matrix, unit[seen], sigma)
        whitener[seen] = np.linalg.inv(np.linalg.cholesky(covariance))
        matrix, normal = _levenberg_marquardt(matrix, unit, metres, whitener)
    return matrix, normal


def _levenberg_marquardt(
    matrix: Array, unit: Array, metres: Array, whitener: Array
) -> tuple[Array, Array]:
    damping = 1e-3
    normal, gradient, cost = _system(matrix, unit, metres, whitener)
    for _ in range(40):
        damped = normal + damping * np.diag(np.diag(normal) + 1e-12)
        step = np.linalg.solve(damped, gradient)
        candidate = matrix + np.append(step, 0.0).reshape(3, 3)
        renewed = _system(candidate, unit, metres, whitener)
        if renewed[2] < cost:
            converged = cost - renewed[2] < 1e-6 * cost + 1e-9
            matrix, (normal, gradient, cost) = candidate, renewed
            damping = max(damping / 5, 1e-12)
        else:
            damping *= 4
            converged = damping > 1e10
        if converged:
            break
    return matrix, normal


def _system(
    matrix: Array, unit: Array, metres: Array, whitener: Array
) -> tuple[Array, Array, float]:
    """Normal matrix, gradient and Huber cost; a point above the horizon costs a fixed lot."""
    residual = metres - _apply(matrix, unit)
    seen = np.isfinite(residual).all(1)
    whitener = whitener[seen]
    white = np.einsum("nij,nj->ni", whitener, residual[seen])
    length = np.linalg.norm(white, axis=1)
    weight = np.minimum(1.0, HUBER_SIGMAS / np.maximum(length, 1e-12))
    slope = whitener @ _parameter_jacobian(matrix, unit[seen])
    normal = np.einsum("n,nki,nkj->ij", weight, slope, slope)
    gradient = np.einsum("n,nki,nk->i", weight, slope, white)
    cost = np.where(
        length <= HUBER_SIGMAS, length**2, HUBER_SIGMAS * (2 * length - HUBER_SIGMAS)
    ).sum()
    return normal, gradient, float(cost) + 1e3 * float((~seen).sum())


def _covariance(
    matrix: Array, normal: Array, unit: Array, metres: Array, sigma: PointNoise
) -> Array:
    """Inverse normal matrix, widened when the points disagree more than their noise says."""
    if np.linalg.cond(normal / np.sqrt(np.outer(np.diag(normal), np.diag(normal)))) > 1e12:
        raise CalibrationError("ground points are degenerate: they do not fix the ground plane")
    freedom = 2 * len(unit) - 8
    squares = float((_deviation(matrix, unit, metres, sigma) ** 2).sum())
    return np.asarray(np.linalg.inv(normal) * max(1.0, squares / freedom if freedom else 1.0))
