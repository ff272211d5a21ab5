"""The pure part of recording: which incident a sighting joins, what the incident becomes, what
to tell the world. Sky-ground fusion replaces the policy; the ledger keeps the transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from uuid import UUID

from pipeline.boxes import iou
from pipeline.ledger.errors import SightingRefused
from pipeline.ledger.types import (
    EventKind,
    Incident,
    IncidentState,
    PlacedSighting,
    ReviewState,
    incident_id_of,
)
from pipeline.types import EvidenceFile, Phase, Place, Sighting


class FusionPolicy(Protocol):
    """Decides which incident a sighting that the ledger has not seen before belongs to."""

    def decide(
        self, sighting: Sighting, place: Place | None, candidates: Sequence[Incident]
    ) -> UUID | None:
        """Id of the candidate that it joins, None to found a new incident.

        Candidates are of the sighting's type, open or ended within the join window, newest
        first, bounded in number. Called inside the ledger's transaction: must be pure and quick.
        """
        ...


@runtime_checkable
class KnowsRecurrence(Protocol):
    """A policy that also says, by place, which ended incident a new one repeats."""

    def recurrence_of(
        self, sighting: Sighting, place: Place | None, candidates: Sequence[Incident]
    ) -> UUID | None:
        """Id of the candidate at the same place that was over before, None if none was."""
        ...


@dataclass(frozen=True, slots=True)
class SameViewPolicy:
    """Joins within one view: same zone, still open, boxes that overlap.

    Attributes:
        min_iou: Least overlap of two places of one happening; 0 < iou.
    """

    min_iou: float = 0.3

    def decide(
        self, sighting: Sighting, place: Place | None, candidates: Sequence[Incident]
    ) -> UUID | None:
        """The open candidate that overlaps most, None if none does."""
        best, best_iou = None, self.min_iou
        for incident in candidates:
            overlap = _overlap(sighting, incident)
            if incident.state is IncidentState.OPEN and overlap >= best_iou:
                best, best_iou = incident.incident_id, overlap
        return best


def recurrence_of(sighting: Sighting, candidates: Sequence[Incident]) -> UUID | None:
    """The newest ended candidate at the same place of the same view, None if none."""
    ended = [
        c for c in candidates if c.state is IncidentState.ENDED and _overlap(sighting, c) >= 0.3
    ]
    return max(ended, key=lambda c: c.updated_at).incident_id if ended else None


def _overlap(sighting: Sighting, incident: Incident) -> float:
    """Largest IoU with a sighting of the incident in the same view and zone, 0 if none."""
    boxes = (
        p.sighting.xyxy_norm
        for p in incident.sightings
        if p.sighting.view == sighting.view and p.sighting.zone_id == sighting.zone_id
    )
    return max((iou(sighting.xyxy_norm, box) for box in boxes), default=0.0)


@dataclass(frozen=True, slots=True)
class Kept:
    """What of an incident does not follow from its sightings.

    Attributes:
        incident_id: Its id.
        review: What an operator said.
        evidence: Its files.
        sequence: Number of its newest event.
        recurrence_of: Earlier incident at the same place.
        merged_into: Incident that swallowed it.
    """

    incident_id: UUID
    review: ReviewState = ReviewState.PENDING
    evidence: tuple[EvidenceFile, ...] = ()
    sequence: int = 0
    recurrence_of: UUID | None = None
    merged_into: UUID | None = None

    @staticmethod
    def founded_by(
        sighting: Sighting,
        candidates: Sequence[Incident],
        place: Place | None = None,
        policy: object = None,
    ) -> Kept:
        """A new incident's part, linked to the one that it repeats."""
        founded = incident_id_of(sighting.sighting_id)
        if isinstance(policy, KnowsRecurrence):
            return Kept(founded, recurrence_of=policy.recurrence_of(sighting, place, candidates))
        return Kept(founded, recurrence_of=recurrence_of(sighting, candidates))

    @staticmethod
    def of(incident: Incident) -> Kept:
        """An incident's own part."""
        return Kept(
            incident_id=incident.incident_id,
            review=incident.review,
            evidence=incident.evidence,
            sequence=incident.sequence,
            recurrence_of=incident.recurrence_of,
            merged_into=incident.merged_into,
        )


Combine = Callable[[Kept, Sequence[PlacedSighting]], Incident]
"""How an incident follows from its sightings; replaced together with the policy."""


def combine(kept: Kept, sightings: Sequence[PlacedSighting]) -> Incident:
    """The incident that these sightings make: the most confident one leads.

    Raises:
        ValueError: There is no sighting.
    """
    if not sightings:
        raise ValueError(f"incident {kept.incident_id} must have a sighting, got none")
    ordered = sorted(sightings, key=lambda p: (p.sighting.started_at, p.sighting.sighting_id))
    seen = [p.sighting for p in ordered]
    lead = max(seen, key=lambda s: s.confidence)
    placed = [p.place for p in ordered if p.place is not None]
    ends = [s.ended_at or s.observed_at for s in seen if s.phase is Phase.ENDED]
    ended = len(ends) == len(seen)
    return Incident(
        incident_id=kept.incident_id,
        type=lead.type,
        subtype=lead.subtype or next((s.subtype for s in seen if s.subtype), None),
        state=IncidentState.ENDED if ended else IncidentState.OPEN,
        review=kept.review,
        view=lead.view,
        zone_id=lead.zone_id,
        place=min(placed, key=lambda p: p.sigma_m[0], default=None),
        started_at=min(s.started_at for s in seen),
        confirmed_at=min(s.confirmed_at for s in seen),
        updated_at=max(s.observed_at for s in seen),
        ended_at=max(ends) if ended else None,
        confidence=lead.confidence,
        severity=max(s.severity for s in seen),
        reasons=lead.reasons,
        measures=dict(lead.measures),
        sightings=tuple(ordered),
        evidence=kept.evidence,
        model=lead.model,
        sequence=kept.sequence,
        recurrence_of=kept.recurrence_of,
        merged_into=kept.merged_into,
    )


def check(sighting: Sighting) -> None:
    """Raise SightingRefused when a sighting breaks the rules of its type."""
    where = f"in camera {sighting.view.camera_id}, sighting {sighting.sighting_id}"
    times = {
        "started_at": sighting.started_at,
        "confirmed_at": sighting.confirmed_at,
        "observed_at": sighting.observed_at,
        "ended_at": sighting.ended_at,
    }
    for name, at in times.items():
        if at is not None and at.tzinfo is None:
            raise SightingRefused(f"{name} must be aware, got {at!r}, {where}")
    if sighting.sequence < 0:
        raise SightingRefused(f"sequence must be 0 or more, got {sighting.sequence}, {where}")
    if not 0 <= sighting.confidence <= 1:
        raise SightingRefused(f"confidence must be in 0..1, got {sighting.confidence}, {where}")
    if not 1 <= sighting.severity <= 4:
        raise SightingRefused(f"severity must be in 1..4, got {sighting.severity}, {where}")


def events_between(before: Incident | None, after: Incident) -> tuple[EventKind, ...]:
    """What to tell the world when recording turned `before` into `after`.

    A founded incident is always announced as started first, whichever message came first.
    """
    if before is None:
        ended = after.state is IncidentState.ENDED
        return (EventKind.STARTED, EventKind.ENDED) if ended else (EventKind.STARTED,)
    if before.state is IncidentState.OPEN and after.state is IncidentState.ENDED:
        return (EventKind.ENDED,)
    return (EventKind.UPDATED,)
