"""From the happening to the queue: bare heads before real RTSP cameras, read from a real Redis.

A worker takes off the helmet at a known second of the clip. Each camera plays it from another
keyframe on, so that the heads do not all go bare at once. Starts processes.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy as np

from bench.speed.child import Child
from bench.speed.site import write_site
from pipeline.events.message import IncidentEvent
from pipeline.queue.consumer import Consumer, ConsumerConfig
from pipeline.queue.embedded import EmbeddedRedis
from pipeline.queue.port import INCIDENTS, Group
from pipeline.queue.redis_bus import RedisBus
from sample_videos.catalogue import CLIPS
from sample_videos.truth import load_truth
from streams.serve import RtspServer

_TRUTH = load_truth(CLIPS / "demo-helmet.truth.json")
_CAMERAS = 5
_LEAST_LEAD_S = 6.0
"""Watched before it happens, at least: a patrol that has just started knows nobody."""

_LONGEST_S = 30.0


@dataclass(frozen=True, slots=True)
class Played:
    """One camera: its clip, the second of the clip that it begins at, and its keyframe distance."""

    clip: Path
    begins_s: float
    keyframe_s: float


def delay_to_queue(rounds: int, weights: str, log: Path) -> dict[str, Any]:
    """Delays over some rounds of a few cameras each.

    Returns:
        "p50", "p95" in seconds from a head's going bare to the event's arrival at a consumer; "n"
        arrived; "early", alarms before it; "missed"; "keyframe_s", the longest time between two
        keyframes.
    """
    delays: list[float] = []
    early = 0
    keyframe_s = 0.0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="skygrid-delay-") as folder:
            cameras = played(Path(folder))
            keyframe_s = max(c.keyframe_s for c in cameras)
            found = _one_round(cameras, Path(folder), weights, log)
            delays += [delay for delay in found if delay >= 0]
            early += sum(delay < 0 for delay in found)
    p95 = float(np.percentile(delays, 95)) if delays else None
    return {
        "type": "missing_helmet, dwell 0 s",
        "n": len(delays),
        "early": early,
        "missed": rounds * _CAMERAS - len(delays) - early,
        "p50": round(median(delays), 2) if delays else None,
        "p95": None if p95 is None else round(p95, 2),
        "longest": round(max(delays), 2) if delays else None,
        "keyframe_s": keyframe_s,
    }


def played(folder: Path) -> list[Played]:
    """The clip from different keyframes on, all before the worker takes off the helmet."""
    source = CLIPS / _TRUTH.clip.file
    with av.open(str(source)) as clip:
        stream = clip.streams.video[0]
        base_s = float(stream.time_base or 0)
        packets = [(p, (p.pts or 0) * base_s) for p in clip.demux(stream) if p.size]
        keys = [at_s for packet, at_s in packets if packet.is_keyframe]
        keyframe_s = max(b - a for a, b in itertools.pairwise(keys))
        latest_s = _TRUTH.incidents[0].begin_s - _LEAST_LEAD_S
        starts = [k for k in keys if k <= latest_s]
        cameras = []
        for number in range(_CAMERAS):
            begins_s = starts[number * len(starts) // _CAMERAS]
            path = folder / f"cam-{number}.mp4"
            with av.open(str(path), "w") as out:
                copy = out.add_stream_from_template(stream)
                for packet, at_s in packets:
                    if at_s >= begins_s - 1e-3:
                        packet.stream = copy
                        out.mux(packet)
            cameras.append(Played(path, begins_s, round(keyframe_s, 2)))
    return cameras


def _one_round(cameras: Sequence[Played], folder: Path, weights: str, log: Path) -> list[float]:
    arrived: dict[str, float] = {}

    def take(event: IncidentEvent) -> None:
        if event.data.phase == "started":
            arrived.setdefault(event.data.camera, time.time())

    with (
        RtspServer({f"cam-{n}": camera.clip for n, camera in enumerate(cameras)}) as server,
        EmbeddedRedis(folder / "queue") as redis,
    ):
        bus = RedisBus(redis.url)
        group = Group(INCIDENTS, "delay", "delay")
        consumer = Consumer(bus, group, take, config=ConsumerConfig(from_start=True))
        site = _site(folder, server, redis.url, weights)
        with Child(["-m", "skygrid.bench_patrol", str(site)], log) as child:
            began = child.levels()
            begin_s = _TRUTH.incidents[0].begin_s
            happens = {
                f"cam-{n}": began[f"began_cam-{n}_now"] + begin_s - camera.begins_s
                for n, camera in enumerate(cameras)
            }
            until_s = max(happens.values()) + _LONGEST_S
            while len(arrived) < len(cameras) and time.time() < until_s:
                consumer.run_once(block_s=0.5)
        bus.close()
    return [arrived[name] - happens[name] for name in arrived]


def _site(folder: Path, server: RtspServer, redis_url: str, weights: str) -> Path:
    zones = [
        {
            "id": zone.id,
            "polygon": [list(point) for point in zone.polygon_norm],
            "rules": [{"type": "missing_helmet", "dwell_s": 0}],
        }
        for zone in _TRUTH.zones
    ]
    cameras = [
        {"id": f"cam-{n}", "url": server.url(f"cam-{n}"), "zones": zones} for n in range(_CAMERAS)
    ]
    return write_site(folder, weights, cameras, queue={"redis": redis_url})
