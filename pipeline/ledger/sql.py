"""The ledger on a database: SQLite or PostgreSQL, one transaction per message."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Select, select
from sqlalchemy.orm import Session

from pipeline.events.build import Occurrence
from pipeline.ledger import rows
from pipeline.ledger.database import reading, writing
from pipeline.ledger.errors import UnknownSighting
from pipeline.ledger.fusion import Kept, check, events_between
from pipeline.ledger.port import METRES_PER_DEGREE, LedgerConfig
from pipeline.ledger.tables import (
    EvidenceRow,
    IncidentRow,
    SightingMessageRow,
    SightingRow,
)

# Those "as" the same name are also reached through this module.
from pipeline.ledger.transaction import announce as announce
from pipeline.ledger.transaction import kept_of as kept_of
from pipeline.ledger.transaction import load as load
from pipeline.ledger.transaction import load_all as load_all
from pipeline.ledger.transaction import lock_type as lock_type
from pipeline.ledger.transaction import outbox_row
from pipeline.ledger.transaction import save as save
from pipeline.ledger.transaction import set_review as set_review
from pipeline.ledger.transaction import standing as standing
from pipeline.ledger.types import EventKind, Incident, IncidentState
from pipeline.types import EvidenceFile, Phase, Place, Sighting, ViewKey


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
            told.append(outbox_row(self.config, after, what))
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
            policy = self.config.policy
            return None, Kept.founded_by(sighting, candidates, place, policy)
        incident = load(session, standing(session, chosen), to_change=True)
        return incident, Kept.of(incident)

    def _candidates(
        self, session: Session, sighting: Sighting, place: Place | None
    ) -> list[Incident]:
        """Incidents of the type, open or fresh, seen by a view that overlaps or placed near by.

        Each part is one seek in one index, so that it costs the same however many incidents
        there are.
        """
        since = sighting.started_at - self.config.join_window
        views = (sighting.view, *self.config.overlapping(sighting.view))
        parts = [part for view in views for part in _seen_by(view, sighting.type, since)]
        if place is not None:
            parts += self._near(place, sighting.type, since)
        most = self.config.max_candidates
        ids = {found for part in parts for found in session.scalars(part.limit(2 * most))}
        if not ids:
            return []
        standing_rows = select(IncidentRow).where(
            IncidentRow.incident_id.in_(ids), IncidentRow.merged_into.is_(None)
        )
        fitting = [
            row
            for row in session.scalars(standing_rows)
            if row.state == IncidentState.OPEN.value or row.updated_at >= since
        ]
        fitting.sort(key=lambda row: (row.updated_at, row.incident_id), reverse=True)
        return load_all(session, fitting[:most])

    def _near(self, place: Place, incident_type: str, since: datetime) -> list[Select[UUID]]:
        lat_deg = self.config.join_radius_m / METRES_PER_DEGREE
        lon_deg = lat_deg / max(0.01, math.cos(math.radians(place.lat)))
        near = select(IncidentRow.incident_id).where(
            IncidentRow.type == incident_type,
            IncidentRow.lat.between(place.lat - lat_deg, place.lat + lat_deg),
            IncidentRow.lon.between(place.lon - lon_deg, place.lon + lon_deg),
        )
        return [
            near.where(IncidentRow.state == IncidentState.OPEN.value),
            near.where(IncidentRow.updated_at >= since).order_by(IncidentRow.updated_at.desc()),
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

    def open_sightings(
        self, view: ViewKey, *, ended_since: datetime | None = None
    ) -> tuple[Sighting, ...]:
        """See `Ledger.open_sightings`."""
        wanted: ColumnElement[bool] = SightingRow.phase.in_(
            [Phase.STARTED.value, Phase.UPDATED.value]
        )
        if ended_since is not None:
            wanted |= SightingRow.observed_at >= ended_since
        query = (
            select(SightingRow)
            .where(
                SightingRow.camera_id == view.camera_id,
                SightingRow.view_id == view.view_id,
                wanted,
            )
            .order_by(SightingRow.started_at, SightingRow.sighting_id)
        )
        with reading(self.engine) as session:
            return tuple(rows.placed_of(row).sighting for row in session.scalars(query))


def _new_files(incident: Incident, files: Iterable[EvidenceFile]) -> list[EvidenceFile]:
    known = {f.path for f in incident.evidence}
    return [f for f in {f.path: f for f in files}.values() if f.path not in known]


def _seen_by(view: ViewKey, incident_type: str, since: datetime) -> list[Select[UUID]]:
    """Ids of incidents that the view sees now or saw lately."""
    seen = select(SightingRow.incident_id).where(
        SightingRow.camera_id == view.camera_id,
        SightingRow.view_id == view.view_id,
        SightingRow.type == incident_type,
    )
    return [
        seen.where(SightingRow.phase.in_([Phase.STARTED.value, Phase.UPDATED.value])),
        seen.where(SightingRow.observed_at >= since).order_by(SightingRow.observed_at.desc()),
    ]
