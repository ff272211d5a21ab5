"""Fits the correction from boxes to people to counted pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression

from models.crowd_correction import BoxCorrection


def fit_box_correction(
    boxes: Sequence[float], people: Sequence[float], threshold: float
) -> BoxCorrection:
    """Monotone fit to counted pictures, at most eight knots: medians, for the least absolute error.

    The median of each seventh of the pictures in order of boxes, made to grow by isotonic
    regression (Barlow et al. 1972, as in SciPy). Not the mean: one dense crowd far away, of whom
    few boxes are found, would speak for all pictures with as few.

    Args:
        boxes: boxes counted per picture.
        people: people there.
        threshold: confidence that the boxes were counted at.
    """
    order = np.argsort(boxes, kind="stable")
    x, y = (np.asarray(values, float)[order] for values in (boxes, people))
    groups = [g for g in np.array_split(np.arange(len(x)), min(7, len(x))) if len(g)]
    if not groups:
        return BoxCorrection(threshold)
    medians = [float(np.median(y[group])) for group in groups]
    grown = isotonic_regression(medians, weights=[len(group) for group in groups]).x
    centres = {
        round(float(x[group].mean()), 2): round(float(value), 2)
        for group, value in zip(groups, grown, strict=True)
    }
    centres.pop(0.0, None)
    known = tuple(sorted(centres))
    if not known:
        return BoxCorrection(threshold)
    return BoxCorrection(threshold, (0.0, *known), (0.0, *(centres[k] for k in known)))
