"""What the cameras count by themselves, as Prometheus metrics; read when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.camera import Camera
from streams.health import HealthState

Family = TypeVar("Family", GaugeMetricFamily, CounterMetricFamily)

_USABLE = (
    HealthState.OK,
    HealthState.TIME_JUMP,
    HealthState.CODEC_CHANGED,
    HealthState.NO_KEYFRAMES,
)


class CameraCollector(Collector):
    """One sample of each metric for every camera; no label holds an address.

    Args:
        cameras: The cameras at this moment, by id.
    """

    def __init__(self, cameras: Callable[[], Mapping[str, Camera]]) -> None:
        self._cameras = cameras

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        cameras = self._cameras()
        usable = {i: float(c.health.state in _USABLE) for i, c in cameras.items()}
        stats = {i: c.stats for i, c in cameras.items()}
        rings = {i: c.ring.stats for i, c in cameras.items()}
        yield _per_camera(
            GaugeMetricFamily, "camera_up", "1 while the camera delivers a usable picture", usable
        )
        yield _per_camera(
            GaugeMetricFamily,
            "ring_bytes",
            "Compressed bytes held in the packet ring",
            {i: r.bytes for i, r in rings.items()},
        )
        yield _per_camera(
            CounterMetricFamily,
            "camera_reconnects",
            "Connections after the first",
            {i: max(0, s.connects - 1) for i, s in stats.items()},
        )
        yield _per_camera(
            CounterMetricFamily,
            "camera_packets",
            "Packets received",
            {i: s.packets for i, s in stats.items()},
        )
        yield _per_camera(
            CounterMetricFamily,
            "camera_decode_errors",
            "Glances whose keyframe gave no picture",
            {i: s.decode_errors for i, s in stats.items()},
        )
        yield _per_camera(
            CounterMetricFamily,
            "camera_readers_abandoned",
            "Readers given up because they hung in the system",
            {i: s.abandoned for i, s in stats.items()},
        )
        yield _per_camera(
            CounterMetricFamily,
            "ring_packets_dropped",
            "Packets that left the ring early for want of bytes",
            {i: r.dropped for i, r in rings.items()},
        )


def _per_camera(family: type[Family], name: str, words: str, values: Mapping[str, float]) -> Family:
    made = family(f"patrol_{name}", words, labels=["camera"])
    for camera_id, value in values.items():
        made.add_metric([camera_id], value)
    return made
