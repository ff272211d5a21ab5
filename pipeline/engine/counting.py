"""People in the zones that watch for crowds, counted by whatever the site has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.crowd import CrowdCounter
from models.detections import Detections
from pipeline.engine.watch import Count
from pipeline.types import CrowdCount
from pipeline.zones import Zone
from streams.types import Shot


def counting(counter: CrowdCounter) -> Count:
    """Counts for every zone with a crowding rule; nothing is computed where there is none."""

    def count(shot: Shot, zones: Sequence[Zone], found: Detections) -> tuple[CrowdCount, ...]:
        watched = [z for z in zones if any(rule.type == "crowding" for rule in z.rules)]
        if not watched:
            return ()
        size = np.array(shot.size, np.float32)
        areas = [np.array(zone.polygon, np.float32) * size for zone in watched]
        counts = counter.count(shot.frame().image, found, areas)
        return tuple(
            CrowdCount(zone.id, c.people, c.method) for zone, c in zip(watched, counts, strict=True)
        )

    return count
