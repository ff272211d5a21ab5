"""Append-only, hash-chained log of who did what: changing or dropping a row shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from api.store.schema import audit, audit_head
from pipeline.ledger.database import reading, writing

_GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody did.

    Attributes:
        actor: User name, or "-" when nobody is signed in.
        action: E.g. "sign_in", "verdict.accept", "evidence.view", "zones.save".
        subject: What it was done to, e.g. an incident's id.
        detail: Whatever else matters; no secrets.
        client: Address of the caller.
    """

    actor: str
    action: str
    subject: str = ""
    detail: Mapping[str, Any] | None = None
    client: str = ""


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What to look for; None does not filter. Times are Unix seconds."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: float | None = None
    until: float | None = None
    before_seq: int | None = None
    limit: int = 100


class AuditLog:
    """Appends, searches and verifies."""

    def __init__(self, engine: Engine, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._clock = clock

    def append(self, act: Act) -> None:
        """Append in a transaction of its own."""
        with writing(self._engine) as connection:
            self.append_in(connection, act)

    def append_in(self, connection: Session, act: Act) -> None:
        """Append in the caller's transaction, so that deed and log stand or fall together."""
        head = connection.execute(
            audit_head.update()
            .where(audit_head.c.id == 1)
            .values(seq=audit_head.c.seq + 1)
            .returning(audit_head.c.seq, audit_head.c.hash)
        ).first()
        if head is None:
            connection.execute(audit_head.insert().values(id=1, seq=1, hash=_GENESIS))
            seq, previous = 1, _GENESIS
        else:
            seq, previous = head
        row: dict[str, Any] = {
            "seq": seq,
            "at": round(self._clock(), 3),
            "actor": act.actor[:64],
            "action": act.action,
            "subject": act.subject[:200],
            "detail": json.dumps(dict(act.detail or {}), ensure_ascii=False, sort_keys=True),
            "client": act.client[:64],
            "previous": previous,
        }
        row["hash"] = row_hash(row)
        connection.execute(audit.insert().values(row))
        connection.execute(audit_head.update().where(audit_head.c.id == 1).values(hash=row["hash"]))

    def search(self, query: AuditQuery) -> list[dict[str, Any]]:
        """Matching rows, newest first."""
        statement = sa.select(audit).order_by(audit.c.seq.desc()).limit(query.limit)
        if query.actor:
            statement = statement.where(audit.c.actor == query.actor)
        if query.action:
            statement = statement.where(audit.c.action.startswith(query.action, autoescape=True))
        if query.subject:
            statement = statement.where(audit.c.subject.startswith(query.subject, autoescape=True))
        if query.since is not None:
            statement = statement.where(audit.c.at >= query.since)
        if query.until is not None:
            statement = statement.where(audit.c.at < query.until)
        if query.before_seq is not None:
            statement = statement.where(audit.c.seq < query.before_seq)
        with reading(self._engine) as connection:
            return [dict(row._mapping) for row in connection.execute(statement)]

    def first_broken(self) -> int | None:
        """Sequence number of the first row that does not fit the chain; None when all fit."""
        previous, expected = _GENESIS, 1
        with reading(self._engine) as connection:
            for row in connection.execute(sa.select(audit).order_by(audit.c.seq)):
                values = dict(row._mapping)
                fits = values["seq"] == expected and values["previous"] == previous
                if not fits or row_hash(values) != values["hash"]:
                    return expected
                previous, expected = values["hash"], expected + 1
            head = connection.execute(sa.select(audit_head.c.seq, audit_head.c.hash)).first()
        if head is not None and (head.seq != expected - 1 or head.hash != previous):
            return expected
        return None


def row_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 over the previous hash and every field, length-prefixed by JSON."""
    fields = ("seq", "at", "actor", "action", "subject", "detail", "client", "previous")
    text = json.dumps([row[name] for name in fields], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
