"""Uncertainty ellipses: covariances in metres and the words a place says them in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def to_ellipse(covariance: Array) -> tuple[tuple[float, float], float]:
    """((major, minor) sigma in metres, bearing of the major axis in 0..180) of a (2, 2) m²."""
    values, vectors = np.linalg.eigh(covariance)
    minor, major = np.sqrt(np.maximum(values, 0.0))
    east, north = vectors[:, 1]
    return (float(major), float(minor)), float(np.degrees(np.arctan2(east, north)) % 180.0)


def to_covariance(sigma_m: tuple[float, float], heading_deg: float) -> Array:
    """(2, 2) m² east and north of an ellipse given as `to_ellipse` returns it."""
    heading = np.radians(heading_deg)
    along = np.array([np.sin(heading), np.cos(heading)])
    across = np.array([along[1], -along[0]])
    return np.asarray(
        sigma_m[0] ** 2 * np.outer(along, along) + sigma_m[1] ** 2 * np.outer(across, across)
    )


def mahalanobis2(offset_m: Array, covariance: Array) -> float:
    """Squared distance of an offset (2,) in standard deviations; chi² with two degrees."""
    (a, b), (_, d) = covariance
    x, y = offset_m
    return float((d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b))
