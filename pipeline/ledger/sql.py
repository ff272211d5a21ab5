"""The ledger on a database: SQLite or PostgreSQL, one transaction per message."""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, and_, exists, or_, select, text
from sqlalchemy.orm import Session

from pipeline.events.build import Occurrence, event_fields
from pipeline.ledger import rows
from pipeline.ledger.database import reading, writing
from pipeline.ledger.errors import UnknownIncident, UnknownSighting
from pipeline.ledger.fusion import Kept, check, events_between
from pipeline.ledger.port import METRES_PER_DEGREE, LedgerConfig
from pipeline.ledger.tables import (
    EvidenceRow,
    IncidentRow,
    OutboxRow,
    SightingMessageRow,
    SightingRow,
)
from pipeline.ledger.types import EventKind, Incident, IncidentState, ReviewState, event_id_of
from pipeline.types import EvidenceFile, Phase, Place, Sighting, ViewKey

kept_of = Kept.of
"""For those who regroup sightings in a transaction of their own."""

_MAX_MERGES = 32
"""How long a chain of merged incidents is followed before it is called a loop."""


class SqlLedger:
    """`Ledger` on an engine of `pipeline.ledger.database`; safe from several threads and
    processes. SQLite's one write lock, or PostgreSQL's advisory lock per incident type, makes
    fusion see every incident that could be the same happening."""

    def __init__(self, engine: Engine, config: LedgerConfig | None = None) -> None:
        self.engine = engine
        self.config = config or LedgerConfig()

    def record(
        self, sighting: Sighting, evidence: Sequence[EvidenceFile] = (), place: Place | None = None
    ) -> Incident:
        """See `Ledger.record`."""
        check(sighting)
        with writing(self.engine) as session:
            lock_type(session, sighting.type)
            if self._known(session, sighting):
                incident = self._incident_of(session, sighting.sighting_id, to_change=True)
                return self._attach(session, incident, sighting.sighting_id, evidence)
            session.add(rows.message_row(sighting, self.config.clock()))
            row = session.get(SightingRow, sighting.sighting_id)
            if row is not None and row.sequence > sighting.sequence:
                incident = self._incident_of(session, sighting.sighting_id, to_change=True)
                return self._attach(session, incident, sighting.sighting_id, evidence)
            return self._apply(session, row, sighting, evidence, place)

    def _known(self, session: Session, sighting: Sighting) -> bool:
        key = (sighting.sighting_id, sighting.sequence)
        return session.get(SightingMessageRow, key) is not None

    def _apply(
        self,
        session: Session,
        row: SightingRow | None,
        sighting: Sighting,
        evidence: Sequence[EvidenceFile],
        place: Place | None,
    ) -> Incident:
        """Take a message that is new and newest: place it, combine, announce."""
        before: Incident | None
        if row is None:
            before, kept = self._choose(session, sighting, place)
            row = SightingRow(sighting_id=sighting.sighting_id, incident_id=kept.incident_id)
        else:
            before = self._incident_of(session, sighting.sighting_id, to_change=True)
            kept = Kept.of(before)
            row.incident_id = kept.incident_id
        rows.fill_sighting(row, sighting, place)
        known = before.sightings if before else ()
        others = [p for p in known if p.sighting.sighting_id != sighting.sighting_id]
        after = self.config.combine(kept, [*others, rows.placed_of(row)])
        after = replace(after, evidence=(*after.evidence, *_new_files(after, evidence)))
        cause = f"{sighting.sighting_id}/{sighting.sequence}"
        told = []
        for kind in events_between(before, after):
            after = replace(after, sequence=after.sequence + 1)
            what = Occurrence(kind, cause, sighting.observed_at)
            told.append(_outbox_row(self.config, after, what))
        save(session, after)
        session.flush()  # the sighting refers to the incident
        session.add(row)
        session.add_all(told)
        session.flush()  # the files refer to the sighting
        self._store_files(session, after.incident_id, sighting.sighting_id, evidence)
        return after

    def _choose(
        self, session: Session, sighting: Sighting, place: Place | None
    ) -> tuple[Incident | None, Kept]:
        """The incident that a new sighting joins, or (None, what it founds)."""
        candidates = self._candidates(session, sighting, place)
        chosen = self.config.policy.decide(sighting, place, candidates)
        if chosen is None:
            return None, Kept.founded_by(sighting, candidates)
        incident = load(session, standing(session, chosen), to_change=True)
        return incident, Kept.of(incident)

    def _candidates(
        self, session: Session, sighting: Sighting, place: Place | None
    ) -> list[Incident]:
        """Incidents of the type, open or fresh, seen by a view that overlaps or placed near by."""
        since = sighting.started_at - self.config.join_window
        found = session.scalars(
            select(IncidentRow)
            .where(
                IncidentRow.type == sighting.type,
                IncidentRow.merged_into.is_(None),
                or_(IncidentRow.state == IncidentState.OPEN.value, IncidentRow.updated_at >= since),
                or_(self._seen_by(sighting.view), *self._near(place)),
            )
            .order_by(IncidentRow.updated_at.desc(), IncidentRow.incident_id)
            .limit(self.config.max_candidates)
        ).all()
        return load_all(session, found)

    def _seen_by(self, view: ViewKey) -> ColumnElement[bool]:
        pairs = [(v.camera_id, v.view_id) for v in (view, *self.config.overlapping(view))]
        return (
            exists()
            .where(
                SightingRow.incident_id == IncidentRow.incident_id,
                or_(
                    *(
                        and_(SightingRow.camera_id == camera, SightingRow.view_id == name)
                        for camera, name in pairs
                    )
                ),
            )
            .correlate(IncidentRow)
        )

    def _near(self, place: Place | None) -> list[ColumnElement[bool]]:
        if place is None:
            return []
        lat_deg = self.config.join_radius_m / METRES_PER_DEGREE
        lon_deg = lat_deg / max(0.01, math.cos(math.radians(place.lat)))
        return [
            and_(
                IncidentRow.lat.between(place.lat - lat_deg, place.lat + lat_deg),
                IncidentRow.lon.between(place.lon - lon_deg, place.lon + lon_deg),
            )
        ]

    def attach_evidence(self, sighting_id: UUID, files: Sequence[EvidenceFile]) -> Incident:
        """See `Ledger.attach_evidence`."""
        with writing(self.engine) as session:
            row = session.get(SightingRow, sighting_id)
            if row is None:
                raise UnknownSighting(f"sighting must have been recorded, got {sighting_id}")
            lock_type(session, row.type)
            incident = self._incident_of(session, sighting_id, to_change=True)
            return self._attach(session, incident, sighting_id, files)

    def _attach(
        self, session: Session, incident: Incident, sighting_id: UUID, files: Sequence[EvidenceFile]
    ) -> Incident:
        fresh = self._store_files(session, incident.incident_id, sighting_id, files)
        if not fresh:
            return incident
        incident = replace(incident, evidence=(*incident.evidence, *fresh))
        cause = "evidence/" + ",".join(sorted(f.sha256 for f in fresh))
        what = Occurrence(EventKind.UPDATED, cause, self.config.clock())
        return announce(session, self.config, incident, what)

    def _store_files(
        self, session: Session, incident_id: UUID, sighting_id: UUID, files: Sequence[EvidenceFile]
    ) -> list[EvidenceFile]:
        """Insert the files whose path is not known; returns those."""
        paths = [f.path for f in files]
        if not paths:
            return []
        known = set(session.scalars(select(EvidenceRow.path).where(EvidenceRow.path.in_(paths))))
        fresh = [f for f in {f.path: f for f in files}.values() if f.path not in known]
        for file in fresh:
            session.add(
                EvidenceRow(
                    incident_id=incident_id,
                    sighting_id=sighting_id,
                    kind=file.kind,
                    path=file.path,
                    sha256=file.sha256,
                    bytes=file.bytes,
                    media_type=file.media_type,
                    start_s=file.start_s,
                )
            )
        session.flush()
        return fresh

    def evidence_removed(self, paths: Collection[str], at: datetime) -> int:
        """See `Ledger.evidence_removed`."""
        gone, wanted = 0, sorted(paths)
        with writing(self.engine) as session:
            for start in range(0, len(wanted), 500):  # databases bound the number of parameters
                some = wanted[start : start + 500]
                for row in session.scalars(select(EvidenceRow).where(EvidenceRow.path.in_(some))):
                    gone += row.removed_at is None
                    row.removed_at = row.removed_at or at
        return gone

    def incident(self, incident_id: UUID) -> Incident:
        """See `Ledger.incident`."""
        with reading(self.engine) as session:
            return load(session, incident_id)

    def incident_of(self, sighting_id: UUID) -> Incident:
        """See `Ledger.incident_of`."""
        with reading(self.engine) as session:
            return self._incident_of(session, sighting_id)

    def _incident_of(
        self, session: Session, sighting_id: UUID, *, to_change: bool = False
    ) -> Incident:
        row = session.get(SightingRow, sighting_id)
        if row is None:
            raise UnknownSighting(f"sighting must have been recorded, got {sighting_id}")
        return load(session, standing(session, row.incident_id), to_change=to_change)

    def recent(self, limit: int = 50) -> tuple[Incident, ...]:
        """See `Ledger.recent`."""
        newest = select(IncidentRow).order_by(IncidentRow.updated_at.desc()).limit(limit)
        with reading(self.engine) as session:
            return tuple(load_all(session, session.scalars(newest).all()))

    def open_sightings(self, view: ViewKey) -> tuple[Sighting, ...]:
        """See `Ledger.open_sightings`."""
        wanted = (
            select(SightingRow)
            .where(
                SightingRow.camera_id == view.camera_id,
                SightingRow.view_id == view.view_id,
                SightingRow.phase != Phase.ENDED.value,
            )
            .order_by(SightingRow.started_at, SightingRow.sighting_id)
        )
        with reading(self.engine) as session:
            return tuple(rows.placed_of(row).sighting for row in session.scalars(wanted))


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
    session.add(_outbox_row(config, numbered, what))
    session.flush()
    return numbered


def _outbox_row(config: LedgerConfig, numbered: Incident, what: Occurrence) -> OutboxRow:
    return OutboxRow(
        event_id=event_id_of(numbered.incident_id, what.kind, what.cause),
        incident_id=numbered.incident_id,
        fields=event_fields(config.source, numbered, what),
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


def _new_files(incident: Incident, files: Iterable[EvidenceFile]) -> list[EvidenceFile]:
    known = {f.path for f in incident.evidence}
    return [f for f in {f.path: f for f in files}.values() if f.path not in known]
