"""Draws the course of a run from its history file."""

from __future__ import annotations

import json
from pathlib import Path


def draw_history(history: Path, path: Path) -> None:
    """Write loss parts and learning rate over pictures seen as a PNG.

    Args:
        history: history.jsonl of a run directory.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [json.loads(line) for line in history.read_text("utf-8").splitlines() if line.strip()]
    seen = [row["pictures"] for row in rows]
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    losses, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for name in rows[-1]["losses"] if rows else ():
        losses.plot(seen, [row["losses"].get(name) for row in rows], label=name)
    losses.legend(fontsize=8)
    losses.set_ylabel("loss, smoothed")
    rate.plot(seen, [row["rate"] for row in rows])
    rate.set(xlabel="pictures seen", ylabel="rate")
    figure.savefig(path, dpi=110)
