"""Merging two incidents into one and splitting one into two, in the caller's transaction.

The caller holds the type's lock (`pipeline.ledger.sql.lock_type`) from before its first row lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from api.errors import Conflict, Refused
from pipeline.events.build import Occurrence
from pipeline.ledger import rows, sql
from pipeline.ledger.fusion import Kept
from pipeline.ledger.port import LedgerConfig
from pipeline.ledger.tables import EvidenceRow, IncidentRow, SightingRow
from pipeline.ledger.types import EventKind, incident_id_of


def merge_into(
    session: Session, config: LedgerConfig, row: IncidentRow, target: IncidentRow, at: datetime
) -> list[UUID]:
    """Give all sightings and files of `row` to `target`; returns the sightings' ids."""
    if row.type != target.type:
        raise Refused(f"merged incidents must be of one type, got {row.type} and {target.type}")
    if target.incident_id == row.incident_id or target.merged_into is not None:
        raise Conflict("the incidents were merged already")
    moved = _move(session, row.incident_id, target.incident_id, None)
    row.merged_into = target.incident_id
    row.review_version += 1
    target.review_version += 1
    session.flush()
    session.expire_all()
    cause = f"merge/{row.incident_id}/{row.review_version}"
    gone = sql.load(session, row.incident_id)
    sql.announce(session, config, gone, Occurrence(EventKind.MERGED, cause, at))
    _recombine(session, config, target.incident_id, Occurrence(EventKind.UPDATED, cause, at))
    return moved


def split_off(
    session: Session,
    config: LedgerConfig,
    row: IncidentRow,
    sightings: Sequence[UUID],
    at: datetime,
) -> list[UUID]:
    """Let sightings leave an incident, each group with the id it would have had alone.

    A sighting that founded an incident which was merged gets that incident back.
    """
    table = SightingRow.__table__
    query = sa.select(table.c.sighting_id).where(table.c.incident_id == row.incident_id)
    own = set(session.scalars(query))
    leaving = set(sightings)
    if not leaving or not leaving < own:
        raise Refused(f"a split must name some, not all, of the {len(own)} sightings")
    founder = min(leaving, key=lambda s: (_founded(session, s, row.incident_id), str(s)))
    made = incident_id_of(founder)
    if made == row.incident_id:
        raise Refused("the sighting that founded the incident must stay")
    _found(session, config, made, row, leaving)
    _move(session, row.incident_id, made, leaving)
    row.review_version += 1
    session.flush()
    session.expire_all()
    cause = f"split/{row.incident_id}/{row.review_version}"
    _recombine(session, config, made, Occurrence(EventKind.STARTED, cause, at))
    _recombine(session, config, row.incident_id, Occurrence(EventKind.SPLIT, cause, at))
    return [made]


def _founded(session: Session, sighting_id: UUID, own: UUID) -> int:
    """Sort key: founders of merged incidents first, the incident's own founder last."""
    derived = incident_id_of(sighting_id)
    if derived == own:
        return 2
    return 0 if session.get(IncidentRow, derived) is not None else 1


def _found(
    session: Session, config: LedgerConfig, made: UUID, source: IncidentRow, leaving: set[UUID]
) -> None:
    known = session.get(IncidentRow, made)
    if known is not None:
        known.merged_into = None
        known.review_version += 1
    else:
        found = session.scalars(sa.select(SightingRow).where(SightingRow.sighting_id.in_(leaving)))
        fresh = config.combine(Kept(made), [rows.placed_of(s) for s in found])
        sql.save(session, fresh)
    session.flush()


def _move(session: Session, source: UUID, target: UUID, only: set[UUID] | None) -> list[UUID]:
    which = SightingRow.incident_id == source
    if only is not None:
        which = which & SightingRow.sighting_id.in_(only)
    moved = list(session.scalars(sa.select(SightingRow.sighting_id).where(which)))
    files = EvidenceRow.sighting_id.in_(moved)
    plain = {"synchronize_session": False}
    for change in (sa.update(SightingRow).where(which), sa.update(EvidenceRow).where(files)):
        session.execute(change.values(incident_id=target), execution_options=plain)
    return moved


def _recombine(session: Session, config: LedgerConfig, incident_id: UUID, what: Occurrence) -> None:
    """Compute the incident anew from the sightings that it has now, and announce it."""
    incident = sql.load(session, incident_id)
    fresh = config.combine(sql.kept_of(incident), incident.sightings)
    sql.announce(session, config, replace(fresh, evidence=incident.evidence), what)
