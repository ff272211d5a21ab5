"""What is compared: the patrol at two glance periods, attention switched off, and the peers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.speed.site import write_site


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a variant runs.

    Attributes:
        url: The stream.
        weights: Name or directory of the weight.
        folder: For its files; empty.
    """

    url: str
    weights: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the table.

    Attributes:
        name: For people.
        cameras: Watched at once; as many as it surely holds on two cores.
        period_s: Between two analysed pictures of a camera, None: every picture.
        command: The process, after the interpreter.
        counts: The counter of what is due: pictures analysed, or passed to a motion gate.
        decodes_all: Whether it decodes every frame, however few it analyses.
        pace: What the incident benchmark runs for its recall: pictures per second of the patrol's
            own rules, None: the patrol's attention.
    """

    name: str
    cameras: int
    period_s: float | None
    command: Callable[[Setting, int], list[str]]
    pace: float | None = None
    counts: str = "analysed"
    decodes_all: bool = True


def _patrol(period_s: float, *options: str) -> Callable[[Setting, int], list[str]]:
    def command(setting: Setting, cameras: int) -> list[str]:
        rules = [{"type": "garbage"}, {"type": "street_vending"}]
        ground = [[0.0, 0.3], [1.0, 0.3], [1.0, 1.0], [0.0, 1.0]]
        watched = [
            {
                "id": f"cam-{number}",
                "url": setting.url,
                "glance_period_s": period_s,
                "zones": [{"id": "ground", "polygon": ground, "rules": rules}],
            }
            for number in range(cameras)
        ]
        site = write_site(setting.folder, setting.weights, watched)
        return ["-m", "skygrid.bench_patrol", str(site), *options]

    return command


def _peer(name: str, period_s: float = 0.0) -> Callable[[Setting, int], list[str]]:
    def command(setting: Setting, cameras: int) -> list[str]:
        arguments = {
            "peer": name,
            "url": setting.url,
            "cameras": cameras,
            "period_s": period_s,
            "weights": setting.weights,
        }
        return ["-m", "bench.speed.peers", json.dumps(arguments)]

    return command


PATROL = Variant("patrol, glance 2 s", 10, 2.0, _patrol(2.0), decodes_all=False)
SLOW_PATROL = Variant("patrol, glance 10 s", 20, 10.0, _patrol(10.0), decodes_all=False)
ATTENTION_OFF = Variant("attention off, 2 s", 2, 2.0, _patrol(2.0, "every"), 0.5)
VARIANTS = (
    PATROL,
    SLOW_PATROL,
    ATTENTION_OFF,
    Variant("OpenCV + Ultralytics, 2 s", 2, 2.0, _peer("opencv", 2.0), 0.5),
    Variant("Frigate-like, 5 fps", 2, 0.2, _peer("frigate"), 5.0, "decoded"),
    Variant("Ultralytics track, every frame", 1, None, _peer("ultralytics"), 25.0),
)
"""The first is what the others are divided by."""
