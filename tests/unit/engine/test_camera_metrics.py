"""What the cameras count is told by the agreed names, as counters where it only grows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest

from pipeline.engine.camera_metrics import CameraCollector
from pipeline.engine.metrics import PatrolMetrics
from streams.camera import CameraStats
from streams.health import Health, HealthState
from streams.ring import RingStats


def test_every_camera_has_its_numbers() -> None:
    camera = SimpleNamespace(
        health=Health(HealthState.NO_KEYFRAMES, "", 0.0),
        stats=CameraStats(packets=9, connects=3, decode_errors=2, abandoned=1),
        ring=SimpleNamespace(stats=RingStats(4, 5000, 1.0, 7)),
    )
    registry = CollectorRegistry()
    registry.register(CameraCollector(lambda: {"gate": cast(Any, camera)}))
    told = generate_latest(registry).decode()
    for line in (
        'patrol_camera_up{camera="gate"} 1.0',
        'patrol_camera_reconnects_total{camera="gate"} 2.0',
        'patrol_camera_packets_total{camera="gate"} 9.0',
        'patrol_camera_decode_errors_total{camera="gate"} 2.0',
        'patrol_camera_readers_abandoned_total{camera="gate"} 1.0',
        'patrol_ring_packets_dropped_total{camera="gate"} 7.0',
        'patrol_ring_bytes{camera="gate"} 5000.0',
    ):
        assert line in told
    assert "# TYPE patrol_camera_reconnects_total counter" in told


def test_pictures_and_incidents_have_the_agreed_names() -> None:
    metrics = PatrolMetrics()
    metrics.decoded.labels("gate").inc()
    metrics.incidents.labels("garbage", "started").inc()
    told = generate_latest(metrics.registry).decode()
    assert 'patrol_frames_decoded_total{camera="gate"} 1.0' in told
    assert 'patrol_incidents_total{state="started",type="garbage"} 1.0' in told
