"""A whole patrol that `bench speed` measures: `python -m skygrid.bench_patrol SITE [every]`.

With `every` attention is off: every frame of every camera is decoded, detection as often as else.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import structlog

from bench.speed.child import Counters, answer, own_mib
from bench.speed.stages import StageClock
from pipeline.site.load import load_site
from skygrid.patrol import Patrol
from streams.camera import Camera
from streams.decode import decode_pictures
from streams.picture import Picture

_SAMPLE_S = 0.5


def main() -> None:
    """Patrol until stdin ends; stdout is for figures alone, nobody reads it within a window."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    clock = StageClock()
    site = load_site(Path(sys.argv[1]))
    clock.install()
    if "every" in sys.argv[2:]:
        _decode_every_frame()
    base = own_mib(psutil.Process())
    with Patrol(site) as patrol:
        while not all(_glances_of(patrol, name) for name in patrol.fleet.cameras):
            time.sleep(0.1)
        worst = _Worst(patrol)
        began = {
            f"began_{name}_now": keys[0].timestamp_s
            for name, camera in patrol.fleet.cameras.items()
            if (keys := camera.ring.keyframes())
        }

        def read() -> Counters:
            rings = sum(c.ring.stats.bytes for c in patrol.fleet.cameras.values()) / (1 << 20)
            metrics, looks = patrol.metrics, patrol.worker.look_pressure()
            return {
                "analysed": _glances(patrol),
                "unchanged": metrics.unchanged._value.get(),
                **worst.read(),
                **began,
                "looks_now": float(looks.running + looks.waiting),
                "ring_mib_now": rings,
                "base_mib_now": base,
                "packets": float(sum(c.stats.packets for c in patrol.fleet.cameras.values())),
                "failures": float(sum(c.stats.failures for c in patrol.fleet.cameras.values())),
                **{f"cpu_{stage}": s for stage, s in clock.read().items()},
            }

        answer(read)


class _Worst:
    """How far glances fell behind since it was read last; starts a thread."""

    def __init__(self, patrol: Patrol) -> None:
        self._patrol = patrol
        self._stretch = self._wait = 1.0
        threading.Thread(target=self._watch, name="worst", daemon=True).start()

    def read(self) -> Counters:
        """Largest stretch of all periods, and longest wait in periods; both forgotten then."""
        found = {"stretch_now": self._stretch, "wait_now": self._wait}
        self._stretch = self._wait = 1.0
        return found

    def _watch(self) -> None:
        while True:
            self._stretch = max(self._stretch, self._patrol.worker.stretch)
            self._wait = max(self._wait, self._patrol.metrics.worst_wait._value.get())
            time.sleep(_SAMPLE_S)


def _glances(patrol: Patrol) -> float:
    return sum(_glances_of(patrol, name) for name in patrol.fleet.cameras)


def _glances_of(patrol: Patrol, camera_id: str) -> float:
    return float(patrol.metrics.glances.labels(camera_id)._value.get())


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

    def glance(
        camera: Camera, newer_than_s: float = float("-inf"), period_s: float = 0.0
    ) -> Picture | None:
        picture = newest.get(camera.camera_id)
        return None if picture is None or picture.timestamp_s <= newer_than_s else picture

    for name, replaced in (("start", started), ("glance", glance)):
        setattr(Camera, name, replaced)


if __name__ == "__main__":
    main()
