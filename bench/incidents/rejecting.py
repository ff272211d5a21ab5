"""An operator of quiet days, who rejects everything that is raised."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from pipeline.confirm import Rejection, ViewMemory
from pipeline.types import Sighting


class Operator:
    """Rejects everything that is raised, so long after it was."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._heard: dict[UUID, list[Sighting]] = {}

    def heard(self, sightings: Iterable[Sighting]) -> None:
        """Take in messages, in order."""
        for sighting in sightings:
            self._heard.setdefault(sighting.sighting_id, []).append(sighting)

    def memory(self, now_s: float) -> ViewMemory:
        """What the view has learned by then: verdicts are about the place as last told."""
        out = []
        for told in self._heard.values():
            due_s = told[0].timestamp_s + self._after_s
            if due_s <= now_s:
                last = [s for s in told if s.timestamp_s <= due_s][-1]
                at = datetime.fromtimestamp(due_s, UTC)
                out.append(Rejection(last.type, last.zone_id, last.xyxy_norm, at))
        return ViewMemory(tuple(out))
