"""How well sightings were joined, as pure functions of (incident, happening) labels.

Pairs are scored as in clustering (pairwise precision and recall, e.g. Manning, Raghavan & Schütze,
Introduction to Information Retrieval, 16.3): a pair of sightings is positive when both lie in one
incident, and true when both show one happening.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

Label = tuple[Hashable, Hashable]
"""(incident, happening) of one sighting; happenings are unique over all runs."""


@dataclass(frozen=True, slots=True)
class MergeScore:
    """Counts that add up over runs.

    Attributes:
        joined_right: Pairs in one incident that show one happening.
        joined: Pairs in one incident.
        true: Pairs that show one happening.
        incidents: Incidents made.
        happenings: Happenings with at least one sighting.
        duplicates: Incidents beyond the first of each happening.
        wrongly_joined: Happenings that share an incident with another one.
    """

    joined_right: int = 0
    joined: int = 0
    true: int = 0
    incidents: int = 0
    happenings: int = 0
    duplicates: int = 0
    wrongly_joined: int = 0

    @property
    def f1(self) -> float:
        """Harmonic mean of pair precision and recall; 1 when there is no pair at all."""
        total = self.joined + self.true
        return 2 * self.joined_right / total if total else 1.0

    @property
    def duplicate_share(self) -> float:
        """Share of incidents that repeat a happening."""
        return self.duplicates / self.incidents if self.incidents else 0.0

    @property
    def wrong_share(self) -> float:
        """Share of happenings that were joined with another."""
        return self.wrongly_joined / self.happenings if self.happenings else 0.0

    def __add__(self, other: MergeScore) -> MergeScore:
        return MergeScore(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def score(labels: Iterable[Label]) -> MergeScore:
    """The counts of one run."""
    labels = list(labels)
    cells = Counter(labels)
    incidents = Counter(incident for incident, _ in labels)
    happenings = Counter(happening for _, happening in labels)
    return MergeScore(
        joined_right=sum(comb(n, 2) for n in cells.values()),
        joined=sum(comb(n, 2) for n in incidents.values()),
        true=sum(comb(n, 2) for n in happenings.values()),
        incidents=len(incidents),
        happenings=len(happenings),
        duplicates=len(incidents) - len(_led(cells)),
        wrongly_joined=len(_sharing(cells)),
    )


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """(median, 95th percentile); NaN of nothing."""
    if not len(values):
        return float("nan"), float("nan")
    median, p95 = np.percentile(values, [50, 95])
    return float(median), float(p95)


def _led(cells: Counter[Label]) -> set[Hashable]:
    """Happenings that have the most sightings of some incident: what incidents are about."""
    best: dict[Hashable, tuple[int, str, Hashable]] = {}
    for (incident, happening), n in cells.items():
        best[incident] = max(best.get(incident, (0, "", None)), (n, str(happening), happening))
    return {happening for _, _, happening in best.values()}


def _sharing(cells: Counter[Label]) -> set[Hashable]:
    inside: dict[Hashable, set[Hashable]] = defaultdict(set)
    for incident, happening in cells:
        inside[incident].add(happening)
    return {happening for held in inside.values() if len(held) > 1 for happening in held}
