"""What is compared: the patrol at two glance periods, attention switched off, and the peers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.incidents.patrol import Pace, PatrolOptions
from bench.speed.footage import STREAM_FPS
from bench.speed.peer_sight import FRIGATE_FPS
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
        recall: How the incident benchmark looks at clips for its recall.
        sees: What sees them: "patrol", or a peer's own code, "predict" or "track" of Ultralytics
            or "frigate". The rules are the patrol's for all: what is compared is what each sees.
        needs: A program or a Python module that must be there, else the variant is left out.
    """

    name: str
    cameras: int
    period_s: float | None
    command: Callable[[Setting, int], list[str]]
    recall: PatrolOptions
    sees: str = "patrol"
    counts: str = "analysed"
    decodes_all: bool = True
    needs: str | None = None


def _patrol(period_s: float, *options: str, **rule: float) -> Callable[[Setting, int], list[str]]:
    def command(setting: Setting, cameras: int) -> list[str]:
        rules = [{"type": "garbage", **rule}, {"type": "street_vending", **rule}]
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


def _glances(period_s: float) -> PatrolOptions:
    return PatrolOptions(overrides={"*": {"glance_period_s": period_s}})


def _pictures(fps: float) -> PatrolOptions:
    return PatrolOptions(Pace(fps))


STREAM_PACE = _pictures(STREAM_FPS)

PATROL = Variant("patrol, glance 2 s", 10, 2.0, _patrol(2.0), _glances(2.0), decodes_all=False)
SLOW_PATROL = Variant(
    "patrol, glance 10 s", 20, 10.0, _patrol(10.0), _glances(10.0), decodes_all=False
)
ATTENTION_OFF = Variant(
    "attention off, 2 s", 2, 2.0, _patrol(2.0, "every", look_s=0.0), _pictures(0.5)
)
VARIANTS = (
    PATROL,
    SLOW_PATROL,
    ATTENTION_OFF,
    Variant(
        "OpenCV + Ultralytics, 2 s", 2, 2.0, _peer("opencv", 2.0), _pictures(0.5), sees="predict"
    ),
    Variant(
        "Frigate-like, 5 fps",
        2,
        1 / FRIGATE_FPS,
        _peer("frigate"),
        _pictures(FRIGATE_FPS),
        sees="frigate",
        counts="decoded",
        needs="ffmpeg",
    ),
    Variant(
        "Ultralytics track, every frame",
        1,
        None,
        _peer("ultralytics"),
        STREAM_PACE,
        sees="track",
        needs="lap",
    ),
)
"""The first is what the others are divided by."""

UNCOMPARED = {
    "Roboflow InferencePipeline": "inference-cpu cannot be installed beside the locked versions"
}
"""Peers that cannot be run, and why."""
