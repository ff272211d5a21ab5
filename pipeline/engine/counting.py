"""People in the zones that watch for crowds, counted by whatever the site has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from models.crowd import CrowdCounter
from models.detections import Detections
from pipeline.types import CrowdCount
from pipeline.zones import Zone
from streams.types import Shot


class CrowdCounting:
    """Counts for every zone with a crowding rule; the counter is loaded when a zone first asks.

    Args:
        load: Makes the counter; takes seconds.
    """

    def __init__(self, load: Callable[[], CrowdCounter]) -> None:
        self._load = load
        self._loading = threading.Lock()
        self._counter: CrowdCounter | None = None

    def prepare(self, zones: Iterable[Zone]) -> None:
        """Load the counter where one of the zones asks for it; raises as `load` does."""
        if any(_is_counted(zone) for zone in zones):
            self._ready()

    def __call__(
        self, shot: Shot, zones: Sequence[Zone], found: Detections
    ) -> tuple[CrowdCount, ...]:
        """People in each zone with a crowding rule; nothing is computed where there is none."""
        watched = [zone for zone in zones if _is_counted(zone)]
        if not watched:
            return ()
        size = np.array(shot.size, np.float32)
        areas = [np.array(zone.polygon, np.float32) * size for zone in watched]
        counts = self._ready().count(shot.frame().image, found, areas)
        return tuple(
            CrowdCount(zone.id, c.people, c.method) for zone, c in zip(watched, counts, strict=True)
        )

    def _ready(self) -> CrowdCounter:
        with self._loading:
            if self._counter is None:
                self._counter = self._load()
            return self._counter


def _is_counted(zone: Zone) -> bool:
    return any(rule.type == "crowding" for rule in zone.rules)
