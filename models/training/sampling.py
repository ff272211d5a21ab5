"""How often each picture is drawn, so that rare classes and small sets stay alive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from models.errors import TrainingRefused
from models.labels import LABELS
from models.training.manifest import Picture

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
    "overflowing_bin": 4.0,
    "two_wheeler": 3.0,
    "stall": 4.0,
    "tricycle": 4.0,
    "truck_bus": 1.5,
    "parasol": 1.5,
}
"""A picture that holds a rare class is drawn this many times as often within its set."""


def shares_of(words: Sequence[str]) -> Mapping[str, float]:
    """SET_SHARES with those of some sets replaced, each said as "eagle=0.25".

    Raises:
        TrainingRefused: no set, or no share of 0 to 1.
    """
    shares = dict(SET_SHARES)
    for word in words:
        name, _, value = word.partition("=")
        try:
            shares[name] = float(value)
        except ValueError:
            shares[name] = -1.0
        if not name or not 0 <= shares[name] <= 1:
            raise TrainingRefused(f"share must be SET=0..1, as in eagle=0.25, got {word}")
    return shares


def sampling_weights(
    pictures: Sequence[Picture],
    shares: Mapping[str, float] = SET_SHARES,
    hardness: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float64]:
    """(N,) probabilities that add up to 1.

    Args:
        pictures: of all sets.
        shares: of the sets.
        hardness: (N,) how many times as often each is drawn within its set, see `mining`.
    """
    boost = np.ones(len(LABELS))
    for label, factor in CLASS_BOOST.items():
        boost[LABELS.index(label)] = factor
    weights = np.array([boost[p.class_id].max(initial=1.0) for p in pictures])
    if hardness is not None:
        weights = weights * hardness
    names = np.array([p.set_name for p in pictures])
    result = np.zeros(len(pictures))
    for name in np.unique(names):
        inside = names == name
        share = shares.get(str(name), inside.mean())
        result[inside] = share * weights[inside] / weights[inside].sum()
    return np.asarray(result / result.sum(), np.float64)
