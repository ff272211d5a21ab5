"""How often each picture is drawn, so that rare classes and small sets stay alive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from models.errors import TrainingRefused
from models.labels import LABELS
from models.training.manifest import Picture
from models.training.teacher import Lesson

SET_SHARES: Mapping[str, float] = {
    "helmet": 0.32,
    "garbage": 0.32,
    "eagle": 0.12,
    "vending": 0.12,
    "drawn": 0.12,
}
"""Share of each set among the pictures of a run, as far as it is there; sets not named share what
their size would give."""

CLASS_BOOST: Mapping[str, float] = {
    "overflowing_bin": 6.0,
    "two_wheeler": 3.0,
    "stall": 4.0,
    "tricycle": 4.0,
    "truck_bus": 1.5,
    "parasol": 1.5,
}
"""A picture that holds a rare class, by its source's labels or a teacher's, is drawn this many
times as often within its set."""


_ROUNDING = 1e-9


def shares_of(words: Sequence[str]) -> Mapping[str, float]:
    """Shares that somebody asked for, each said as "eagle=0.25".

    Raises:
        TrainingRefused: no set, no share of 0 to 1, or more than there is.
    """
    shares = {}
    for word in words:
        name, _, value = word.partition("=")
        try:
            shares[name] = float(value)
        except ValueError:
            shares[name] = -1.0
        if not name or not 0 <= shares[name] <= 1:
            raise TrainingRefused(f"share must be SET=0..1, as in eagle=0.25, got {word}")
    if sum(shares.values()) > 1 + _ROUNDING:
        raise TrainingRefused(f"shares must add up to 1 at most, got {', '.join(words)}")
    return shares


def sampling_weights(
    lessons: Sequence[Lesson],
    asked: Mapping[str, float] | None = None,
    hardness: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float64]:
    """(N,) probabilities that add up to 1.

    Args:
        lessons: of all sets.
        asked: shares of some sets, see `shares_in_force`.
        hardness: (N,) how many times as often each is drawn within its set, see `mining`.

    Raises:
        TrainingRefused: a share is asked for a set without pictures, or nothing is left to draw.
    """
    boost = np.ones(len(LABELS))
    for label, factor in CLASS_BOOST.items():
        boost[LABELS.index(label)] = factor
    weights = np.array([boost[x.class_id].max(initial=1.0) for x in lessons])
    if hardness is not None:
        weights = weights * hardness
    pictures = [x.picture for x in lessons]
    names = np.array([p.set_name for p in pictures])
    result = np.zeros(len(lessons))
    for name, share in shares_in_force(pictures, asked or {}).items():
        inside = names == name
        result[inside] = share * weights[inside] / weights[inside].sum()
    if not result.sum():
        raise TrainingRefused("shares must leave something to draw, got 0 of every set")
    return np.asarray(result / result.sum(), np.float64)


def shares_in_force(pictures: Sequence[Picture], asked: Mapping[str, float]) -> dict[str, float]:
    """Share of every set that is there: what is asked, and of the others the rest as SET_SHARES
    says.

    Raises:
        TrainingRefused: a share is asked for a set without pictures.
    """
    names = np.array([p.set_name for p in pictures])
    usual = {str(n): SET_SHARES.get(str(n), float((names == n).mean())) for n in np.unique(names)}
    missing = sorted(asked.keys() - usual.keys())
    if missing:
        there = ", ".join(usual)
        raise TrainingRefused(f"share must be of a set with pictures ({there}), got {missing[0]}")
    rest = sum(share for name, share in usual.items() if name not in asked)
    left = max(0.0, 1 - sum(asked.values()))
    return {n: asked[n] if n in asked else left * share / rest for n, share in usual.items()}
