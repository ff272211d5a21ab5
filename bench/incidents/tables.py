"""The tables of a report, the same in Markdown and HTML (pure)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.incidents.results import BenchResult, Table
from bench.incidents.scores import ALL, Score
from bench.incidents.sweep import SweepPoint, in_force

HEAD = (
    "incidents", "found", "recall", "precision", "F1", "doubled", "wrong",
    "wrong per camera-day (95 %)", "delay p50 / p95 (p95 from begin)", "end error p50 (not told)",
    "CPU s per camera-hour (decoding)",
)  # fmt: skip
SWEEP_LEGEND = (
    "Recall and wrong alarms per camera-day of all clips at each threshold; "
    "S: nearest to the one shipped, C: chosen on one half of the clips."
)


def row(figures: Score) -> tuple[str, ...]:
    """One line of a table."""
    low, high = figures.false_interval
    rate = "–" if figures.false_per_day is None else f"{figures.false_per_day:.3g}"
    upper = "∞" if not np.isfinite(high) else f"{high:.3g}"
    return (
        str(figures.incidents), str(figures.found), _share(figures.recall),
        _share(figures.precision), _share(figures.f1), str(figures.duplicates),
        str(figures.false_alarms), f"{rate} ({low:.3g}–{upper})",
        f"{_seconds(figures.delay_p50_s)} / {_seconds(figures.delay_p95_s)} "
        f"({_seconds(figures.since_begin_p95_s)})",
        f"{_seconds(figures.end_error_p50_s)} ({figures.unseen_ends})",
        _cost(figures),
    )  # fmt: skip


def _cost(figures: Score) -> str:
    if figures.cpu_s_per_hour is None:
        return "–"
    return f"{figures.cpu_s_per_hour:.0f} ({figures.decode_s_per_hour or 0.0:.0f})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def tables(result: BenchResult) -> list[tuple[str, dict[str, Score]]]:
    """(title, rows) of everything that was scored."""
    out: list[tuple[str, dict[str, Score]]] = [("By type", dict(result.scores))]
    out += [(f"Clips: {name}", dict(table)) for name, table in result.by_origin.items()]
    dense = f"on the {len(result.paced)} clips that have so many pictures"
    out.append((f"By pace, all types, {dense}", _overall(result.by_pace)))
    for number, (pace, table) in enumerate(result.baselines.items()):
        title = f"Baselines on the detections of pace: {pace}"
        own = result.by_pace[pace][ALL] if number else result.scores[ALL]
        rows = {"this patrol, on the same": own, **_overall(table)}
        out.append((f"{title}, {dense}" if number else title, rows))
    if result.chosen:
        out.append(("Thresholds chosen on one half of the clips", _choices(result)))
    return out


def sweep_rows(result: BenchResult) -> list[tuple[str, ...]]:
    """The sweep: a head, and a row per threshold with what it finds and raises of each type."""
    kinds = [k for k, figures in result.sweep[0].scores.items() if figures.incidents]
    rows: list[tuple[str, ...]] = [("threshold", *kinds)]
    shipped = {kind: shipped_point(result, kind) for kind in kinds if kind != ALL}
    chosen = {kind: chosen_point(result, kind) for kind in kinds}
    for point in result.sweep:
        cells = []
        for kind in kinds:
            at = point.scores[kind]
            marks = "S" * (shipped.get(kind) is point) + "C" * (chosen[kind] is point)
            rate = "–" if at.false_per_day is None else f"{at.false_per_day:.3g}"
            cells.append(f"{_share(at.recall)} at {rate} {marks}".strip())
        rows.append((f"{point.open_at:g}", *cells))
    return rows


def shipped_point(result: BenchResult, kind: str) -> SweepPoint:
    """The point of the sweep next to the threshold in force."""
    return min(result.sweep, key=lambda p: abs(p.open_at - in_force(kind)))


def chosen_point(result: BenchResult, kind: str) -> SweepPoint | None:
    """The point of the sweep that one half of the clips suggests for a type."""
    choice = result.chosen.get(kind)
    return next((p for p in result.sweep if choice and p.open_at == choice.open_at), None)


def _overall(tables: Mapping[str, Table]) -> dict[str, Score]:
    return {name: table[ALL] for name, table in tables.items()}


def _choices(result: BenchResult) -> dict[str, Score]:
    """Rows about thresholds: what was chosen on one half, and how it does on the other."""
    rows = {}
    for kind, c in result.chosen.items():
        rows[f"{kind} at {c.open_at:g}, half it was chosen on"] = c.chosen_on
        rows[f"{kind} at {c.open_at:g}, other half"] = c.reported_on
        rows[f"{kind} at {in_force(kind):g} (in force), other half"] = c.in_force
    return rows
