"""Rows to values and values to rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pipeline.ledger.codec import (
    finite,
    place_json,
    place_of,
    reasons_json,
    reasons_of,
    sighting_json,
    sighting_of,
)
from pipeline.ledger.tables import EvidenceRow, IncidentRow, SightingMessageRow, SightingRow
from pipeline.ledger.types import Incident, IncidentState, PlacedSighting, ReviewState
from pipeline.types import EvidenceFile, Place, Sighting, ViewKey


def fill_incident(row: IncidentRow, incident: Incident) -> None:
    """Write an incident's columns; `review_version` is the verdicts' own."""
    place = incident.place
    row.type, row.subtype = incident.type, incident.subtype
    row.state, row.review = incident.state.value, incident.review.value
    row.camera_id, row.view_id = incident.view.camera_id, incident.view.view_id
    row.zone_id = incident.zone_id
    row.lon, row.lat = (place.lon, place.lat) if place else (None, None)
    row.sigma_major_m, row.sigma_minor_m = place.sigma_m if place else (None, None)
    row.heading_deg = place.heading_deg if place else None
    row.grid_cell = place.grid_cell if place else None
    row.area_m2 = place.area_m2 if place else None
    row.started_at, row.confirmed_at = incident.started_at, incident.confirmed_at
    row.updated_at, row.ended_at = incident.updated_at, incident.ended_at
    row.confidence, row.severity = incident.confidence, incident.severity
    row.reasons, row.measures = list(reasons_json(incident.reasons)), finite(incident.measures)
    row.model, row.sequence = incident.model, incident.sequence
    row.recurrence_of, row.merged_into = incident.recurrence_of, incident.merged_into
    row.search_text = search_text(incident)


def search_text(incident: Incident) -> str:
    """What a text search looks through, lower case: names, zones, cells, ids of all sightings."""
    words = [incident.type, incident.subtype or "", str(incident.incident_id)]
    if incident.place and incident.place.grid_cell:
        words.append(incident.place.grid_cell)
    for placed in incident.sightings:
        words += [str(placed.sighting.view), placed.sighting.zone_id]
    return " ".join(dict.fromkeys(w for w in words if w)).lower()


def incident_of_rows(
    row: IncidentRow, sightings: Sequence[SightingRow], files: Sequence[EvidenceRow]
) -> Incident:
    """The incident of a row with its sightings and files."""
    return Incident(
        incident_id=row.incident_id,
        type=row.type,
        subtype=row.subtype,
        state=IncidentState(row.state),
        review=ReviewState(row.review),
        view=ViewKey(row.camera_id, row.view_id),
        zone_id=row.zone_id,
        place=_place(row),
        started_at=row.started_at,
        confirmed_at=row.confirmed_at,
        updated_at=row.updated_at,
        ended_at=row.ended_at,
        confidence=row.confidence,
        severity=row.severity,
        reasons=reasons_of(row.reasons),
        measures=row.measures,
        sightings=tuple(placed_of(s) for s in sightings),
        evidence=tuple(file_of(f) for f in files),
        model=row.model,
        sequence=row.sequence,
        recurrence_of=row.recurrence_of,
        merged_into=row.merged_into,
    )


def _place(row: IncidentRow) -> Place | None:
    if row.lon is None or row.lat is None:
        return None
    return Place(
        lon=row.lon,
        lat=row.lat,
        sigma_m=(row.sigma_major_m or 0.0, row.sigma_minor_m or 0.0),
        heading_deg=row.heading_deg or 0.0,
        grid_cell=row.grid_cell,
        area_m2=row.area_m2,
    )


def fill_sighting(row: SightingRow, sighting: Sighting, place: Place | None) -> None:
    """Write a sighting's columns; a message without a place keeps the known one."""
    row.sequence, row.phase = sighting.sequence, sighting.phase.value
    row.camera_id, row.view_id = sighting.view.camera_id, sighting.view.view_id
    row.type = sighting.type
    row.started_at, row.observed_at = sighting.started_at, sighting.observed_at
    row.body = sighting_json(sighting)
    if place is not None:
        row.place = place_json(place)


def placed_of(row: SightingRow) -> PlacedSighting:
    """A sighting's newest message and its place."""
    return PlacedSighting(sighting_of(row.body), place_of(row.place) if row.place else None)


def message_row(sighting: Sighting, recorded_at: datetime) -> SightingMessageRow:
    """The history row of one message."""
    return SightingMessageRow(
        sighting_id=sighting.sighting_id,
        sequence=sighting.sequence,
        phase=sighting.phase.value,
        observed_at=sighting.observed_at,
        confidence=sighting.confidence,
        severity=sighting.severity,
        xyxy_norm=list(sighting.xyxy_norm),
        measures=finite(sighting.measures),
        recorded_at=recorded_at,
    )


def file_of(row: EvidenceRow) -> EvidenceFile:
    """An evidence file's record."""
    return EvidenceFile(row.kind, row.path, row.sha256, row.bytes, row.media_type, row.start_s)
