"""Which incidents: a filter and a caller's areas, as conditions on the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal

from api.security.principal import Principal
from api.store.schema import incident_review
from pipeline.ledger.tables import IncidentRow
from pipeline.status import cameras

_i = IncidentRow.__table__.c
_r = incident_review.c
_FEW = 20
"""Up to this many cameras their own index is quicker than reading the overview index."""

Reading = Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]]
"""How a filter reads a column: plainly, or without an index of its own."""


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


def conditions(
    session: Session, principal: Principal, wanted: IncidentFilter, names: Mapping[str, str]
) -> list[sa.ColumnElement[bool]]:
    """What a filter asks for, within a caller's areas; `names` are those of the cameras by id."""
    read: Reading = SqliteUnaryPlus if session.get_bind().dialect.name == "sqlite" else _plainly
    found = area_conditions(principal)
    by_camera = 0 < len(wanted.cameras) <= _FEW
    if wanted.cameras:
        cameras_in = _i.camera_id if by_camera else read(_i.camera_id)
        found.append(cameras_in.in_(wanted.cameras))
    for column, values in (
        (read(_i.type), wanted.types),
        (read(_i.state), wanted.states),
        (_i.review if wanted.reviews == ("pending",) else read(_i.review), wanted.reviews),
    ):
        if values:
            found.append(column.in_(values) if len(values) > 1 else column == values[0])
    if wanted.grid:
        found.append(read(_i.grid_cell).startswith(wanted.grid, autoescape=True))
    if wanted.since:
        found.append(_i.started_at >= wanted.since)
    if wanted.until:
        found.append(_i.started_at < wanted.until)
    if wanted.severity_min:
        found.append(read(_i.severity) >= wanted.severity_min)
    if wanted.assigned_to:
        found.append(_r.assigned_to == wanted.assigned_to)
    if not wanted.merged:
        found.append(read(_i.merged_into).is_(None))
    if wanted.text:
        found.append(_text_condition(session, wanted.text.strip(), names, read))
    return found


def _text_condition(
    session: Session,
    text: str,
    names: Mapping[str, str],
    read: Reading,
) -> sa.ColumnElement[bool]:
    """Resolve the words in the small tables first, so that the big one is asked by index."""
    compact = text.replace("-", "").lower()
    found: list[sa.ColumnElement[bool]] = [read(_i.zone_id) == text]
    word = text.casefold()
    ids = [key for key, name in names.items() if word in key.casefold() or word in name.casefold()]
    if 0 < len(ids) <= _FEW:
        found = [_i.camera_id.in_(ids)]
    elif ids:
        found.append(read(_i.camera_id).in_(ids))
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


def _plainly(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column


class SqliteUnaryPlus(sa.ColumnElement[Any]):
    """`+column`: the same value, but no index is used for it (sqlite.org/optoverview.html).

    SQLite has no statistics: it would take any index that fits one filter and sort what it
    finds. Read like this, it walks the overview index in the order that is wanted.
    """

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
