"""Server-sent events: one poller per process reads the changes, every open page gets its share.

An event's id is "<outbox id>.<feed id>", so a page that reconnects with Last-Event-ID gets what
it missed; when that is no longer kept it gets one `reset` and loads afresh.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine

from api.metrics import ApiMetrics
from pipeline.ledger.database import reading
from pipeline.ledger.tables import OutboxRow
from pipeline.status import feed

_QUEUE = 500
_BATCH = 500
_REPLAY = 2_000
_REREAD = 64
"""Rows before the newest one are read again: PostgreSQL may commit lower numbers later."""
_log = structlog.get_logger("api.live")


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a reader has come in both tables."""

    outbox: int
    feed: int

    def __str__(self) -> str:
        return f"{self.outbox}.{self.feed}"

    def back(self) -> Mark:
        """A little earlier, to catch rows that committed late."""
        return Mark(max(0, self.outbox - _REREAD), max(0, self.feed - _REREAD))

    @staticmethod
    def parse(text: str | None) -> Mark | None:
        """The mark of a Last-Event-ID; None when it is not one of ours."""
        first, _, second = (text or "").partition(".")
        if not (first.isdecimal() and second.isdecimal()) or len(first) > 18 or len(second) > 18:
            return None
        return Mark(int(first), int(second))


@dataclass(frozen=True, slots=True)
class Change:
    """One row of a table: name, payload, and the cell and camera that decide who hears of it."""

    key: tuple[str, int]
    name: str
    data: dict[str, Any]
    grid_cell: str | None
    camera_id: str


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """A change and the mark that is reached with it."""

    mark: Mark
    change: Change

    def text(self) -> str:
        """The event as it goes over the wire."""
        body = json.dumps(self.change.data, ensure_ascii=False, separators=(",", ":"))
        return f"id: {self.mark}\nevent: {self.change.name}\ndata: {body}\n\n"


class Live:
    """Polls the database and feeds bounded queues; a full queue closes its stream."""

    def __init__(self, engine: Engine, metrics: ApiMetrics) -> None:
        self._engine = engine
        self._metrics = metrics
        self._queues: set[asyncio.Queue[LiveEvent | None]] = set()
        self._mark: Mark | None = None
        self._seen: set[tuple[str, int]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def poll(self) -> None:
        """Read the changes once and hand them out."""
        self._loop = asyncio.get_running_loop()
        if self._mark is None:
            self._mark = await asyncio.to_thread(self._start)
            return
        events = await asyncio.to_thread(self._fresh, self._mark)
        for event in events:
            self._mark = event.mark
            for queue in tuple(self._queues):
                self._offer(queue, event)

    def close_soon(self) -> None:
        """End all streams, from any thread or signal handler."""
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.close)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for queue in tuple(self._queues):
            self._end(queue)

    async def stream(self, after: Mark | None) -> AsyncGenerator[LiveEvent | None, None]:
        """Events after a mark, then live ones; ends when the reader falls behind.

        Yields None first when what was missed is no longer kept.
        """
        queue: asyncio.Queue[LiveEvent | None] = asyncio.Queue(_QUEUE)
        self._queues.add(queue)
        self._metrics.live_clients.inc()
        sent: set[tuple[str, int]] = set()
        try:
            if after is not None:
                missed = await asyncio.to_thread(self._missed, after)
                if missed is None:
                    yield None
                for early in missed or ():
                    sent.add(early.change.key)
                    yield early
            while not self._closed and (event := await queue.get()) is not None:
                if event.change.key not in sent:
                    yield event
        finally:
            self._queues.discard(queue)
            self._metrics.live_clients.dec()

    async def newest(self) -> Mark:
        """The mark of now."""
        if self._mark is None:
            self._mark = await asyncio.to_thread(self._start)
        return self._mark

    def _offer(self, queue: asyncio.Queue[LiveEvent | None], event: LiveEvent) -> None:
        try:
            queue.put_nowait(event)
        except asyncio.QueueFull:
            self._metrics.live_dropped.inc()
            _log.warning("live_reader_too_slow")
            self._end(queue)

    def _end(self, queue: asyncio.Queue[LiveEvent | None]) -> None:
        self._queues.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def _newest(self) -> Mark:
        with reading(self._engine) as session:
            outbox = session.execute(sa.select(sa.func.max(OutboxRow.outbox_id))).scalar()
            changes = session.execute(sa.select(sa.func.max(feed.c.id))).scalar()
        return Mark(outbox or 0, changes or 0)

    def _start(self) -> Mark:
        newest = self._newest()
        self._seen = {change.key for change in self._changes(newest.back(), 2 * _REREAD)}
        return newest

    def _fresh(self, mark: Mark) -> list[LiveEvent]:
        """New rows, those that committed late included."""
        changes = self._changes(mark.back(), _BATCH)
        fresh = [change for change in changes if change.key not in self._seen]
        events = _marked(fresh, mark)
        newest = events[-1].mark.back() if events else mark.back()
        self._seen |= {change.key for change in fresh}
        self._seen = {
            (table, number)
            for table, number in self._seen
            if number > (newest.outbox if table == "outbox" else newest.feed)
        }
        return events

    def _missed(self, after: Mark) -> list[LiveEvent] | None:
        newest = self._newest()
        with reading(self._engine) as session:
            oldest = session.execute(sa.select(sa.func.min(OutboxRow.outbox_id))).scalar()
            oldest_feed = session.execute(sa.select(sa.func.min(feed.c.id))).scalar()
        ours = after.outbox <= newest.outbox and after.feed <= newest.feed
        kept = (oldest is None or oldest <= after.outbox + 1) and (
            oldest_feed is None or oldest_feed <= after.feed + 1
        )
        changes = self._changes(after, _REPLAY + 1) if ours and kept else []
        if not (ours and kept) or len(changes) > _REPLAY:
            return None
        return _marked(changes, after)

    def _changes(self, after: Mark, limit: int) -> list[Change]:
        """Rows of both tables after a mark, by time."""
        columns = (OutboxRow.outbox_id, OutboxRow.fields, OutboxRow.created_at)
        changes = sa.select(*columns).where(OutboxRow.outbox_id > after.outbox)
        others = sa.select(feed).where(feed.c.id > after.feed).order_by(feed.c.id)
        with reading(self._engine) as session:
            outbox = session.execute(changes.order_by(OutboxRow.outbox_id).limit(limit)).all()
            fed = session.execute(others.limit(limit)).all()
        merged = [(row.created_at.timestamp(), _of_outbox(row)) for row in outbox]
        merged += [(row.at, _of_feed(row)) for row in fed]
        return [change for _, change in sorted(merged, key=lambda pair: pair[0])]


def _marked(changes: list[Change], mark: Mark) -> list[LiveEvent]:
    """Changes as events; each carries the mark that is reached with it."""
    events = []
    for change in changes:
        table, number = change.key
        if table == "outbox":
            mark = Mark(max(mark.outbox, number), mark.feed)
        else:
            mark = Mark(mark.outbox, max(mark.feed, number))
        events.append(LiveEvent(mark, change))
    return events


def _of_outbox(row: Any) -> Change:
    fields = row.fields
    incident = json.loads(fields["event"]).get("data", {})
    data = {
        "incident_id": fields["incident_id"],
        "type": fields["incident_type"],
        "camera_id": fields["camera"],
        "severity": int(fields["severity"]),
        "phase": fields["phase"],
        "review": incident.get("review"),
        "state": incident.get("state"),
        "by": (incident.get("detail") or {}).get("by"),
        "at": fields["time"],
    }
    key = ("outbox", row.outbox_id)
    return Change(key, "incident", data, fields["grid_cell"] or None, fields["camera"])


def _of_feed(row: Any) -> Change:
    data = {"subject": row.subject, **row.body}
    camera = row.subject.partition("/")[0]
    return Change(("feed", row.id), row.kind.replace(".", "_"), data, row.grid_cell, camera)
