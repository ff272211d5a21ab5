"""The ledger's values: an incident, the sightings it was merged from, and what happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from pipeline.types import EvidenceFile, Place, Reason, Sighting, ViewKey

INCIDENT_NAMESPACE = UUID("6a4f1c9e-1d0b-5f3a-9a57-5c1b1f0f7d21")
"""Namespace of incident ids; changing it would make every re-send a new incident."""


class IncidentState(StrEnum):
    OPEN = "open"
    ENDED = "ended"


class ReviewState(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class EventKind(StrEnum):
    """What happened to an incident; the middle part of the event's type."""

    STARTED = "started"
    UPDATED = "updated"
    ENDED = "ended"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REOPENED = "reopened"
    MERGED = "merged"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class PlacedSighting:
    """The newest message of one sighting with its place on the ground, None if uncalibrated."""

    sighting: Sighting
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One real happening, merged from sightings over time and cameras.

    Attributes:
        incident_id: uuid5 of its first sighting, see `incident_id_of`.
        type: Incident type.
        subtype: Finer kind or None.
        state: open while any of its sightings is open.
        review: What an operator said.
        view: View of the sighting that leads (the best evidence).
        zone_id: Zone of the sighting that leads.
        place: Ground place of the best placed sighting, None if none is calibrated.
        started_at: Earliest start of its sightings, aware UTC.
        confirmed_at: Earliest confirmation.
        updated_at: Newest picture that any of its sightings stands on.
        ended_at: Latest end, None while open.
        confidence: 0..1, of the sighting that leads.
        severity: 1 (low) to 4 (urgent), the highest of its sightings.
        reasons: Trace of the sighting that leads.
        measures: Numbers of the sighting that leads.
        sightings: All sightings, by start.
        evidence: Files that still exist, in the order in which they were attached.
        model: Weight behind the leading sighting.
        sequence: Number of its newest event, from 1 on.
        recurrence_of: Earlier incident at the same place, None if none.
        merged_into: Incident that swallowed this one, None if it stands for itself.
    """

    incident_id: UUID
    type: str
    subtype: str | None
    state: IncidentState
    review: ReviewState
    view: ViewKey
    zone_id: str
    place: Place | None
    started_at: datetime
    confirmed_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    confidence: float
    severity: int
    reasons: tuple[Reason, ...]
    measures: Mapping[str, float]
    sightings: tuple[PlacedSighting, ...]
    evidence: tuple[EvidenceFile, ...]
    model: str
    sequence: int = 0
    recurrence_of: UUID | None = None
    merged_into: UUID | None = None


def incident_id_of(sighting_id: UUID) -> UUID:
    """Id of the incident that a sighting founds: derived, so that a re-send is the same."""
    return uuid5(INCIDENT_NAMESPACE, str(sighting_id))


def event_id_of(incident_id: UUID, kind: EventKind, cause: str) -> UUID:
    """Id of an event: derived from the incident, what happened and what caused it."""
    return uuid5(incident_id, f"{kind}/{cause}")
