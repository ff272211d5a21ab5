"""What fusion is measured against: nothing, a fixed radius and window, the same camera only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pipeline.boxes import iou
from pipeline.fusion.estimate import Estimate
from pipeline.ledger.types import Incident
from pipeline.types import Place, Sighting


@dataclass(frozen=True, slots=True)
class NoFusion:
    """Every sighting is an incident."""

    def decide(
        self, sighting: Sighting, place: Place | None, candidates: Sequence[Incident]
    ) -> UUID | None:
        """Never joins."""
        return None


@dataclass(frozen=True, slots=True)
class SameCamera:
    """Joins what one camera says of one spot of its picture within the window.

    Attributes:
        window_s: Longest time between the incident's last picture and the sighting's start.
        min_iou: Least overlap of the boxes.
    """

    window_s: float = 300.0
    min_iou: float = 0.3

    def decide(
        self, sighting: Sighting, place: Place | None, candidates: Sequence[Incident]
    ) -> UUID | None:
        """The first candidate of the view whose box overlaps."""
        for incident in candidates:
            for placed in incident.sightings:
                same = placed.sighting.view == sighting.view
                late = (sighting.started_at - incident.updated_at).total_seconds()
                if same and late <= self.window_s and self._overlaps(sighting, placed.sighting):
                    return incident.incident_id
        return None

    def _overlaps(self, a: Sighting, b: Sighting) -> bool:
        return iou(a.xyxy_norm, b.xyxy_norm) >= self.min_iou


@dataclass(frozen=True, slots=True)
class FixedRadius:
    """Joins the nearest incident within a radius and a time window, as map products do.

    Attributes:
        radius_m: Largest distance on the map.
        window_s: Longest time between the incident's last picture and the sighting's start.
    """

    radius_m: float = 5.0
    window_s: float = 300.0

    def decide(
        self, sighting: Sighting, place: Place | None, candidates: Sequence[Incident]
    ) -> UUID | None:
        """The nearest fitting candidate."""
        if place is None:
            return None
        fitting = [
            (metres, incident.incident_id)
            for incident in candidates
            if incident.place is not None
            and (metres := _apart_m(place, incident.place)) <= self.radius_m
            and (sighting.started_at - incident.updated_at).total_seconds() <= self.window_s
            and (incident.started_at - sighting.observed_at).total_seconds() <= self.window_s
        ]
        return min(fitting)[1] if fitting else None


def _apart_m(a: Place, b: Place) -> float:
    east, north = Estimate.of(a).offset_m(Estimate.of(b))
    return float((east * east + north * north) ** 0.5)
