"""Draws the report: CPU per camera by stage, and cameras per core (writes a PNG)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLOURS = {
    "demux": "#7aa6c2",
    "decode": "#2f6690",
    "look": "#16425b",
    "convert": "#81c3d7",
    "detect": "#d98324",
    "track": "#a7c957",
    "rules": "#6a994e",
    "evidence": "#bc4b51",
    "publish": "#6d597a",
    "other": "#b8b8b8",
    "all": "#8d99ae",
}


def draw(report: dict[str, Any], path: Path) -> None:
    """Two panels: stacked bars (logarithmic totals are written beside them) and the growth."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Rectangle

    figure, (bars, lines) = pyplot.subplots(1, 2, figsize=(13, 4.8), width_ratios=(3, 2))
    rows = report["variants"][::-1]
    for at, row in enumerate(rows):
        left = 0.0
        for stage, share in row["stages_percent"].items():
            bars.barh(at, share, left=left, color=COLOURS[stage])
            left += share
        total = row["cpu_percent_per_camera"]
        bars.text(left, at, f"  {total:.2f} %", va="center", fontsize=9)
    bars.set_yticks(range(len(rows)), [row["name"] for row in rows])
    bars.set_xlabel("CPU per camera, percent of one core")
    bars.set_xlim(0, 1.15 * max(row["cpu_percent_per_camera"] for row in rows))
    handles = [Rectangle((0, 0), 1, 1, color=c) for c in COLOURS.values()]
    bars.legend(handles, COLOURS, loc="upper right", fontsize=8)
    growth = report["growth"]
    lines.plot([g["cameras"] for g in growth], [g["cameras_per_core"] for g in growth], "o-")
    lines.set_xlabel("cameras, glance every 10 s")
    lines.set_ylabel("cameras per core")
    lines.set_ylim(bottom=0)
    figure.suptitle(f"{report['about']['stream']} · {report['about']['machine']}", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
