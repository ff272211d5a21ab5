"""The plots of a report, as inline pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.incidents.results import BenchResult
from bench.incidents.scores import ALL
from bench.incidents.tables import chosen_point

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sweep_plot(result: BenchResult) -> str:
    """Recall against wrong alarms per camera-day, a line per type.

    A star is what was shipped, a ring the threshold that one half of the clips suggests.
    """
    return _inline(sweep_figure(result))


def sweep_figure(result: BenchResult) -> Figure:
    """The figure of `sweep_plot`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5))
    axes = figure.subplots()
    kinds = [k for k in result.sweep[0].scores if result.sweep[0].scores[k].incidents]
    for kind in kinds:
        points = [
            (p.scores[kind].false_per_day or 0.0, p.scores[kind].recall or 0.0, p.open_at)
            for p in result.sweep
        ]
        wide = 2.5 if kind == ALL else 1.0
        (line,) = axes.plot([p[0] for p in points], [p[1] for p in points], "o-", markersize=3,
                            linewidth=wide, label=kind)  # fmt: skip
        for wrong, recall, at in points:
            if kind == ALL:
                axes.annotate(f"{at:g}", (wrong, recall), textcoords="offset points",
                              xytext=(4, -10), size=8)  # fmt: skip
        shipped = result.scores[kind]
        axes.plot([shipped.false_per_day or 0.0], [shipped.recall or 0.0], "*", markersize=14,
                  color=line.get_color())  # fmt: skip
        if (suggested := chosen_point(result, kind)) is not None:
            there = suggested.scores[kind]
            axes.plot([there.false_per_day or 0.0], [there.recall or 0.0], "o", markersize=12,
                      fillstyle="none", color=line.get_color())  # fmt: skip
    axes.set_xlabel(
        "wrong alarms per camera-day of these clips (star: as shipped, ring: chosen on one half)"
    )
    axes.set_ylabel("recall")
    axes.set_ylim(-0.03, 1.05)
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


def delay_plot(delays: Sequence[float]) -> str:
    """Delays after the dwell."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 3))
    axes = figure.subplots()
    axes.hist(delays, bins=min(30, max(5, len(delays))), color="#36c")
    axes.set_xlabel("seconds after the dwell")
    axes.set_ylabel("incidents")
    return _inline(figure)


def _inline(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    return f"<img src='data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}'>"
