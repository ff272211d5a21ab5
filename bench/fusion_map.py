"""A run of the square drawn on the map: happenings, sightings with their doubt, incidents."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.fusion_runs import Run
from bench.fusion_square import HALF_M, ORIGIN


def draw(run: Run, path: Path) -> None:
    """Write a PNG: a colour per incident, an ellipse per sighting (1 sigma), crosses for truth."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Ellipse

    figure = Figure(figsize=(9, 9), dpi=120)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    labelled: list[tuple[float, float]] = []
    for number, incident in enumerate(sorted(run.incidents, key=lambda i: i.started_at)):
        colour = f"C{number % 10}"
        for placed in incident.sightings:
            if placed.place is None:
                continue
            x, y = ORIGIN.to_metres((placed.place.lon, placed.place.lat))
            major, minor = placed.place.sigma_m
            angle = 90 - placed.place.heading_deg
            axes.add_patch(
                Ellipse((x, y), 2 * major, 2 * minor, angle=angle, alpha=0.25, color=colour)
            )
        if incident.place is not None:
            x, y = ORIGIN.to_metres((incident.place.lon, incident.place.lat))
            cameras = {p.sighting.view.camera_id for p in incident.sightings}
            axes.plot(x, y, "o", color=colour, markersize=7)
            beside = sum(abs(x - a) < 16 and abs(y - b) < 3 for a, b in labelled)
            labelled.append((float(x), float(y)))
            axes.annotate(
                f"{incident.started_at:%H:%M} {incident.type.replace('_', ' ')}\n"
                f"{len(incident.sightings)} sightings, {len(cameras)} cameras",
                (x, y), xytext=(6, 6 + 22 * beside), textcoords="offset points", fontsize=7,
                color=colour,
            )  # fmt: skip
    for happening in run.world.square.happenings:
        axes.plot(*happening.spot_m, "x", color="black", markersize=9)
    cameras_at = {v.key.camera_id: v.position_m for v in run.world.square.views}
    for name, at in cameras_at.items():
        axes.plot(at[0], at[1], "^", color="black", markersize=10)
        axes.annotate(f"{name}, {at[2]:.0f} m up", (at[0], at[1]), fontsize=8)
    side = HALF_M
    square = np.array([(-side, -side), (side, -side), (side, side), (-side, side), (-side, -side)])
    axes.plot(square[:, 0], square[:, 1], color="grey", linewidth=1)
    axes.set_aspect("equal")
    axes.set_xlabel("metres east")
    axes.set_ylabel("metres north")
    axes.set_title("One run: x = truth, ellipse = sighting (1 sigma), dot and colour = incident")
    figure.savefig(path)
