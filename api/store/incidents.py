"""Finds incidents: pages of them, and one with all that belongs to it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from api.errors import NotFound, Refused
from api.security.principal import Principal
from api.store.filters import IncidentFilter, area_conditions, conditions
from api.store.paging import Page, after, cursor_after, order_keys
from api.store.schema import incident_review, review_actions
from pipeline.ledger.database import reading
from pipeline.ledger.tables import EvidenceRow, IncidentRow, SightingRow
from pipeline.status import cameras

Json = dict[str, Any]

_i = IncidentRow.__table__.c
_r = incident_review.c
_SUMMARY = (
    _i.incident_id,
    _i.type,
    _i.subtype,
    _i.state,
    _i.review,
    _i.review_version,
    _i.camera_id,
    _i.view_id,
    _i.zone_id,
    _i.lon,
    _i.lat,
    _i.sigma_major_m,
    _i.grid_cell,
    _i.started_at,
    _i.updated_at,
    _i.ended_at,
    _i.confidence,
    _i.severity,
    _i.measures,
    _i.model,
    _i.recurrence_of,
    _i.merged_into,
    _r.assigned_to,
    _r.decided_by,
    _r.decided_at,
    _r.reason,
)

_JOINED = IncidentRow.__table__.outerjoin(incident_review, _r.incident_id == _i.incident_id)
_NAMES = tuple(column.name for column in _SUMMARY)
_NAMES_S = 2.0


class Incidents:
    """Reads incidents within a caller's areas."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._names: tuple[float, dict[str, str]] = (-_NAMES_S, {})

    def find(
        self, principal: Principal, wanted: IncidentFilter, page: Page
    ) -> tuple[list[Json], str | None]:
        """(rows, cursor of the next page or None)."""
        if page.order == "urgent" and len(wanted.reviews) != 1:
            raise Refused("order=urgent must go with exactly one review state")
        keys = order_keys(page.order)
        with reading(self._engine) as session:
            found = sa.select(_i.incident_id)
            if wanted.assigned_to:
                found = found.join_from(IncidentRow.__table__, incident_review)
            found = found.where(
                *conditions(session, principal, wanted, self._camera_names(session))
            )
            if page.cursor:
                found = found.where(after(page.order, page.cursor))
            found = found.order_by(*(key.desc() for key in keys)).limit(page.limit + 1)
            query = sa.select(*_SUMMARY).select_from(_JOINED).where(_i.incident_id.in_(found))
            query = query.order_by(*(key.desc() for key in keys))
            rows = [dict(zip(_NAMES, row, strict=True)) for row in session.execute(query)]
            more = len(rows) > page.limit
            rows = rows[: page.limit]
            self._add_camera_names(session, rows)
            self._add_snapshots(session, rows)
        return rows, cursor_after(page.order, rows[-1]) if more else None

    def count_pending(self, principal: Principal | None = None) -> int:
        """Incidents that wait for a verdict."""
        query = sa.select(sa.func.count()).where(
            _i.review == "pending", _i.merged_into.is_(None), *area_conditions(principal)
        )
        with reading(self._engine) as session:
            return int(session.execute(query).scalar_one())

    def one(self, principal: Principal, incident_id: UUID) -> Json:
        """The incident with sightings, evidence, history, neighbours; raises NotFound."""
        with reading(self._engine) as session:
            row = self._row(session, principal, incident_id)
            row["sightings"] = _bodies(session, incident_id)
            row["evidence"] = _evidence(session, incident_id)
            row["history"] = _history(session, incident_id)
            row["neighbours"] = self._neighbours(session, principal, row)
        return row

    def guard(self, principal: Principal, incident_id: UUID) -> None:
        """Raise NotFound unless the caller may see the incident."""
        query = sa.select(_i.incident_id).where(
            _i.incident_id == incident_id, *area_conditions(principal)
        )
        with reading(self._engine) as session:
            if session.execute(query).first() is None:
                raise NotFound(f"there is no incident {incident_id}")

    def evidence_file(self, evidence_id: int) -> Json | None:
        """One file's record, None when there is none or retention took it."""
        table = EvidenceRow.__table__
        query = sa.select(table).where(
            table.c.evidence_id == evidence_id, table.c.removed_at.is_(None)
        )
        with reading(self._engine) as session:
            row = session.execute(query).first()
        return dict(row._mapping) if row else None

    def _row(self, session: Session, principal: Principal, incident_id: UUID) -> Json:
        query = (
            sa.select(*_SUMMARY, _i.reasons, _i.heading_deg, _i.sigma_minor_m, _i.area_m2)
            .select_from(_JOINED)
            .where(_i.incident_id == incident_id, *area_conditions(principal))
        )
        row = session.execute(query).first()
        if row is None:
            raise NotFound(f"there is no incident {incident_id}")
        found = dict(row._mapping)
        self._add_camera_names(session, [found])
        self._add_snapshots(session, [found])
        return found

    def _camera_names(self, session: Session) -> dict[str, str]:
        """Names by id, not older than two seconds."""
        at, names = self._names
        now = time.monotonic()
        if now - at > _NAMES_S:
            query = sa.select(cameras.c.camera_id, cameras.c.name)
            names = {row[0]: row[1] for row in session.execute(query)}
            self._names = (now, names)
        return names

    def _add_camera_names(self, session: Session, rows: Sequence[Json]) -> None:
        names = self._camera_names(session)
        for row in rows:
            row["camera_name"] = names.get(row["camera_id"]) or row["camera_id"]

    def _add_snapshots(self, session: Session, rows: Sequence[Json]) -> None:
        table = EvidenceRow.__table__
        wanted = ("snapshot", "clip", "clip_h264", "boxes")
        query = sa.select(table.c.incident_id, table.c.kind, table.c.evidence_id).where(
            table.c.incident_id.in_([row["incident_id"] for row in rows]),
            table.c.kind.in_(wanted),
            table.c.removed_at.is_(None),
        )
        files: dict[UUID, dict[str, int]] = {}
        for incident_id, kind, evidence_id in session.execute(query) if rows else ():
            files.setdefault(incident_id, {}).setdefault(kind, evidence_id)
        for row in rows:
            row["files"] = files.get(row["incident_id"], {})

    def _neighbours(self, session: Session, principal: Principal, row: Json) -> list[Json]:
        """Up to 12 others near in time (30 minutes) on the same camera or within about 150 m."""
        window = timedelta(minutes=30)
        near: sa.ColumnElement[bool] = _i.camera_id == row["camera_id"]
        if row["lon"] is not None:
            near = near | (
                _i.lon.between(row["lon"] - 0.0016, row["lon"] + 0.0016)
                & _i.lat.between(row["lat"] - 0.0014, row["lat"] + 0.0014)
            )
        query = (
            sa.select(*_SUMMARY)
            .select_from(_JOINED)
            .where(
                near,
                _i.started_at.between(row["started_at"] - window, row["started_at"] + window),
                _i.incident_id != row["incident_id"],
                _i.merged_into.is_(None),
                *area_conditions(principal),
            )
            .order_by(_i.started_at.desc())
            .limit(12)
        )
        found = [dict(other._mapping) for other in session.execute(query)]
        self._add_camera_names(session, found)
        self._add_snapshots(session, found)
        return found


def _bodies(session: Session, incident_id: UUID) -> list[Json]:
    table = SightingRow.__table__
    query = sa.select(table.c.body, table.c.place).where(table.c.incident_id == incident_id)
    rows = session.execute(query.order_by(table.c.started_at, table.c.sighting_id))
    return [{**row.body, "place": row.place} for row in rows]


def _evidence(session: Session, incident_id: UUID) -> list[Json]:
    table = EvidenceRow.__table__
    query = sa.select(table).where(table.c.incident_id == incident_id)
    rows = session.execute(query.where(table.c.removed_at.is_(None)).order_by(table.c.evidence_id))
    return [dict(row._mapping) for row in rows]


def _history(session: Session, incident_id: UUID) -> list[Json]:
    query = sa.select(review_actions).where(review_actions.c.incident_id == incident_id)
    rows = session.execute(query.order_by(review_actions.c.id))
    return [dict(row._mapping) for row in rows]
