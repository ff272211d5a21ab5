"""A whole patrol that `bench speed` measures: `python -m skygrid.bench_patrol SITE [every]`.

With `every` attention is off: every frame of every camera is decoded, detection as often as else.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from pathlib import Path

from bench.speed.child import Counters, answer
from bench.speed.stages import StageClock
from pipeline.site.load import load_site
from skygrid.patrol import Patrol
from streams.camera import Camera
from streams.decode import decode_pictures
from streams.picture import Picture


def main() -> None:
    """Patrol until stdin ends."""
    clock = StageClock()
    site = load_site(Path(sys.argv[1]))
    clock.install()
    if "every" in sys.argv[2:]:
        _decode_every_frame()
    base = _rss_mib()
    with Patrol(site) as patrol:
        wanted = len(patrol.fleet.cameras)
        while _glances(patrol) < wanted:
            time.sleep(0.1)

        def read() -> Counters:
            rings = sum(c.ring.stats.bytes for c in patrol.fleet.cameras.values()) / (1 << 20)
            metrics = patrol.metrics
            return {
                "analysed": _glances(patrol),
                "unchanged": metrics.unchanged._value.get(),
                "stretch_now": patrol.worker.stretch,
                "ring_mib_now": rings,
                "base_mib_now": base,
                "packets": float(sum(c.stats.packets for c in patrol.fleet.cameras.values())),
                "failures": float(sum(c.stats.failures for c in patrol.fleet.cameras.values())),
                **{f"cpu_{stage}": s for stage, s in clock.read().items()},
            }

        answer(read)


def _glances(patrol: Patrol) -> float:
    counter = patrol.metrics.glances
    return float(sum(counter.labels(name)._value.get() for name in patrol.fleet.cameras))


def _rss_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _decode_every_frame() -> None:
    """Let every camera decode all that it receives, and glances take the newest picture."""
    newest: dict[str, Picture] = {}
    start = Camera.start

    def started(camera: Camera) -> None:
        start(camera)

        def decode() -> None:
            while True:
                for picture in decode_pictures(camera.ring.follow()):
                    newest[camera.camera_id] = picture

        name = f"every-{camera.camera_id}"
        threading.Thread(target=decode, name=name, daemon=True).start()

    def glance(camera: Camera, newer_than_s: float = float("-inf")) -> Picture | None:
        picture = newest.get(camera.camera_id)
        return None if picture is None or picture.timestamp_s <= newer_than_s else picture

    for name, replaced in (("start", started), ("glance", glance)):
        setattr(Camera, name, replaced)


if __name__ == "__main__":
    main()
