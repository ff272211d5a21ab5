"""Confidence intervals and tests that the scores are read with (pure)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

LEVEL = 0.95
_DRAWS = 10_000


def poisson_rate(count: int, exposure: float, level: float = LEVEL) -> tuple[float, float]:
    """Exact interval of a rate, a count over an exposure (Garwood 1936); inf without exposure."""
    if exposure <= 0:
        return 0.0, math.inf
    tail = (1 - level) / 2
    low = float(stats.chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    high = float(stats.chi2.ppf(1 - tail, 2 * count + 2)) / 2
    return low / exposure, high / exposure


def rate_over_places(counts: Sequence[int], exposures: Sequence[float]) -> tuple[float, float]:
    """Interval of a rate over places, of each a count and its exposure.

    A place repeats its alarms, so that they are not independent: places are drawn with replacement
    (percentile bootstrap, Efron 1979). Few places with hardly any alarm make that too narrow; it
    is therefore never narrower than Garwood's, which is all that one place alone can have.
    """
    low, high = poisson_rate(sum(counts), sum(exposures))
    if len(counts) < 2:
        return low, high
    drawn = np.random.default_rng(0).integers(len(counts), size=(_DRAWS, len(counts)))
    rates = np.asarray(counts)[drawn].sum(axis=1) / np.asarray(exposures)[drawn].sum(axis=1)
    drawn_low, drawn_high = np.quantile(rates, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return min(low, float(drawn_low)), max(high, float(drawn_high))


def wilson(successes: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Interval of a share (Wilson 1927); 0..1 without trials."""
    if trials == 0:
        return 0.0, 1.0
    z = float(stats.norm.ppf(1 - (1 - level) / 2))
    p = successes / trials
    middle = p + z * z / (2 * trials)
    half = z * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def lost_more_than_won(lost: int, won: int) -> float:
    """One-sided p of a paired loss: exact sign test on what changed (McNemar 1947)."""
    changed = lost + won
    return 1.0 if changed == 0 else float(stats.binomtest(lost, changed, 0.5, "greater").pvalue)


def rate_grew(old: tuple[int, float], new: tuple[int, float]) -> float:
    """One-sided p that a Poisson rate grew, given (count, exposure) before and after.

    Conditional on the total, the new count is binomial (Przyborowski and Wilenski 1940).
    """
    total = old[0] + new[0]
    if total == 0 or new[1] <= 0 or old[1] <= 0:
        return 1.0
    share = new[1] / (old[1] + new[1])
    return float(stats.binomtest(new[0], total, share, "greater").pvalue)
