"""Finds incidents: filters, keyset paging, one incident with all that belongs to it."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal

from api.errors import NotFound, Refused
from api.security.principal import Principal
from api.store.schema import incident_review, review_actions
from pipeline.ledger.database import reading
from pipeline.ledger.tables import EvidenceRow, IncidentRow, SightingRow
from pipeline.status import cameras

Json = dict[str, Any]
Order = Literal["urgent", "newest"]

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

_NAMES = tuple(column.name for column in _SUMMARY)
_NAMES_S = 2.0
_FEW = 20
"""Up to this many cameras their own index is quicker than reading the overview index."""


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents; empty or None does not filter.

    Attributes:
        types: Incident types.
        states: "open", "ended".
        reviews: "pending", "accepted", "rejected".
        cameras: Camera ids.
        grid: Prefix of the grid cell's code.
        since: Started at or after, aware; `until` is exclusive.
        text: Part of a camera's id or name, a zone, a comment, or the start of an id.
        severity_min: Least severity.
        assigned_to: User name.
        merged: Show those that another one swallowed.
    """

    types: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    reviews: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    grid: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    severity_min: int | None = None
    assigned_to: str | None = None
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Where to go on: `limit` rows after `cursor` in an order."""

    order: Order = "newest"
    limit: int = 50
    cursor: str | None = None


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
        keys = _order_keys(page.order)
        with reading(self._engine) as session:
            found = sa.select(_i.incident_id)
            if wanted.assigned_to:
                found = found.join_from(IncidentRow.__table__, incident_review)
            found = found.where(*self._conditions(session, principal, wanted))
            if page.cursor:
                found = found.where(_after(page.order, page.cursor))
            found = found.order_by(*(key.desc() for key in keys)).limit(page.limit + 1)
            query = sa.select(*_SUMMARY).select_from(_JOINED).where(_i.incident_id.in_(found))
            query = query.order_by(*(key.desc() for key in keys))
            rows = [dict(zip(_NAMES, row, strict=True)) for row in session.execute(query)]
            more = len(rows) > page.limit
            rows = rows[: page.limit]
            self._add_camera_names(session, rows)
            self._add_snapshots(session, rows)
        return rows, _cursor(page.order, rows[-1]) if more else None

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

    def _conditions(
        self, session: Session, principal: Principal, wanted: IncidentFilter
    ) -> list[sa.ColumnElement[bool]]:
        found = area_conditions(principal)
        by_camera = 0 < len(wanted.cameras) <= _FEW
        if wanted.cameras:
            cameras_in = _i.camera_id if by_camera else self._read(_i.camera_id)
            found.append(cameras_in.in_(wanted.cameras))
        for column, values in (
            (self._read(_i.type), wanted.types),
            (self._read(_i.state), wanted.states),
            (
                _i.review if wanted.reviews == ("pending",) else self._read(_i.review),
                wanted.reviews,
            ),
        ):
            if values:
                found.append(column.in_(values) if len(values) > 1 else column == values[0])
        if wanted.grid:
            found.append(self._read(_i.grid_cell).startswith(wanted.grid, autoescape=True))
        if wanted.since:
            found.append(_i.started_at >= wanted.since)
        if wanted.until:
            found.append(_i.started_at < wanted.until)
        if wanted.severity_min:
            found.append(self._read(_i.severity) >= wanted.severity_min)
        if wanted.assigned_to:
            found.append(_r.assigned_to == wanted.assigned_to)
        if not wanted.merged:
            found.append(self._read(_i.merged_into).is_(None))
        if wanted.text:
            found.append(self._text_condition(session, wanted.text.strip()))
        return found

    def _read(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """The column, not to be looked up by an index of its own.

        SQLite has no statistics: it would take any index that fits one filter and sort what it
        finds. Read like this, it walks the overview index in the order that is wanted.
        """
        return SqliteUnaryPlus(column) if self._engine.dialect.name == "sqlite" else column

    def _text_condition(self, session: Session, text: str) -> sa.ColumnElement[bool]:
        """Resolve the words in the small tables first, so that the big one is asked by index."""
        compact = text.replace("-", "").lower()
        found: list[sa.ColumnElement[bool]] = [self._read(_i.zone_id) == text]
        word = text.casefold()
        names = self._camera_names(session)
        ids = [
            key for key, name in names.items() if word in key.casefold() or word in name.casefold()
        ]
        if 0 < len(ids) <= _FEW:
            found = [_i.camera_id.in_(ids)]
        elif ids:
            found.append(self._read(_i.camera_id).in_(ids))
        commented = sa.select(_r.incident_id).where(
            _r.comments != sa.literal_column("''"), _r.comments.icontains(text, autoescape=True)
        )
        hits = session.execute(commented.limit(500)).scalars().all()
        if hits:
            found.append(_i.incident_id.in_(hits))
        if 4 <= len(compact) <= 32 and all(c in "0123456789abcdef" for c in compact):
            low, high = UUID(compact.ljust(32, "0")), UUID(compact.ljust(32, "f"))
            found.append(_i.incident_id.between(low, high))
        return sa.or_(*found)

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


class SqliteUnaryPlus(sa.ColumnElement[Any]):
    """`+column`: the same value, but no index is used for it (sqlite.org/optoverview.html)."""

    inherit_cache = True
    __visit_name__ = "sqlite_unary_plus"
    _traverse_internals: Any = [  # noqa: RUF012 - SQLAlchemy reads it from the class as it is
        ("column", InternalTraversal.dp_clauseelement)
    ]

    def __init__(self, column: sa.ColumnElement[Any]) -> None:
        self.column = column
        self.type = column.type


@compiles(SqliteUnaryPlus)
def _compile_unary_plus(element: SqliteUnaryPlus, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{compiler.process(element.column, **kw)}"


_JOINED = IncidentRow.__table__.outerjoin(incident_review, _r.incident_id == _i.incident_id)


def area_conditions(principal: Principal | None) -> list[sa.ColumnElement[bool]]:
    """What keeps a caller within their areas; an incident without a cell has its camera's."""
    if principal is None or not principal.areas:
        return []
    cells = [_i.grid_cell.startswith(area, autoescape=True) for area in principal.areas]
    of_cameras = sa.select(cameras.c.camera_id).where(
        sa.or_(*(cameras.c.grid_cell.startswith(a, autoescape=True) for a in principal.areas))
    )
    by_camera = _i.grid_cell.is_(None) & _i.camera_id.in_(of_cameras)
    return [sa.or_(*cells, by_camera)]


def _order_keys(order: Order) -> tuple[sa.ColumnElement[Any], ...]:
    newest = (_i.started_at, _i.incident_id)
    return (_i.severity, *newest) if order == "urgent" else newest


def _cursor(order: Order, row: Json) -> str:
    keys: list[Any] = [row["started_at"].isoformat(), row["incident_id"].hex]
    if order == "urgent":
        keys.insert(0, row["severity"])
    text = json.dumps([order, *keys], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _after(order: Order, cursor: str) -> sa.ColumnElement[bool]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        said, *keys = json.loads(base64.urlsafe_b64decode(padded.encode()))
        identity = UUID(keys.pop())
        started = datetime.fromisoformat(keys.pop()).astimezone(UTC)
        severity = int(keys.pop()) if order == "urgent" else 0
    except (ValueError, TypeError, IndexError, AttributeError, binascii.Error, OverflowError):
        raise Refused("cursor must be one that this list gave") from None
    if said != order or keys or not -(2**31) < severity < 2**31:
        raise Refused("cursor must be one that this list gave, in the same order")
    newer = sa.or_(
        _i.started_at < started, sa.and_(_i.started_at == started, _i.incident_id < identity)
    )
    if order == "newest":
        return sa.and_(_i.started_at <= started, newer)
    return sa.or_(_i.severity < severity, sa.and_(_i.severity == severity, newer))


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
