"""What several writers of the ledger do in a transaction of their own: load, save, announce."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from pipeline.events.build import Occurrence, event_fields
from pipeline.ledger import rows
from pipeline.ledger.errors import UnknownIncident
from pipeline.ledger.fusion import Kept
from pipeline.ledger.port import LedgerConfig
from pipeline.ledger.tables import EvidenceRow, IncidentRow, OutboxRow, SightingRow
from pipeline.ledger.types import Incident, ReviewState, event_id_of

kept_of = Kept.of
"""For those who regroup sightings in a transaction of their own."""

_MAX_MERGES = 32
"""How long a chain of merged incidents is followed before it is called a loop."""


def lock_type(session: Session, incident_type: str) -> None:
    """Let one transaction at a time fuse an incident type; SQLite has its write lock already."""
    if session.get_bind().dialect.name == "postgresql":
        key = zlib.crc32(f"skygrid/{incident_type}".encode())
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def standing(session: Session, incident_id: UUID) -> UUID:
    """The incident that stands for this one: itself, or what it was merged into."""
    for _ in range(_MAX_MERGES):
        row = session.get(IncidentRow, incident_id)
        if row is None or row.merged_into is None:
            return incident_id
        incident_id = row.merged_into
    return incident_id


def load(session: Session, incident_id: UUID, *, to_change: bool = False) -> Incident:
    """An incident in the caller's transaction; UnknownIncident when there is none.

    Args:
        session: The caller's.
        incident_id: The incident.
        to_change: Hold its row, so that a verdict at the same time waits and numbers follow.
    """
    if to_change and session.get_bind().dialect.name == "postgresql":
        row = session.get(IncidentRow, incident_id, with_for_update=True, populate_existing=True)
    else:  # SQLite has one writer, and that is we
        row = session.get(IncidentRow, incident_id)
    if row is None:
        raise UnknownIncident(f"incident must exist, got {incident_id}")
    return load_all(session, [row])[0]


def load_all(session: Session, found: Sequence[IncidentRow]) -> list[Incident]:
    """Incidents of rows, in their order, with sightings and files: three queries in all."""
    ids = [row.incident_id for row in found]
    if not ids:
        return []
    sightings = session.scalars(
        select(SightingRow)
        .where(SightingRow.incident_id.in_(ids))
        .order_by(SightingRow.incident_id, SightingRow.started_at, SightingRow.sighting_id)
    ).all()
    files = session.scalars(
        select(EvidenceRow)
        .where(EvidenceRow.incident_id.in_(ids), EvidenceRow.removed_at.is_(None))
        .order_by(EvidenceRow.incident_id, EvidenceRow.evidence_id)
    ).all()
    seen = {key: list(group) for key, group in groupby(sightings, lambda s: s.incident_id)}
    kept = {key: list(group) for key, group in groupby(files, lambda f: f.incident_id)}
    return [
        rows.incident_of_rows(row, seen.get(row.incident_id, []), kept.get(row.incident_id, []))
        for row in found
    ]


def save(session: Session, incident: Incident) -> None:
    """Insert or update the incident's row in the caller's transaction."""
    row = session.get(IncidentRow, incident.incident_id)
    if row is None:
        row = IncidentRow(incident_id=incident.incident_id)
        session.add(row)
    rows.fill_incident(row, incident)


def announce(
    session: Session, config: LedgerConfig, incident: Incident, what: Occurrence
) -> Incident:
    """Number the event, save the incident and put the event into the outbox, in the caller's
    transaction; an event that is there already is not repeated. Returns the numbered incident."""
    event_id = event_id_of(incident.incident_id, what.kind, what.cause)
    if session.scalar(select(OutboxRow.outbox_id).where(OutboxRow.event_id == event_id)):
        return incident
    numbered = replace(incident, sequence=incident.sequence + 1)
    save(session, numbered)
    session.add(outbox_row(config, numbered, what))
    session.flush()
    return numbered


def outbox_row(config: LedgerConfig, numbered: Incident, what: Occurrence) -> OutboxRow:
    """The outbox row of an event of an incident that has the event's number already."""
    return OutboxRow(
        event_id=event_id_of(numbered.incident_id, what.kind, what.cause),
        incident_id=numbered.incident_id,
        fields=event_fields(config.source, numbered, what, config.at_once),
        created_at=config.clock(),
    )


def set_review(
    session: Session, incident_id: UUID, review: ReviewState, expected_version: int
) -> bool:
    """Set the verdict if nobody set one since `expected_version`; False when somebody did."""
    row = session.get(IncidentRow, incident_id, with_for_update=True)
    if row is None:
        raise UnknownIncident(f"incident must exist, got {incident_id}")
    if row.review_version != expected_version:
        return False
    row.review, row.review_version = review.value, expected_version + 1
    session.flush()
    return True
