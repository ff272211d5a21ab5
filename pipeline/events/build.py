"""Builds the event of an incident: CloudEvents body plus the flat fields to filter by. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.events.dispatch import Dispatch, dispatch_of
from pipeline.events.message import (
    EVENT_TYPE_PREFIX,
    MAX_EVENT_BYTES,
    EvidenceMessage,
    IncidentEvent,
    IncidentMessage,
    PlaceMessage,
    ReasonMessage,
    SightingMessage,
)
from pipeline.ledger.codec import finite, time_text
from pipeline.ledger.types import EventKind, Incident, PlacedSighting, event_id_of
from pipeline.types import EvidenceFile, Place

_MOST = (50, 20, 5, 0)
"""How many sightings, files and reasons are listed; the first that fits 64 KiB is taken."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened to an incident.

    Attributes:
        kind: What.
        cause: What caused it, stable over re-sends, e.g. "<sighting_id>/3"; the event's id
            follows from the incident, the kind and this.
        at: Wall clock, aware UTC.
        detail: Of a verdict: who, reason, comment.
    """

    kind: EventKind
    cause: str
    at: datetime
    detail: Mapping[str, str] | None = None


def event_fields(
    source: str, incident: Incident, what: Occurrence, at_once: Collection[str] = ()
) -> dict[str, str]:
    """The fields of the stream entry: `event` holds the whole, the others are to filter by.

    Args:
        source: CloudEvents source, e.g. "/skygrid/futian".
        incident: After the change; its `sequence` is the event's.
        what: What happened.
        at_once: Types that go to dispatch before a person accepted them.
    """
    merged = incident.merged_into is not None
    dispatch = dispatch_of(incident.type, incident.review.value, at_once, merged=merged)
    for most in _MOST:
        event = _event(source, incident, what, dispatch, most)
        body = event.model_dump_json()
        if len(body.encode()) <= MAX_EVENT_BYTES:
            break
    place = incident.place
    return {
        "event": body,
        "type": event.type,
        "id": event.id,
        "source": source,
        "incident_id": str(incident.incident_id),
        "incident_type": incident.type,
        "camera": incident.view.camera_id,
        "view": incident.view.view_id,
        "zone": incident.zone_id,
        "severity": str(incident.severity),
        "phase": str(what.kind),
        "dispatch": dispatch,
        "time": time_text(what.at),
        "grid_cell": (place.grid_cell if place else None) or "",
    }


def _event(
    source: str, incident: Incident, what: Occurrence, dispatch: Dispatch, most: int
) -> IncidentEvent:
    camera = incident.view.camera_id
    clip = next((f for f in incident.evidence if f.kind in ("clip_h264", "clip")), None)
    cell = incident.place.grid_cell if incident.place else None
    return IncidentEvent(
        id=str(event_id_of(incident.incident_id, what.kind, what.cause)),
        source=source,
        type=f"{EVENT_TYPE_PREFIX}{what.kind}.v1",
        subject=f"{camera}/{incident.incident_id}",
        time=what.at,
        partitionkey=cell or camera,
        sequence=f"{incident.sequence:010d}",
        dataref=clip.path if clip else None,
        data=_incident(incident, what, dispatch, most),
    )


def _incident(
    incident: Incident, what: Occurrence, dispatch: Dispatch, most: int
) -> IncidentMessage:
    return IncidentMessage(
        incident_id=incident.incident_id,
        incident_type=incident.type,
        subtype=incident.subtype,
        state=incident.state.value,
        review=incident.review.value,
        phase=what.kind.value,
        dispatch=dispatch,
        camera=incident.view.camera_id,
        view=incident.view.view_id,
        zone=incident.zone_id,
        place=_place(incident.place),
        started_at=incident.started_at,
        confirmed_at=incident.confirmed_at,
        updated_at=incident.updated_at,
        ended_at=incident.ended_at,
        confidence=_unit(incident.confidence),
        severity=incident.severity,
        reasons=[
            ReasonMessage(code=r.code, weight=r.weight, detail=finite(r.detail))
            for r in incident.reasons[:most]
        ],
        measures=finite(incident.measures),
        model=incident.model,
        sightings=[_sighting(p) for p in incident.sightings[:most]],
        sightings_total=len(incident.sightings),
        evidence=[_evidence(f) for f in incident.evidence[:most]],
        evidence_total=len(incident.evidence),
        recurrence_of=incident.recurrence_of,
        merged_into=incident.merged_into,
        detail=dict(what.detail or {}),
    )


def _place(place: Place | None) -> PlaceMessage | None:
    if place is None:
        return None
    return PlaceMessage(
        lon=place.lon,
        lat=place.lat,
        sigma_m=place.sigma_m,
        heading_deg=place.heading_deg,
        grid_cell=place.grid_cell,
        area_m2=place.area_m2,
    )


def _sighting(placed: PlacedSighting) -> SightingMessage:
    seen = placed.sighting
    left, top, right, bottom = (_unit(value) for value in seen.xyxy_norm)
    return SightingMessage(
        sighting_id=seen.sighting_id,
        camera=seen.view.camera_id,
        view=seen.view.view_id,
        zone=seen.zone_id,
        box_norm=(left, top, right, bottom),
        started_at=seen.started_at,
        observed_at=seen.observed_at,
        ended_at=seen.ended_at,
        confidence=_unit(seen.confidence),
    )


def _unit(value: float) -> float:
    """Into 0..1: a box may stand out of the picture by a rounding error."""
    return min(1.0, max(0.0, float(value)))


def _evidence(file: EvidenceFile) -> EvidenceMessage:
    return EvidenceMessage(
        kind=file.kind,
        path=file.path,
        sha256=file.sha256,
        bytes=file.bytes,
        media_type=file.media_type,
    )
