"""Who holds an eagle-eye's head by hand: said in the page, obeyed by the patrol within seconds.

No video code is imported here. Times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from pipeline.ledger.database import reading
from pipeline.ledger.tables import Base

head_holds = sa.Table(
    "head_hold",
    Base.metadata,
    sa.Column("camera_id", sa.String(64), primary_key=True),
    sa.Column("held_by", sa.String(64), nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)
"""One row for each camera whose head is or was in hand; one that is over counts for nothing."""


@dataclass(frozen=True, slots=True)
class HeadHold:
    """A head in somebody's hand, until it is given back or the time is over."""

    camera_id: str
    held_by: str
    until: float


class HeadHeld(Exception):
    """Somebody else holds the head.

    Attributes:
        hold: Who, and until when.
    """

    def __init__(self, hold: HeadHold) -> None:
        super().__init__(f"the head of {hold.camera_id} is in the hand of {hold.held_by}")
        self.hold = hold


def take_head(session: Session, wanted: HeadHold, now: float) -> None:
    """Take a head, or hold it for longer, in the caller's write transaction.

    Raises:
        HeadHeld: Somebody else holds it.
        LedgerRefused: At the end of the transaction, when somebody else was faster by a moment.
    """
    held = held_heads(session, now).get(wanted.camera_id)
    if held is not None and held.held_by != wanted.held_by:
        raise HeadHeld(held)
    same = head_holds.c.camera_id == wanted.camera_id
    mine_or_over = sa.or_(head_holds.c.held_by == wanted.held_by, head_holds.c.until <= now)
    values = {"held_by": wanted.held_by, "until": wanted.until}
    change = head_holds.update().where(same, mine_or_over).values(values)
    if session.execute(change.returning(head_holds.c.camera_id)).first() is None:
        session.execute(head_holds.insert().values(camera_id=wanted.camera_id, **values))


def give_head_back(session: Session, camera_id: str) -> None:
    """The tour goes on, in the caller's write transaction."""
    session.execute(head_holds.delete().where(head_holds.c.camera_id == camera_id))


def held_heads(session: Session, now: float) -> dict[str, HeadHold]:
    """All heads in hand now, by camera."""
    rows = session.execute(sa.select(head_holds).where(head_holds.c.until > now))
    return {row.camera_id: HeadHold(row.camera_id, row.held_by, row.until) for row in rows}


def heads_in_hand(engine: Engine, now: float) -> dict[str, HeadHold]:
    """The same in a transaction of its own."""
    with reading(engine) as session:
        return held_heads(session, now)
