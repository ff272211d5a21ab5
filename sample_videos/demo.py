"""The cameras of `skygrid demo`: the committed clips, with zones and what is true of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.geometry.plane import LocalPlane
from sample_videos.catalogue import CLIPS

Box = tuple[float, float, float, float]

_TITLES = {
    "demo-vending": "街边摆摊 street stall",
    "demo-dumping": "乱倒垃圾 dumping",
    "demo-bin": "垃圾桶满溢 overflowing bin",
    "demo-helmet": "工地安全帽 building site",
    "demo-crowd": "人员聚集 square",
}
_QUARTER = LocalPlane(114.0579, 22.5431)
"""The demo's cameras stand in one made-up quarter, far enough apart that none sees another's."""
_STANDS_M = {
    "demo-vending": (-110.0, 60.0, 20.0),
    "demo-dumping": (0.0, 70.0, 200.0),
    "demo-bin": (105.0, 55.0, 110.0),
    "demo-helmet": (-90.0, -65.0, 340.0),
    "demo-crowd": (70.0, -70.0, 265.0),
}
"""Metres east and north, and the bearing that each clip's "away" points to."""
_CELL_M = 150.0
_RANGE_M = 30.0
_GLANCE_S = 1.0
_CLEAR_S = 8.0
_REOPEN_S = 10.0


@dataclass(frozen=True, slots=True)
class DemoCamera:
    """One camera of the demo.

    Attributes:
        name: Camera id.
        title: For people.
        clip: What it plays, in a loop.
        zones: As in a site file, with dwell times short enough for a demo.
        position: As in a site file: where it stands on the demo's map.
        expected: What is true of the clip: incident type and place, 0..1 of the picture.
    """

    name: str
    title: str
    clip: Path
    zones: list[dict[str, Any]]
    position: dict[str, Any]
    expected: tuple[tuple[str, Box], ...]


def demo_cameras(clips: Path = CLIPS) -> list[DemoCamera]:
    """The cameras of all committed demo clips, by name."""
    return [_camera(path) for path in sorted(clips.glob("demo-*.truth.json"))]


def _camera(truth_file: Path) -> DemoCamera:
    truth = json.loads(truth_file.read_text("utf-8"))
    stem = truth_file.name.removesuffix(".truth.json")
    incidents = truth["incidents"]
    return DemoCamera(
        name=stem.removeprefix("demo-"),
        title=_TITLES.get(stem, stem),
        clip=truth_file.parent / truth["clip"]["file"],
        zones=[_zone(zone) for zone in truth["zones"]],
        position=_position(truth, _STANDS_M.get(stem, (0.0, 0.0, 0.0))),
        expected=tuple((i["type"], tuple(i["box_norm"])) for i in incidents),
    )


def _position(truth: dict[str, Any], stands: tuple[float, float, float]) -> dict[str, Any]:
    """Where the clip's camera stands in the quarter, as a site file writes it."""
    east, north, bearing = stands
    lonlat = _QUARTER.to_lonlat((east, north)).round(7).tolist()
    fov = truth["calibration"]["hfov_deg"]
    return {"lonlat": lonlat, "heading_deg": bearing, "fov_deg": fov, "range_m": _RANGE_M}


def demo_grid() -> dict[str, Any]:
    """The quarter's management grid, GeoJSON: four cells in two communities."""
    cells = []
    for i, (east, north) in enumerate([(-1, 0), (0, 0), (-1, -1), (0, -1)]):
        corners = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
        ring = [((east + x) * _CELL_M, (north + y) * _CELL_M) for x, y in corners]
        code = f"44030400200{1 + i // 2}00{1 + i % 2}"
        cells.append(
            {
                "type": "Feature",
                "properties": {"code": code, "name": f"网格 {1 + i}"},
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [_QUARTER.to_lonlat(ring).round(8).tolist()],
                },
            }
        )
    return {"type": "FeatureCollection", "features": cells}


def _zone(zone: dict[str, Any]) -> dict[str, Any]:
    """A zone of the truth file as the site file writes it, in the demo's time scale."""
    rules = []
    for kind, truth in zone["rules"].items():
        rule: dict[str, Any] = {
            "type": kind,
            "dwell_s": truth["dwell_s"],
            "glance_period_s": _GLANCE_S,
            "clear_s": _CLEAR_S,
            "reopen_s": _REOPEN_S,
        }
        if kind == "garbage":
            rule["dumping_dwell_s"] = truth["dwell_s"]
        if kind == "crowding":
            rule["people"] = truth.get("people", 12)
        rules.append(rule)
    return {"id": zone["id"], "polygon": zone["polygon_norm"], "rules": rules}
