"""What `skygrid bench` prints: a table for each benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from bench.detect_compare import Comparison
    from bench.incidents.scores import Score


def comparison(found: Comparison) -> Table:
    """Two weights, class by class."""
    table = Table("set", "class", "objects", "mAP50 before", "now", "difference")
    for d in found.differences:
        points = f"{100 * (d.after - d.before):+.1f}"
        table.add_row(
            d.set_name, d.label, str(d.objects), f"{d.before:.3f}", f"{d.after:.3f}", points
        )
    return table


def scores(by_type: Mapping[str, Score]) -> Table:
    """Incidents by type."""
    table = Table(
        "type", "incidents", "found", "recall", "precision", "doubled", "false", "p95 delay"
    )
    for name, score in by_type.items():
        table.add_row(
            name,
            str(score.incidents),
            str(score.found),
            _share(score.recall),
            _share(score.precision),
            str(score.duplicates),
            str(score.false_alarms),
            "" if score.delay_p95_s is None else f"{score.delay_p95_s:.1f} s",
        )
    return table


def quiet(result: Mapping[str, Any]) -> Table:
    """False alarms of quiet days: in all, by kind of place, and by place."""
    from bench.incidents.quiet_page import quiet_rates

    table = Table("places", "camera-days", "pictures", "false alarms", "per camera-day", "95 %")
    for name, rate in quiet_rates(result).items():
        low, high = rate["interval"]
        table.add_row(
            name,
            f"{rate['camera_days']:.2f}",
            str(rate["pictures"]),
            str(rate["false_alarms"]),
            "" if rate["false_per_day"] is None else f"{rate['false_per_day']:.3g}",
            "" if high is None else f"{low:.3g} to {high:.3g}",
        )
    return table


def tracking(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Trackers at rates."""
    table = Table(*rows[0])
    for row in rows:
        shown = {**row, "fps": f"{row['fps']:g}"}
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else str(v) for v in shown.values()))
    return table


def forgetting(result: Mapping[str, Any]) -> Table:
    """What is still found, by class."""
    table = Table("class", "found", "of")
    for label, row in result["classes"].items():
        table.add_row(label, f"{row['recall']:.3f}", str(row["n"]))
    table.add_row("all", f"{result['recall']:.3f}" if result["n"] else "–", str(result["n"]))
    return table


def crowd(result: Mapping[str, Any]) -> Table:
    """Errors of counting."""
    table = Table("counted by", "pictures", "MAE", "RMSE")
    for name in ("patrol", "boxes"):
        errors = result[name]
        table.add_row(name, str(errors["n"]), f"{errors['mae']:.1f}", f"{errors['rmse']:.1f}")
    return table


def speed(report: Mapping[str, Any]) -> Table:
    """The patrol and its peers."""
    table = Table(
        "variant", "cameras", "CPU per camera", "per core", "against patrol", "due held", "found"
    )
    for row in report["variants"]:
        recall = row["recall"]
        table.add_row(
            row["name"],
            str(row["cameras"]),
            f"{row['cpu_percent_per_camera']:.2f} %",
            f"{row['cameras_per_core']:.1f}",
            "" if row["ratio"] is None else f"{row['ratio']:.2f}×",
            f"{row['share_of_due']:.0%}",
            f"{recall['found']} of {recall['incidents']}" if recall else "",
        )
    return table


def speed_notes(report: Mapping[str, Any]) -> Iterator[str]:
    """What the table does not hold: what was left out, delay, growth, cameras held."""
    for name, why in report["about"]["left_out"].items():
        yield f"left out: {name}, {why}"
    if delay := report["delay"]:
        yield (
            f"from a bare head to the queue: p50 {delay['p50']} s, p95 {delay['p95']} s of "
            f"{delay['n']}, {delay['missed']} missed; keyframes every {delay['keyframe_s']} s"
        )
    for row in report["growth"]:
        yield f"{row['cameras']} cameras, 10 s: {row['cpu_percent_per_camera']:.2f} % each"
    for held in report["held"]:
        yield f"{held['cameras']} cameras, 2 s: {'held' if held['holds'] else 'not held'}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
