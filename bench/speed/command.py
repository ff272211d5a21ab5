"""`skygrid bench speed`: rounds of pairs, medians, a table, a picture and JSON."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.errors import SpeedError
from bench.speed.child import Child, Measured
from bench.speed.footage import StreamShape, make_stream
from bench.speed.picture import draw
from bench.speed.recall import recall_by_pace
from bench.speed.serving import serving
from bench.speed.stages import STAGES
from bench.speed.variants import PATROL, VARIANTS, Setting, Variant

SETTLE_S = 4.0
"""Between a variant being ready and its window: connections, caches, first looks."""


PLAY_S = 300
"""The stream begins anew for every variant."""


@dataclass(frozen=True, slots=True)
class SpeedBench:
    """What to measure.

    Attributes:
        out: Folder for the stream, logs, JSON and picture.
        source: Clip that the stream is made of.
        weights: Name or directory of the weight.
        rounds: Each measures every variant once, one after the other, in a turning order.
        window_s: Length of one measurement.
        recall: Also run the incident scenarios at each variant's pace.
        growth: Also measure the patrol at these numbers of cameras, glance 10 s.
        shape: What the cameras send.
    """

    out: Path
    source: Path
    weights: str = "patrol11n"
    rounds: int = 5
    window_s: float = 12.0
    recall: bool = True
    growth: tuple[int, ...] = (10, 20, 40)
    shape: StreamShape = field(default_factory=StreamShape)


Say = Callable[[str], None]


def run(wanted: SpeedBench, say: Say) -> dict[str, Any]:
    """Measure; writes `speed.json` and `speed.png` into the folder, and returns the figures.

    Raises:
        SpeedError: A measured process ended.
    """
    say("making the stream")
    clip = make_stream(wanted.source, wanted.out / "streams", wanted.shape, PLAY_S)
    found: dict[str, list[Measured]] = {variant.name: [] for variant in VARIANTS}
    server, growth, report = "", list[dict[str, Any]](), dict[str, Any]()
    for number in range(wanted.rounds):
        turn = number % len(VARIANTS)
        for variant in (*VARIANTS[turn:], *VARIANTS[:turn]):
            say(f"round {number + 1} of {wanted.rounds}: {variant.name}")
            server, measured = _measure(variant, variant.cameras, clip, wanted)
            found[variant.name].append(measured)
        report = _save(wanted, server, found, growth, {})
    for cameras in wanted.growth:
        say(f"growth: {cameras} cameras")
        server, measured = _measure(VARIANTS[1], cameras, clip, wanted)
        growth.append(_row(VARIANTS[1], cameras, [measured]))
        report = _save(wanted, server, found, growth, {})
    if wanted.recall:
        say("recall at each pace")
        recall = recall_by_pace(wanted.weights, wanted.out)
        report = _save(wanted, server, found, growth, recall)
    return report


def _save(
    wanted: SpeedBench,
    server: str,
    found: dict[str, list[Measured]],
    growth: Sequence[dict[str, Any]],
    recall: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Write what is known so far: a long run that is broken off leaves its figures."""
    report = {
        "about": _about(wanted, server),
        "variants": [
            {
                **_row(variant, variant.cameras, found[variant.name]),
                "ratio": _ratio(found, variant),
                "recall": recall.get(str(variant.pace)),
            }
            for variant in VARIANTS
        ],
        "growth": list(growth),
    }
    (wanted.out / "speed.json").write_text(json.dumps(report, indent=1), "utf-8")
    draw(report, wanted.out / "speed.png")
    return report


def _measure(
    variant: Variant, cameras: int, clip: Path, wanted: SpeedBench
) -> tuple[str, Measured]:
    """The server's name and one window, on a server and in a process of its own."""
    log = wanted.out / "logs" / f"{variant.name.replace(' ', '-').replace(',', '')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="skygrid-speed-") as folder,
        serving(clip) as (url, server),
        Child(variant.command(Setting(url, wanted.weights, Path(folder)), cameras), log) as child,
    ):
        child.measure(SETTLE_S)
        return server, child.measure(wanted.window_s)


def _row(variant: Variant, cameras: int, measured: Sequence[Measured]) -> dict[str, Any]:
    """Medians over the rounds; CPU in percent of one core for each camera."""

    def middle(of: Callable[[Measured], float]) -> float:
        return round(median(of(m) for m in measured), 4)

    share = middle(lambda m: 100 * m.cpu_s / m.wall_s / cameras)
    analysed = middle(lambda m: m.counters.get("analysed", 0.0) / m.wall_s / cameras)
    due = 1 / variant.period_s if variant.period_s else 25.0
    own = [m for m in measured if "ring_mib_now" in m.levels]
    return {
        "name": variant.name,
        "cameras": cameras,
        "cpu_percent_per_camera": share,
        "cameras_per_core": round(100 / share, 1) if share else None,
        "analysed_per_s": analysed,
        "share_of_due": round(analysed / due, 3),
        "unchanged_share": _share_unchanged(own),
        "rss_mib_per_camera": middle(lambda m: m.rss_mib / cameras),
        "mib_per_camera_beyond_ring": round(median(_beyond(m, cameras) for m in own), 1)
        if own
        else None,
        "stages_percent": {stage: _stage(own, stage, cameras) for stage in STAGES}
        if own
        else {"all": share},
        "rounds_percent": [round(100 * m.cpu_s / m.wall_s / cameras, 3) for m in measured],
    }


def _stage(own: Sequence[Measured], stage: str, cameras: int) -> float:
    """Median percent of a core for each camera."""
    shares = [100 * m.counters.get(f"cpu_{stage}", 0.0) / m.wall_s / cameras for m in own]
    return round(median(shares), 4)


def _beyond(measured: Measured, cameras: int) -> float:
    level = measured.levels
    return (measured.rss_mib - level["base_mib_now"] - level["ring_mib_now"]) / cameras


def _share_unchanged(own: Sequence[Measured]) -> float | None:
    glances = sum(m.counters["analysed"] for m in own)
    return round(sum(m.counters["unchanged"] for m in own) / glances, 3) if glances else None


def _ratio(found: dict[str, list[Measured]], variant: Variant) -> float:
    """Median over the rounds of its CPU per camera over the patrol's in the same round."""

    def per_camera(measured: Measured, of: Variant) -> float:
        return measured.cpu_s / measured.wall_s / of.cameras

    pairs = zip(found[variant.name], found[PATROL.name], strict=True)
    return round(median(per_camera(m, variant) / per_camera(p, PATROL) for m, p in pairs), 2)


def _about(wanted: SpeedBench, server: str) -> dict[str, Any]:
    shape = wanted.shape
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "load": [round(value, 2) for value in os.getloadavg()],
        "server": server,
        "stream": f"{shape.size[0]}x{shape.size[1]}, {shape.fps} fps, {shape.bit_rate} bit/s, "
        f"GOP {shape.gop}, of {wanted.source.name}",
        "weights": wanted.weights,
        "rounds": wanted.rounds,
        "window_s": wanted.window_s,
        "method": "CPU of the process and its children from /proc, user and system; the RTSP "
        "server runs elsewhere. Rounds measure every variant once; ratios are medians over the "
        "rounds of the quotient within a round.",
    }


__all__ = ["SpeedBench", "SpeedError", "run"]
