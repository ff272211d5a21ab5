"""From matchings to figures: per type and in all, with intervals (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bench.incidents.intervals import poisson_rate, wilson
from bench.incidents.matching import Matching

DAY_S = 86_400.0
TYPES = ("street_vending", "garbage", "overflowing_bin", "missing_helmet", "crowding")
ALL = "all"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one system did on one clip.

    Attributes:
        clip: Clip id.
        matching: The outcome of matching.
        watched_s: Media seconds watched.
        types: Types that were watched for in the clip.
        cpu_s: CPU seconds spent, None where nobody measured.
        decode_s: Of them decoding.
    """

    clip: str
    matching: Matching
    watched_s: float
    types: frozenset[str]
    cpu_s: float | None = None
    decode_s: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of one type, or of all.

    Attributes:
        incidents: True incidents, certain ones.
        found: Of them answered by an alarm.
        duplicates: Further alarms on an answered incident.
        false_alarms: Alarms on nothing.
        recall: Found share, None without incidents.
        recall_interval: 95 % (Wilson).
        precision: Found / (found + duplicates + false alarms): a duplicate is unwanted too.
        f1: Harmonic mean of both.
        camera_days: Watched time.
        false_per_day: False alarms per camera-day.
        false_interval: 95 % (Garwood).
        delay_p50_s: Median delay after the dwell, None without pairs.
        delay_p95_s: 95th percentile.
        since_begin_p95_s: The same, counted from the begin although the view showed it later.
        end_error_p50_s: Median of the absolute error of the end.
        unseen_ends: Pairs whose true end was never reported.
        cpu_s_per_hour: CPU seconds per camera-hour.
        decode_s_per_hour: Of them decoding.
    """

    incidents: int
    found: int
    duplicates: int
    false_alarms: int
    recall: float | None
    recall_interval: tuple[float, float]
    precision: float | None
    f1: float | None
    camera_days: float
    false_per_day: float | None
    false_interval: tuple[float, float]
    delay_p50_s: float | None
    delay_p95_s: float | None
    since_begin_p95_s: float | None
    end_error_p50_s: float | None
    unseen_ends: int
    cpu_s_per_hour: float | None
    decode_s_per_hour: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values; an infinite bound becomes None."""
        return {k: _finite(v) for k, v in asdict(self).items()}


def score(outcomes: Sequence[Outcome]) -> dict[str, Score]:
    """Figures by type, and under "all"; a type that nobody watched for is left out."""
    watched = {t for o in outcomes for t in o.types}
    table = {t: _score(outcomes, {t}) for t in TYPES if t in watched}
    table[ALL] = _score(outcomes, set(TYPES))
    return table


def _score(outcomes: Iterable[Outcome], types: set[str]) -> Score:
    own = [o for o in outcomes if o.types & types]
    pairs = [p for o in own for p in o.matching.pairs if p.incident.type in types]
    missed = sum(i.type in types for o in own for i in o.matching.missed)
    duplicates = sum(a.type in types for o in own for a, _ in o.matching.duplicates)
    wrong = sum(f.alarm.type in types for o in own for f in o.matching.false_alarms)
    watched_s = sum(o.watched_s for o in own)
    days = watched_s / DAY_S
    found, total = len(pairs), len(pairs) + missed
    raised = found + duplicates + wrong
    recall = found / total if total else None
    precision = found / raised if raised else None
    delays = [p.delay_s for p in pairs]
    hidden_too = [p.since_begin_s for p in pairs]
    ends = [abs(e) for p in pairs if (e := p.end_error_s) is not None]
    unseen = sum(p.incident.end_s is not None and p.alarm.ended_s is None for p in pairs)
    return Score(
        total, found, duplicates, wrong, recall, wilson(found, total), precision,
        _f1(recall, precision), days, wrong / days if days else None, poisson_rate(wrong, days),
        _quantile(delays, 0.5), _quantile(delays, 0.95), _quantile(hidden_too, 0.95),
        _quantile(ends, 0.5), unseen,
        _per_hour((o.cpu_s, o.watched_s) for o in own),
        _per_hour((o.decode_s, o.watched_s) for o in own),
    )  # fmt: skip


def _per_hour(spent: Iterable[tuple[float | None, float]]) -> float | None:
    """Of (seconds spent, seconds watched), without those that nobody measured."""
    measured = [(cost_s, watched_s) for cost_s, watched_s in spent if cost_s is not None]
    hours = sum(watched_s for _, watched_s in measured) / 3600
    return sum(cost_s for cost_s, _ in measured) / hours if hours else None


def _f1(recall: float | None, precision: float | None) -> float | None:
    if recall is None or precision is None or recall + precision == 0:
        return None if recall is None or precision is None else 0.0
    return 2 * recall * precision / (recall + precision)


def _quantile(values: Sequence[float], q: float) -> float | None:
    return float(np.quantile(values, q)) if values else None


def _finite(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
