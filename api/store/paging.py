"""Keyset paging through incidents: orders, and cursors that hold the last row's keys."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from api.errors import Refused
from pipeline.ledger.tables import IncidentRow

Json = dict[str, Any]
Order = Literal["urgent", "newest"]

_i = IncidentRow.__table__.c


@dataclass(frozen=True, slots=True)
class Page:
    """Where to go on: `limit` rows after `cursor` in an order."""

    order: Order = "newest"
    limit: int = 50
    cursor: str | None = None


def order_keys(order: Order) -> tuple[sa.ColumnElement[Any], ...]:
    """Columns by which an order sorts, each descending."""
    newest = (_i.started_at, _i.incident_id)
    return (_i.severity, *newest) if order == "urgent" else newest


def cursor_after(order: Order, row: Json) -> str:
    """The cursor of the page that follows a row."""
    keys: list[Any] = [row["started_at"].isoformat(), row["incident_id"].hex]
    if order == "urgent":
        keys.insert(0, row["severity"])
    text = json.dumps([order, *keys], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def after(order: Order, cursor: str) -> sa.ColumnElement[bool]:
    """What holds for the rows behind a cursor; raises Refused for one of another list."""
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
