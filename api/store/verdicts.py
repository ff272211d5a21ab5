"""Writes what an operator decided: store, outbox, view's memory and audit in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from api.errors import Conflict, NotFound, Refused
from api.security.principal import Principal
from api.store.audit import Act, AuditLog
from api.store.filters import area_conditions
from api.store.regroup import merge_into, split_off
from api.store.schema import idempotency, incident_review, review_actions
from pipeline.events.build import Occurrence
from pipeline.feedback import remember
from pipeline.ledger import sql
from pipeline.ledger.database import writing
from pipeline.ledger.port import LedgerConfig
from pipeline.ledger.tables import IncidentRow
from pipeline.ledger.types import EventKind, Incident, ReviewState
from pipeline.status import append_feed

Action = Literal["accept", "reject", "reopen", "merge", "split", "assign", "comment"]
Json = dict[str, Any]

_REVIEWS: Mapping[str, tuple[ReviewState, EventKind]] = {
    "accept": (ReviewState.ACCEPTED, EventKind.ACCEPTED),
    "reject": (ReviewState.REJECTED, EventKind.REJECTED),
    "reopen": (ReviewState.PENDING, EventKind.REOPENED),
}
_SAYS_NOTHING_OF_THE_PLACE = ("duplicate", "test")
"""Rejections that must not make the view blind to the next happening there."""
_KEEP_KEYS_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an operator wants done.

    Attributes:
        action: See `Action`.
        version: `review_version` that the operator saw; not needed for a comment.
        reason: Of a rejection, one of `REJECT_REASONS`.
        comment: Free words.
        into: Incident that swallows this one, for a merge.
        sightings: Sightings that leave this incident, for a split.
        assignee: User name, or None to release, for an assignment.
        key: The caller's Idempotency-Key.
        client: The caller's address.
    """

    action: Action
    version: int | None = None
    reason: str | None = None
    comment: str = ""
    into: UUID | None = None
    sightings: tuple[UUID, ...] = ()
    assignee: str | None = None
    key: str | None = None
    client: str = ""


class Verdicts:
    """Applies verdicts; the second of two operators is refused and told who was first."""

    def __init__(
        self, engine: Engine, config: LedgerConfig, log: AuditLog, clock: Callable[[], float]
    ) -> None:
        self._engine = engine
        self._config = config
        self._log = log
        self._clock = clock

    def apply(self, who: Principal, incident_id: UUID, verdict: Verdict) -> Json:
        """Do it; returns {incident_id, review, version, action_id, …}.

        Raises:
            NotFound: No such incident in the caller's areas.
            Conflict: Somebody decided in between, or it was merged away.
            Refused: The verdict does not make sense.
        """
        asked = _digest(incident_id, verdict)
        with writing(self._engine) as session:
            if verdict.action in ("merge", "split"):
                self._lock_type(session, incident_id)
            row = self._row(session, who, incident_id)
            known = self._replay(session, who, verdict.key, asked)
            if known is not None:
                return {**known, "replayed": True}
            if verdict.action != "comment":
                self._guard_version(session, row, verdict)
            detail = self._perform(session, who, row, verdict)
            answer = self._write_down(session, who, row, verdict, detail)
            if verdict.key:
                self._keep(session, who, verdict.key, asked, answer)
        return {**answer, "replayed": False}

    def _lock_type(self, session: Session, incident_id: UUID) -> None:
        """Take the type's lock before any row's, as the patrol does, so that nobody waits for ever.

        An incident's type never changes, so it may be read before it is locked.
        """
        query = sa.select(IncidentRow.type).where(IncidentRow.incident_id == incident_id)
        incident_type = session.scalars(query).first()
        if incident_type is not None:
            sql.lock_type(session, incident_type)

    def _row(self, session: Session, who: Principal, incident_id: UUID) -> IncidentRow:
        query = sa.select(IncidentRow).where(
            IncidentRow.incident_id == incident_id, *area_conditions(who)
        )
        row = session.scalars(query.with_for_update()).first()
        if row is None:
            raise NotFound(f"there is no incident {incident_id}")
        return row

    def _guard_version(self, session: Session, row: IncidentRow, verdict: Verdict) -> None:
        if verdict.version is None:
            raise Refused(f"{verdict.action} must say the version that was seen")
        if row.merged_into is not None:
            detail = f"incident was merged into {row.merged_into}"
            raise Conflict(detail, {"merged_into": str(row.merged_into)})
        if row.review_version == verdict.version:
            return
        last = session.execute(
            sa.select(review_actions)
            .where(review_actions.c.incident_id == row.incident_id)
            .where(review_actions.c.action != "comment")
            .order_by(review_actions.c.id.desc())
            .limit(1)
        ).first()
        by = last.username if last else "-"
        raise Conflict(
            f"{by} was faster: the incident is {row.review} now",
            {
                "version": row.review_version,
                "review": row.review,
                "by": by,
                "action": last.action if last else None,
                "reason": last.reason if last else None,
                "at": last.at if last else None,
            },
        )

    def _perform(
        self, session: Session, who: Principal, row: IncidentRow, verdict: Verdict
    ) -> Json:
        if verdict.action in _REVIEWS:
            return self._review(session, who, row, verdict)
        if verdict.action == "merge":
            return self._merge(session, who, row, verdict)
        if verdict.action == "split":
            made = split_off(session, self._config, row, verdict.sightings, self._now())
            return {"into": [str(incident_id) for incident_id in made]}
        if verdict.action == "assign":
            row.review_version += 1
            return {"assignee": verdict.assignee}
        if not verdict.comment.strip():
            raise Refused("a comment must say something")
        return {}

    def _review(self, session: Session, who: Principal, row: IncidentRow, verdict: Verdict) -> Json:
        review, kind = _REVIEWS[verdict.action]
        if verdict.action == "reject" and verdict.reason is None:
            raise Refused("a rejection must give a reason")
        if row.review == review.value:
            raise Refused(f"the incident is {row.review} already")
        before = row.review
        sql.set_review(session, row.incident_id, review, row.review_version)
        incident = sql.load(session, row.incident_id)
        cause = f"verdict/{row.review_version}"
        told = {"by": who.username, "reason": verdict.reason or "", "comment": verdict.comment}
        what = Occurrence(kind, cause, self._now(), {k: v for k, v in told.items() if v})
        sql.announce(session, self._config, incident, what)
        remember(session, self._memories(incident, verdict))
        return {"before": before}

    def _memories(self, incident: Incident, verdict: Verdict) -> list[Json]:
        if verdict.reason in _SAYS_NOTHING_OF_THE_PLACE:
            return []
        verdict_name = {"accept": "accepted", "reject": "rejected"}.get(verdict.action, "reopened")
        return [
            {
                "incident_id": incident.incident_id,
                "camera_id": placed.sighting.view.camera_id,
                "view_id": placed.sighting.view.view_id,
                "zone_id": placed.sighting.zone_id,
                "type": placed.sighting.type,
                "xyxy_norm": list(placed.sighting.xyxy_norm),
                "verdict": verdict_name,
                "reason": verdict.reason,
                "at": self._clock(),
            }
            for placed in incident.sightings
        ]

    def _merge(self, session: Session, who: Principal, row: IncidentRow, verdict: Verdict) -> Json:
        if verdict.into is None or verdict.into == row.incident_id:
            raise Refused("a merge must name another incident to merge into")
        target = self._row(session, who, sql.standing(session, verdict.into))
        moved = merge_into(session, self._config, row, target, self._now())
        return {"into": str(target.incident_id), "sightings": [str(s) for s in moved]}

    def _write_down(
        self, session: Session, who: Principal, row: IncidentRow, verdict: Verdict, detail: Json
    ) -> Json:
        session.flush()
        now = self._clock()
        action = {
            "incident_id": row.incident_id,
            "at": now,
            "username": who.username,
            "action": verdict.action,
            "reason": verdict.reason if verdict.action == "reject" else None,
            "comment": verdict.comment.strip(),
            "detail": detail,
            "version": row.review_version,
        }
        number = session.execute(
            review_actions.insert().values(action).returning(review_actions.c.id)
        ).scalar_one()
        self._standing(session, who, row, verdict, now)
        if verdict.action in ("assign", "comment"):
            self._tell_pages(session, who, row, verdict)
        told = {"reason": action["reason"], **detail}
        subject = str(row.incident_id)
        act = Act(who.username, f"verdict.{verdict.action}", subject, told, verdict.client)
        self._log.append_in(session, act)
        return {
            "incident_id": subject,
            "review": row.review,
            "version": row.review_version,
            "action_id": number,
            "detail": detail,
        }

    def _tell_pages(
        self, session: Session, who: Principal, row: IncidentRow, verdict: Verdict
    ) -> None:
        """Let open pages hear of what makes no event for the world."""
        body = {"incident_id": str(row.incident_id), "action": verdict.action, "by": who.username}
        subject = f"{row.camera_id}/{row.incident_id}"
        append_feed(session, "review", subject, body, self._clock(), row.grid_cell)

    def _standing(
        self, session: Session, who: Principal, row: IncidentRow, verdict: Verdict, now: float
    ) -> None:
        """Keep `incident_review` up to date: who decided, who is assigned, all comments."""
        table = incident_review
        same = table.c.incident_id == row.incident_id
        known = session.execute(sa.select(table.c.comments).where(same)).first()
        values: Json = {}
        if verdict.action in ("accept", "reject"):
            values = {"decided_by": who.username, "decided_at": now, "reason": verdict.reason}
        elif verdict.action == "reopen":
            values = {"decided_by": None, "decided_at": None, "reason": None}
        elif verdict.action == "assign":
            values = {"assigned_to": verdict.assignee}
        if verdict.comment.strip():
            earlier = known.comments if known else ""
            values["comments"] = f"{earlier}\n{verdict.comment.strip()}".strip()
        if known is None:
            fresh = {"incident_id": row.incident_id, "comments": "", **values}
            session.execute(table.insert().values(fresh))
        elif values:
            session.execute(table.update().where(same).values(values))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _replay(self, session: Session, who: Principal, key: str | None, asked: str) -> Json | None:
        if not key:
            return None
        same = (idempotency.c.user_id == who.user_id) & (idempotency.c.key == key)
        found = session.execute(sa.select(idempotency).where(same)).first()
        if found is None:
            return None
        if found.request != asked:
            raise Refused("this Idempotency-Key was used for another request")
        return cast(Json, found.answer)

    def _keep(self, session: Session, who: Principal, key: str, asked: str, answer: Json) -> None:
        now = self._clock()
        session.execute(idempotency.delete().where(idempotency.c.at < now - _KEEP_KEYS_S))
        row = {"user_id": who.user_id, "key": key, "request": asked, "answer": answer, "at": now}
        session.execute(idempotency.insert().values(row))


def _digest(incident_id: UUID, verdict: Verdict) -> str:
    fields = [
        str(incident_id),
        verdict.action,
        verdict.version,
        verdict.reason,
        verdict.comment,
        str(verdict.into),
        sorted(map(str, verdict.sightings)),
        verdict.assignee,
    ]
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()
