"""Prints a detection report as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_report(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Per class and size, per set, patrol rates, crowd."""
    out = console or Console()
    height, width = report["input_size"]
    out.print(f"[bold]{report['weights']}[/] at {height}x{width}, {report['pictures']} pictures")
    out.print(_classes("all sets", report["classes"]))
    for name, table in report["sets"].items():
        if table:
            out.print(_classes(name, table))
    if report.get("patrol"):
        out.print(_patrol(report["patrol"]))
    if report.get("crowd"):
        crowd = report["crowd"]
        if "boxes" in crowd:
            out.print(f"{_crowd(crowd['boxes'])} (the default)")
        out.print(_crowd(crowd))


def _crowd(crowd: Mapping[str, Any]) -> str:
    how = f"{crowd['method']} of {crowd['weights']}" if "weights" in crowd else crowd["method"]
    errors = f"MAE {crowd['mae']:.1f}  RMSE {crowd['rmse']:.1f}  n {crowd['n']}"
    return f"crowd by {how}: {errors}"


def _classes(title: str, rows: Mapping[str, Any]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("class")
    for name in ("mAP50", "mAP50-95", "recall", "n", "pictures", "small", "medium", "large"):
        table.add_column(name, justify="right")
    for label, row in rows.items():
        sizes = [_number(row["sizes"][s]["map50"]) for s in ("small", "medium", "large")]
        table.add_row(
            label,
            _number(row["map50"]),
            _number(row["map50_95"]),
            _number(row["recall50"]),
            str(row["n"]),
            str(row["pictures"]),
            *sizes,
        )
    return table


def _patrol(rows: Mapping[str, Any]) -> Table:
    table = Table(title="at the shipped thresholds, per picture", title_justify="left")
    table.add_column("class")
    for name in ("threshold", "found", "of", "false", "of"):
        table.add_column(name, justify="right")
    for label, row in rows.items():
        table.add_row(
            label,
            f"{row['threshold']:.2f}",
            _number(row["found"]),
            str(row["pictures_with"]),
            _number(row["false"]),
            str(row["pictures_without"]),
        )
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
