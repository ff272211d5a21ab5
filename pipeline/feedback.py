"""A view's memory of false alarms: what operators rejected, where, for the patrol to unlearn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from pipeline.ledger.codec import box_of
from pipeline.ledger.database import reading
from pipeline.ledger.tables import Base
from pipeline.types import Box, ViewKey

verdicts = sa.Table(
    "view_verdict",
    Base.metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("incident_id", sa.Uuid, nullable=False, index=True),
    sa.Column("camera_id", sa.String(120), nullable=False),
    sa.Column("view_id", sa.String(120), nullable=False),
    sa.Column("zone_id", sa.String(120), nullable=False),
    sa.Column("type", sa.String(40), nullable=False),
    sa.Column("xyxy_norm", sa.JSON, nullable=False),
    sa.Column("verdict", sa.String(12), nullable=False),
    sa.Column("reason", sa.String(40)),
    sa.Column("at", sa.Float, nullable=False),
    sqlite_autoincrement=True,
)
"""One row per sighting of a judged incident; `at` is Unix seconds."""


@dataclass(frozen=True, slots=True)
class ViewVerdict:
    """What an operator said about one place of one view.

    Attributes:
        number: Grows with every verdict; the patrol asks for what came after the last it knows.
        view: Where.
        zone_id: Zone whose rule had claimed it.
        type: Incident type claimed.
        xyxy_norm: Place, 0..1 of the full frame.
        verdict: "accepted", "rejected", or "reopened", which takes the one before it back.
        reason: Of a rejection, e.g. "lawful", "not_there", "wrong_object".
        at: Unix seconds.
    """

    number: int
    view: ViewKey
    zone_id: str
    type: str
    xyxy_norm: Box
    verdict: str
    reason: str | None
    at: float


def remember(session: Session, rows: list[dict[str, Any]]) -> None:
    """Add verdicts in the caller's transaction; keys are the columns of `verdicts`."""
    if rows:
        session.execute(verdicts.insert(), rows)


class ViewMemory:
    """Reads the verdicts that a view should learn from."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def after(self, number: int, limit: int = 1000) -> tuple[ViewVerdict, ...]:
        """Verdicts after one that is known, oldest first; 0 for all."""
        query = sa.select(verdicts).where(verdicts.c.id > number).order_by(verdicts.c.id)
        with reading(self._engine) as session:
            return tuple(_verdict(row) for row in session.execute(query.limit(limit)))


def _verdict(row: sa.Row[Any]) -> ViewVerdict:
    return ViewVerdict(
        number=row.id,
        view=ViewKey(row.camera_id, row.view_id),
        zone_id=row.zone_id,
        type=row.type,
        xyxy_norm=box_of(row.xyxy_norm),
        verdict=row.verdict,
        reason=row.reason,
        at=row.at,
    )
