"""Pictures of a report: precision over recall, scores per class, confusion. Writes PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.evaluation.average_precision import RECALL_POINTS, precision_curve
from models.evaluation.confusion import confusion
from models.evaluation.score import Scored, judged
from models.labels import LABELS


def write_plots(
    pictures: Sequence[Scored],
    report: Mapping[str, Any],
    thresholds: Mapping[str, float],
    folder: Path,
) -> list[Path]:
    """Write precision_recall.png, classes.png and confusion.png; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    boxed = [s for s in pictures if s.picture.points is None]
    return [
        _precision_recall(boxed, folder / "precision_recall.png"),
        _classes(report, folder / "classes.png"),
        _confusion(confusion(boxed, thresholds), folder / "confusion.png"),
    ]


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _precision_recall(pictures: Sequence[Scored], path: Path) -> Path:
    figure = _figure(7, 5)
    axes = figure.add_subplot()
    for class_id, label in enumerate(LABELS):
        chosen = [judged(s, class_id) for s in pictures if class_id in s.picture.labelled]
        curve = precision_curve(chosen)
        if curve.n:
            axes.plot(RECALL_POINTS, curve.precision[0], label=f"{label} {curve.map50:.3f}")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title("Precision over recall at IoU 0.5, validation")
    axes.legend(loc="lower left", fontsize=8)
    figure.savefig(path, dpi=110)
    return path


def _classes(report: Mapping[str, Any], path: Path) -> Path:
    figure = _figure(7, 4)
    axes = figure.add_subplot()
    names = list(report["classes"])
    place = np.arange(len(names))
    for offset, key in ((-0.2, "map50"), (0.2, "map50_95")):
        values = [report["classes"][n][key] or 0.0 for n in names]
        bars = axes.bar(place + offset, values, 0.4, label=key)
        axes.bar_label(bars, fmt="%.2f", fontsize=7)
    axes.set_xticks(place, [f"{n}\n{report['classes'][n]['n']}" for n in names], fontsize=7)
    axes.set_ylim(0, 1.1)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    return path


def _confusion(table: npt.NDArray[np.int64], path: Path) -> Path:
    figure = _figure(8, 7)
    axes = figure.add_subplot()
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [*LABELS, "nothing"]
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set(xlabel="reported", ylabel="there")
    for row, column in zip(*np.nonzero(table), strict=True):
        shade = "white" if shares[row, column] > 0.5 else "black"
        axes.text(
            column, row, str(table[row, column]), ha="center", va="center", fontsize=7, color=shade
        )
    figure.savefig(path, dpi=110)
    return path
