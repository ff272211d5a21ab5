"""The cameras of `skygrid demo`: the committed clips, with zones and what is true of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Box = tuple[float, float, float, float]

CLIPS = Path(__file__).parent / "clips"

_TITLES = {
    "demo-vending": "街边摆摊 street stall",
    "demo-dumping": "乱倒垃圾 dumping",
    "demo-bin": "垃圾桶满溢 overflowing bin",
    "demo-helmet": "工地安全帽 building site",
    "demo-crowd": "人员聚集 square",
}
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
        expected: What is true of the clip: incident type and place, 0..1 of the picture.
    """

    name: str
    title: str
    clip: Path
    zones: list[dict[str, Any]]
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
        expected=tuple((i["type"], tuple(i["box_norm"])) for i in incidents),
    )


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
