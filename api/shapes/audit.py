"""The audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from api.shapes.base import Answer


class AuditRow(Answer):
    """One line of the audit log."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    client: str
    hash: str


class AuditPage(Answer):
    """Lines of the audit log, newest first."""

    items: list[AuditRow]
    next_before: int | None


class AuditVerdict(Answer):
    """Whether the chain holds."""

    intact: bool
    first_broken: int | None
