"""Is a run worse than an earlier one beyond noise? (pure)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as Names
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from bench.incidents.errors import BenchError
from bench.incidents.intervals import lost_more_than_won, rate_grew
from sample_videos.weather import DAY_S

SIGNIFICANT = 0.05
DELAY_TOLERANCE_S = 1.0
_BLIND = 2
"""So many lost of so many found is no chance: the same clips are judged twice."""


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
    """What became worse beyond noise on the clips that two results share, in all and per type.

    A clip that was drawn anew is another clip, whatever its name (`shared_clips`). Incidents are
    compared one by one (a sign test on those whose outcome changed; a type of which all that was
    found is lost, two at least, is worse however few they are), false alarms and duplicates as
    Poisson counts, delays by the paired Wilcoxon test where the median grew by more than 1 s, of
    incidents that are due at the same second in both truths. Every type is tested like the whole:
    what one loses another cannot make up for.

    Args:
        old: JSON of the earlier run (`results.json`).
        new: JSON of this run.
    """
    before, after = _Run(old), _Run(new)
    clips = shared_clips(old, new)
    types = sorted({t for run in (before, after) for c in clips for t in run.clips[c]["types"]})
    found = _worse(before, after, clips, set(types), "")
    if len(types) > 1:
        for kind in types:
            found += _worse(before, after, clips, {kind}, f" of {kind}")
    return found


def compare_quiet(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Regression]:
    """Whether quiet days raise more than before beyond noise, in all and per type.

    Only days that both runs watched are compared, before the same place and for as long. They
    repeat their alarms, so that two runs differ by less than Poisson counts do.

    Args:
        old: JSON of the earlier run (`quiet.json`).
        new: JSON of this run, of days of the same form.

    Raises:
        BenchError: the runs have no day in common.
    """
    same = ("place", "watched_s")
    days = [
        (a, b)
        for day, b in new["by_day"].items()
        if (a := old["by_day"].get(day)) is not None and all(a[k] == b[k] for k in same)
    ]
    if not days:
        raise BenchError("earlier run must share at least one whole day with this one, found none")
    watched = sum(b["watched_s"] for _, b in days) / DAY_S
    kinds = sorted({kind for pair in days for run in pair for kind in run["by_type"]})
    raised = {
        f" of {kind}": [_raised(run, {kind}) for run in zip(*days, strict=True)] for kind in kinds
    }
    raised[""] = [_raised(run, set(kinds)) for run in zip(*days, strict=True)]
    out = []
    for suffix in sorted(raised):
        before, after = raised[suffix]
        p = rate_grew((before, watched), (after, watched))
        if p < SIGNIFICANT:
            what = f"false alarms per quiet day{suffix}"
            out.append(Regression(what, before / watched, after / watched, p))
    return out


def _raised(days: Sequence[Mapping[str, Any]], types: Names[str]) -> int:
    return sum(n for day in days for kind, n in day["by_type"].items() if kind in types)


def shared_clips(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    """Names of the clips that two results have, byte for byte."""
    before, after = ({(row["clip"], row["sha256"]) for row in r["clips"]} for r in (old, new))
    return frozenset(name for name, _ in before & after)


class _Run:
    """The incidents and the counts of one result."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self.clips: dict[str, Any] = {row["clip"]: row for row in result["clips"]}
        self.incidents = {(row["clip"], row["incident"]): row for row in result["incidents"]}

    def count(self, what: str, clips: Names[str], types: Names[str]) -> tuple[int, float]:
        """How often it happened, and in how many seconds in which it could have."""
        rows = [self.clips[c] for c in sorted(clips) if types & self.clips[c]["types"].keys()]
        counts = [n[what] for row in rows for t, n in row["types"].items() if t in types]
        return sum(counts), sum(row["watched_s"] for row in rows)


def _worse(
    before: _Run, after: _Run, clips: Names[str], types: Names[str], suffix: str
) -> list[Regression]:
    """What became worse of some types."""
    both = [
        (before.incidents[key], after.incidents[key])
        for key in sorted(before.incidents.keys() & after.incidents.keys())
        if key[0] in clips and before.incidents[key]["type"] in types
    ]
    out = []
    lost = sum(a["found"] and not b["found"] for a, b in both)
    won = sum(b["found"] and not a["found"] for a, b in both)
    p = lost_more_than_won(lost, won)
    is_blind = lost >= _BLIND and lost == sum(bool(a["found"]) for a, _ in both) and not won
    if both and (p < SIGNIFICANT or is_blind):
        share = [sum(bool(pair[side]["found"]) for pair in both) / len(both) for side in (0, 1)]
        few = ", all that was found is lost" if p >= SIGNIFICANT else ""
        what = f"recall{suffix}{few}"
        out.append(Regression(what, share[0], share[1], p))
    for what in ("false_alarms", "duplicates"):
        a, b = (run.count(what, clips, types) for run in (before, after))
        p = rate_grew(a, b)
        if p < SIGNIFICANT:
            out.append(Regression(f"{what}{suffix}", a[0], b[0], p))
    slower = _slower(both, suffix)
    return [*out, slower] if slower else out


def _slower(
    both: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], suffix: str
) -> Regression | None:
    pairs = [
        (float(a["delay_s"]), float(b["delay_s"]))
        for a, b in both
        if a["delay_s"] is not None and b["delay_s"] is not None and a["due_s"] == b["due_s"]
    ]
    if len(pairs) < 5:
        return None
    old, new = (float(np.median([p[i] for p in pairs])) for i in (0, 1))
    change = np.array([b - a for a, b in pairs])
    if new - old <= DELAY_TOLERANCE_S or not change.any():
        return None
    p = float(stats.wilcoxon(change, alternative="greater").pvalue)
    return Regression(f"median delay in s{suffix}", old, new, p) if p < SIGNIFICANT else None
