"""The outbox on the database: events that wait to be published, and those published lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine, delete, func, select, update

from pipeline.ledger.database import reading, writing
from pipeline.ledger.port import Clock, utc_now
from pipeline.ledger.tables import OutboxRow


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """One event of the outbox.

    Attributes:
        number: Position; grows in the order of the changes of one incident type.
        event_id: The event's derived id.
        fields: Fields of the stream entry.
    """

    number: int
    event_id: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events wait, and since when the oldest does, None if none waits."""

    pending: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Recent:
    """Which published events may have been forgotten by a bus that restarted.

    Attributes:
        before_newest: Back from the newest published event: a bus loses what it took last,
            however long ago that was.
        at_most: Never older than this: less than the bus remembers message ids for, or a
            re-send would double them.
    """

    before_newest: timedelta = timedelta(hours=1)
    at_most: timedelta = timedelta(days=29)


class Outbox(Protocol):
    """Where the relay takes events from. All raise LedgerError."""

    def waiting(self, limit: int, after: int = 0) -> list[OutboxEvent]:
        """The oldest unpublished events with a number above `after`."""
        ...

    def lately_published(self, recent: Recent, limit: int, after: int = 0) -> list[OutboxEvent]:
        """Events published within `recent` with a number above `after`, oldest first."""
        ...

    def mark_published(self, numbers: Sequence[int]) -> None:
        """Note that these are in the stream; doing it twice is harmless."""
        ...

    def backlog(self) -> Backlog:
        """How much waits."""
        ...

    def prune(self, keep: timedelta, limit: int) -> int:
        """Delete up to `limit` events published longer ago than `keep`; returns how many."""
        ...


class SqlOutbox:
    """`Outbox` on the ledger's database."""

    def __init__(self, engine: Engine, clock: Clock = utc_now) -> None:
        self.engine = engine
        self.clock = clock

    def waiting(self, limit: int, after: int = 0) -> list[OutboxEvent]:
        """See `Outbox.waiting`."""
        wanted = (
            select(OutboxRow)
            .where(OutboxRow.published_at.is_(None), OutboxRow.outbox_id > after)
            .order_by(OutboxRow.outbox_id)
            .limit(limit)
        )
        with reading(self.engine) as session:
            return [_event(row) for row in session.scalars(wanted)]

    def lately_published(self, recent: Recent, limit: int, after: int = 0) -> list[OutboxEvent]:
        """See `Outbox.lately_published`."""
        newest = select(func.max(OutboxRow.published_at))
        with reading(self.engine) as session:
            last = session.scalar(newest)
            if last is None:
                return []
            since = max(last - recent.before_newest, self.clock() - recent.at_most)
            number = OutboxRow.outbox_id + 0  # keeps planners off the primary key's whole length
            wanted = (
                select(OutboxRow)
                .where(OutboxRow.published_at >= since, number > after)
                .order_by(number)
                .limit(limit)
            )
            return [_event(row) for row in session.scalars(wanted)]

    def mark_published(self, numbers: Sequence[int]) -> None:
        """See `Outbox.mark_published`."""
        if not numbers:
            return
        with writing(self.engine) as session:
            session.execute(
                update(OutboxRow)
                .where(OutboxRow.outbox_id.in_(numbers))
                .values(published_at=self.clock())
                .execution_options(synchronize_session=False)
            )

    def backlog(self) -> Backlog:
        """See `Outbox.backlog`."""
        wanted = select(func.count(), func.min(OutboxRow.outbox_id)).where(
            OutboxRow.published_at.is_(None)
        )
        with reading(self.engine) as session:
            pending, oldest = session.execute(wanted).one()
            row = session.get(OutboxRow, oldest) if oldest is not None else None
            return Backlog(int(pending), row.created_at if row else None)

    def prune(self, keep: timedelta, limit: int = 5_000) -> int:
        """See `Outbox.prune`."""
        old = (
            select(OutboxRow.outbox_id)
            .where(OutboxRow.published_at < self.clock() - keep)
            .order_by(OutboxRow.outbox_id)
            .limit(limit)
        )
        with writing(self.engine) as session:
            numbers = list(session.scalars(old))
            if numbers:
                session.execute(delete(OutboxRow).where(OutboxRow.outbox_id.in_(numbers)))
        return len(numbers)


def _event(row: OutboxRow) -> OutboxEvent:
    return OutboxEvent(row.outbox_id, str(row.event_id), row.fields)
