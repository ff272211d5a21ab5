"""Is a run worse than an earlier one beyond noise? (pure)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from bench.incidents.intervals import lost_more_than_won, rate_grew

SIGNIFICANT = 0.05
DELAY_TOLERANCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Regression:
    """One figure that became worse, and how sure that is."""

    what: str
    old: float
    new: float
    p: float

    def __str__(self) -> str:
        return f"{self.what}: {self.old:.4g} -> {self.new:.4g} (p = {self.p:.3f})"


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Regression]:
    """What became worse beyond noise between two results of the same clips.

    Incidents are compared one by one (a sign test on those whose outcome changed), false alarms
    and duplicates as Poisson counts, delays by the paired Wilcoxon test where the median grew by
    more than 1 s.

    Args:
        old: JSON of the earlier run (`results.json`).
        new: JSON of this run.
    """
    before, after = _incidents(old), _incidents(new)
    shared = sorted(before.keys() & after.keys())
    lost = sum(before[k]["found"] and not after[k]["found"] for k in shared)
    won = sum(after[k]["found"] and not before[k]["found"] for k in shared)
    out = []
    p = lost_more_than_won(lost, won)
    if shared and p < SIGNIFICANT:
        share = [
            sum(bool(side[k]["found"]) for k in shared) / len(shared) for side in (before, after)
        ]
        out.append(Regression("recall", share[0], share[1], p))
    for what in ("false_alarms", "duplicates"):
        a, b = old["scores"]["all"], new["scores"]["all"]
        p = rate_grew((a[what], a["camera_days"]), (b[what], b["camera_days"]))
        if p < SIGNIFICANT:
            out.append(Regression(what, a[what], b[what], p))
    slower = _slower([(before[k], after[k]) for k in shared])
    return [*out, slower] if slower else out


def _incidents(result: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(row["clip"], row["incident"]): row for row in result["incidents"]}


def _slower(both: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Regression | None:
    pairs = [
        (float(a["delay_s"]), float(b["delay_s"]))
        for a, b in both
        if a["delay_s"] is not None and b["delay_s"] is not None
    ]
    if len(pairs) < 5:
        return None
    old, new = (float(np.median([p[i] for p in pairs])) for i in (0, 1))
    change = np.array([b - a for a, b in pairs])
    if new - old <= DELAY_TOLERANCE_S or not change.any():
        return None
    p = float(stats.wilcoxon(change, alternative="greater").pvalue)
    return Regression("median delay in s", old, new, p) if p < SIGNIFICANT else None
