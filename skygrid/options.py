"""What the parts of the patrol are told, as it follows from the site file; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pipeline.engine.clips import ClipSettings
from pipeline.engine.seeing import Smallest
from pipeline.engine.worker import WorkerSettings
from pipeline.measures import Gauge
from pipeline.site.settings import CameraSettings, Site
from pipeline.types import ViewKey
from pipeline.zones import Zone, blind_rules
from skygrid.errors import ZoneCannotBeSeen
from streams.camera import CameraOptions
from streams.source import SourceOptions


def refuse_blind_rules(camera_id: str, zones: Sequence[Zone], labels: tuple[str, ...]) -> None:
    """Raise ZoneCannotBeSeen when a zone's rule needs a class that the detector does not know."""
    for _, words in blind_rules(zones, labels):
        raise ZoneCannotBeSeen(f"camera {camera_id}: {words}")


def camera_options(camera: CameraSettings) -> CameraOptions:
    """How a configured camera is read and kept."""
    return CameraOptions(
        source=SourceOptions(
            transport=camera.transport,
            read_timeout_s=camera.read_timeout_s,
            burst_s=camera.burst_s,
            pace=camera.pace,
            loop=camera.loop,
        ),
        ring_s=camera.ring.seconds,
        ring_bytes=round(camera.ring.mebibytes * (1 << 20)),
    )


def worker_settings(site: Site) -> WorkerSettings:
    """How much the worker does at once."""
    worker = site.worker
    return WorkerSettings(worker.decode_threads, worker.batch, worker.max_looks)


def clip_settings(site: Site) -> ClipSettings:
    """How clips are cut."""
    evidence = site.evidence
    return ClipSettings(evidence.pre_roll_s, evidence.post_roll_s, evidence.h264_copy)


def smallest_objects(site: Site, gauges: Mapping[ViewKey, Gauge]) -> dict[ViewKey, Smallest]:
    """The smallest object wanted, by view; only where one is."""
    return {
        (key := ViewKey(c.id, v.id)): Smallest(
            v.smallest_object_px, v.smallest_object_m, gauges[key]
        )
        for c in site.cameras
        for v in c.watched
        if v.smallest_object_px is not None or v.smallest_object_m is not None
    }


def visit_gap_s(site: Site, key: ViewKey) -> float:
    """Longest time between two visits of a view, 0 for one that is always watched."""
    tour = next((c.tour for c in site.cameras if c.id == key.camera_id), None)
    return tour.longest_gap_s() if tour is not None else 0.0


def reopens_since(zones: Sequence[Zone]) -> datetime:
    """What ended before this time is over for every rule of these zones."""
    rests_s = (rule.clear_s + rule.reopen_s for zone in zones for rule in zone.rules)
    return datetime.now(UTC) - timedelta(seconds=max(rests_s, default=0.0))
