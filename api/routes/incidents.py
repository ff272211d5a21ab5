"""Incidents: list, one, verdicts, comments."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic_core import to_json

from api import present
from api.dependencies import Client, Judge, Reader, Wired, language_of
from api.errors import ApiError
from api.shapes.incidents import (
    BulkIn,
    BulkOut,
    IncidentDetail,
    IncidentPage,
    IncidentQuery,
    VerdictIn,
    VerdictOut,
)
from api.store.audit import Act
from api.store.filters import IncidentFilter
from api.store.paging import Page
from api.store.verdicts import Verdict

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=8, max_length=100, pattern=r"^[\x21-\x7e]+$"),
]


@router.get("", response_model=IncidentPage)
def list_incidents(
    wired: Wired, principal: Reader, query: Annotated[IncidentQuery, Query()]
) -> Response:
    """Incidents in the caller's areas, newest or most urgent first, by cursor."""
    page = Page(query.order, query.limit, query.cursor)
    rows, cursor = wired.incidents.find(principal, filter_of(query), page)
    items = present.summaries(wired, principal, rows)
    return _json({"items": items, "next_cursor": cursor})


def _json(body: dict[str, Any]) -> Response:
    """The list is asked most of all: written at once, without checking it against its model.

    `tests/integration/api/test_schema.py` checks it instead.
    """
    return Response(to_json(body), media_type="application/json")


def filter_of(query: IncidentQuery) -> IncidentFilter:
    """The store's filter of a query."""
    return IncidentFilter(
        types=query.type,
        states=query.state,
        reviews=query.review,
        cameras=query.camera,
        grid=query.grid,
        since=query.since,
        until=query.until,
        text=query.text,
        severity_min=query.severity_min,
        assigned_to=query.assigned_to,
        merged=query.merged,
    )


@router.get("/{incident_id}", response_model=IncidentDetail)
def get_incident(
    request: Request, wired: Wired, principal: Reader, client: Client, incident_id: UUID
) -> dict[str, Any]:
    """One incident: sightings, trace in plain words, evidence, history, neighbours."""
    row = wired.incidents.one(principal, incident_id)
    wired.views.note(Act(principal.username, "incident.view", str(incident_id), None, client))
    return present.detail(wired, principal, row, language_of(request, principal))


@router.post(
    "/{incident_id}/verdicts",
    response_model=VerdictOut,
)
def judge_incident(
    wired: Wired,
    principal: Judge,
    client: Client,
    incident_id: UUID,
    verdict: VerdictIn,
    key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Accept, reject, reopen, merge, split, assign or comment.

    409: somebody was faster; the body says who (`by`) and what (`review`, `reason`, `version`).
    """
    wanted = Verdict(
        action=verdict.action,
        version=verdict.version,
        reason=verdict.reason,
        comment=verdict.comment,
        into=verdict.into,
        sightings=verdict.sightings,
        assignee=verdict.assignee,
        key=key,
        client=client,
    )
    done = wired.verdicts.apply(principal, incident_id, wanted)
    if not done["replayed"]:
        wired.metrics.verdicts.labels(verdict.action).inc()
    return done


@router.post(
    "/bulk-verdicts",
    response_model=BulkOut,
    responses={207: {"model": BulkOut, "description": "Some of them fell."}},
)
def judge_many(
    wired: Wired,
    principal: Judge,
    client: Client,
    bulk: BulkIn,
    response: Response,
    key: IdempotencyKey = None,
) -> dict[str, Any]:
    """One verdict over up to 200 incidents; each stands or falls by itself (207 if some fell)."""
    results = []
    for item in bulk.items:
        wanted = Verdict(
            action=bulk.action,
            version=item.version,
            reason=bulk.reason,
            comment=bulk.comment,
            key=f"{key}/{item.incident_id}"[:100] if key else None,
            client=client,
        )
        try:
            done = wired.verdicts.apply(principal, item.incident_id, wanted)
        except ApiError as error:
            failed = {"status": error.status, "detail": error.detail}
            results.append({"incident_id": item.incident_id, **failed})
        else:
            fine = {"status": 200, "detail": done["review"], "version": done["version"]}
            results.append({"incident_id": item.incident_id, **fine})
            wired.metrics.verdicts.labels(bulk.action).inc()
    if any(result["status"] != 200 for result in results):
        response.status_code = 207
    return {"results": results}
