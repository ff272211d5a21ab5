"""Prometheus metrics of a patrol, one registry each (prometheus.io/docs/practices/naming)."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class PatrolMetrics:
    """All numbers a patrol reports; no label holds a track, a URL or an unbounded value."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self.decoded = Counter(
            "patrol_frames_decoded_total",
            "Pictures decoded and handed to be judged",
            ["camera"],
            registry=own,
        )
        self.glances = Counter("patrol_glances_total", "Glances judged", ["camera"], registry=own)
        self.unchanged = Counter(
            "patrol_glances_unchanged_total",
            "Glances judged without detection because the picture had not changed",
            registry=own,
        )
        self.no_picture = Counter(
            "patrol_glances_without_picture_total",
            "Glances that found no new keyframe",
            registry=own,
        )
        self.dropped = Counter(
            "patrol_pictures_dropped_total",
            "Decoded pictures dropped because judging was behind",
            registry=own,
        )
        self.overtaken = Counter(
            "patrol_pictures_overtaken_total",
            "Pictures left out because a newer one of their view had been judged",
            registry=own,
        )
        self.decode_s = Histogram("patrol_decode_seconds", "Decoding one picture", registry=own)
        self.detect_s = Histogram("patrol_detect_seconds", "Detecting one batch", registry=own)
        self.decide_s = Histogram(
            "patrol_decide_seconds", "Tracks, rules and confirmation", registry=own
        )
        self.picture_age_s = Histogram(
            "patrol_picture_age_seconds",
            "From the picture's arrival to its judgement",
            buckets=(0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60),
            registry=own,
        )
        self.publish_delay_s = Histogram(
            "patrol_publish_delay_seconds",
            "From the picture behind a sighting to its commit in the ledger",
            buckets=(0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60),
            registry=own,
        )
        self.stretch = Gauge(
            "patrol_glance_stretch", "Common factor on all glance periods", registry=own
        )
        self.worst_wait = Gauge(
            "patrol_glance_worst_wait",
            "Longest wait for a glance of late, in units of the view's own stretched period",
            registry=own,
        )
        self.looks_starved = Counter(
            "patrol_looks_starved_total",
            "Suspicions that were gone before their look could begin",
            registry=own,
        )
        self.looks_running = Gauge(
            "patrol_looks_running", "Views under full attention", registry=own
        )
        self.looks_waiting = Gauge(
            "patrol_looks_waiting", "Suspicions waiting for a look", registry=own
        )
        self.look_wait_s = Gauge(
            "patrol_look_oldest_wait_seconds",
            "How long the oldest suspicion has waited",
            registry=own,
        )
        self.preset_faults = Counter(
            "patrol_preset_faults_total",
            "Arrivals of eagle-eyes that were not as they should be",
            ["camera", "fault"],
            registry=own,
        )
        self.incidents = Counter(
            "patrol_incidents_total",
            "Sightings by type and what became of them: started, updated, ended",
            ["type", "state"],
            registry=own,
        )
        self.evidence_failed = Counter(
            "patrol_evidence_failed_total", "Clips or pictures that could not be kept", registry=own
        )
        self.spooled = Gauge(
            "patrol_spool_pending", "Sightings waiting for the ledger on disk", registry=own
        )
        self.held = Gauge(
            "patrol_sightings_held",
            "Sightings waiting in memory because ledger and spool refuse them",
            registry=own,
        )
        self.lost = Gauge("patrol_sightings_lost", "Sightings lost since the start", registry=own)
        self.clock_offset_s = Gauge(
            "patrol_camera_clock_offset_seconds",
            "How far a camera's clock is ahead of those that saw the same happenings",
            ["camera"],
            registry=own,
        )
        self.outbox_pending = Gauge(
            "patrol_outbox_pending", "Events waiting for the queue", registry=own
        )
        self.outbox_oldest_s = Gauge(
            "patrol_outbox_oldest_seconds",
            "Age of the oldest event waiting for the queue",
            registry=own,
        )
