"""Fits the correction from boxes to people to counted pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression

from models.crowd_correction import BoxCorrection


def fit_box_correction(
    boxes: Sequence[float], people: Sequence[float], threshold: float
) -> BoxCorrection:
    """Monotone least-squares fit to counted pictures, at most eight knots.

    Isotonic regression (Barlow et al. 1972, as in SciPy) of people on boxes, thinned to
    quantiles so that single pictures do not make steps.

    Args:
        boxes: boxes counted per picture.
        people: people there.
        threshold: confidence that the boxes were counted at.
    """
    order = np.argsort(boxes, kind="stable")
    x = np.asarray(boxes, float)[order]
    y = isotonic_regression(np.asarray(people, float)[order]).x
    groups = [g for g in np.array_split(np.arange(len(x)), min(7, len(x))) if len(g)]
    centres: dict[float, float] = {}
    for group in groups:
        centres[round(float(x[group].mean()), 2)] = round(float(y[group].mean()), 2)
    centres.pop(0.0, None)
    known = tuple(sorted(centres))
    if not known:
        return BoxCorrection(threshold)
    return BoxCorrection(threshold, (0.0, *known), (0.0, *(centres[k] for k in known)))
