"""Statistics and their export, the audit log, health and metrics."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime
from starlette.responses import JSONResponse, Response

from api import present
from api.dependencies import (
    Auditor,
    Client,
    Exporter,
    Statistician,
    Wired,
    client_of,
    find_principal,
)
from api.errors import Forbidden, Refused
from api.routes.incidents import filter_of
from api.security.principal import Principal
from api.services import Services
from api.shapes.audit import AuditPage, AuditVerdict
from api.shapes.incidents import IncidentQuery
from api.shapes.statistics import StatisticsOut
from api.sheets import workbook
from api.store.audit import Act, AuditQuery
from api.store.paging import Page
from pipeline.ledger.database import reading

router = APIRouter()
Json = dict[str, Any]
MAX_ROWS = 50_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_COLUMNS = (
    "incident_id",
    "type",
    "subtype",
    "severity",
    "state",
    "review",
    "reason",
    "camera_id",
    "camera_name",
    "zone_id",
    "grid_cell",
    "lon",
    "lat",
    "started_at",
    "ended_at",
    "confidence",
    "decided_by",
    "decided_at",
    "model",
)


@router.get("/api/v1/statistics", tags=["statistics"], response_model=StatisticsOut)
async def get_statistics(
    wired: Wired,
    principal: Statistician,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> dict[str, Any]:
    """Counts by type, area, hour and weekday; precision; false alarms; time to a verdict."""
    end = until or datetime.fromtimestamp(wired.clock(), UTC)
    start = since or end - timedelta(days=30)
    if start >= end:
        raise Refused("since must be before until")
    return await wired.lanes.long(lambda: wired.statistics.of(principal, start, end))


@router.get(
    "/api/v1/exports/incidents.{form}",
    tags=["statistics"],
    response_class=Response,
    responses={
        200: {"content": {"text/csv": {}, XLSX: {}}, "description": "A table of incidents."}
    },
)
async def export_incidents(
    wired: Wired,
    principal: Exporter,
    client: Client,
    form: Literal["csv", "xlsx"],
    query: Annotated[IncidentQuery, Query()],
) -> Response:
    """Up to 50,000 incidents as CSV or XLSX; who exported what is in the audit log."""
    rows = await wired.lanes.long(lambda: _all_rows(wired, principal, query))
    told = {"rows": len(rows), "query": query.model_dump(mode="json", exclude_defaults=True)}
    act = Act(principal.username, f"export.{form}", "incidents", told, client)
    content = await wired.lanes.long(lambda: _exported(wired, act, form, rows))
    name = {"Content-Disposition": f'attachment; filename="incidents.{form}"'}
    kind = XLSX if form == "xlsx" else "text/csv; charset=utf-8"
    return Response(content, media_type=kind, headers=name)


def _all_rows(wired: Services, principal: Principal, query: IncidentQuery) -> list[Json]:
    rows: list[Json] = []
    cursor = None
    while len(rows) < MAX_ROWS:
        page = Page(query.order, 1000, cursor)
        found, cursor = wired.incidents.find(principal, filter_of(query), page)
        rows += found
        if cursor is None:
            break
    return rows[:MAX_ROWS]


def _exported(wired: Services, act: Act, form: str, rows: list[Json]) -> bytes:
    """The table as a file; it is in the audit log before it leaves."""
    table = [[_cell(row, name) for name in _COLUMNS] for row in rows]
    wired.audit.append(act)
    return workbook(_COLUMNS, table) if form == "xlsx" else _csv(table)


def _cell(row: Json, name: str) -> str | float | None:
    value = row.get(name)
    if name == "decided_at":
        value = present.at(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value if value is None or isinstance(value, int | float) else str(value)


def _csv(table: list[list[str | float | None]]) -> bytes:
    """UTF-8 with the mark that spreadsheets want; no cell can start a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in table:
        writer.writerow([_harmless(cell) for cell in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _harmless(cell: str | float | None) -> str | float | None:
    """A name like "=cmd()" must not run in a spreadsheet (OWASP, CSV injection)."""
    if isinstance(cell, str) and cell[:1] in "=+-@\t\r":
        return "'" + cell
    return cell


@router.get("/api/v1/audit", tags=["audit"], response_model=AuditPage)
def get_audit(
    wired: Wired,
    principal: Auditor,
    actor: Annotated[str | None, Query(max_length=64)] = None,
    action: Annotated[str | None, Query(max_length=64)] = None,
    subject: Annotated[str | None, Query(max_length=200)] = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Json:
    """Lines of the audit log, newest first; `action` and `subject` match by their start."""
    wired.views.flush()
    found = wired.audit.search(
        AuditQuery(
            actor=actor,
            action=action,
            subject=subject,
            since=since.timestamp() if since else None,
            until=until.timestamp() if until else None,
            before_seq=before,
            limit=limit,
        )
    )
    items = [present.audit_row(row) for row in found]
    return {"items": items, "next_before": found[-1]["seq"] if len(found) == limit else None}


@router.get("/api/v1/audit/verify", tags=["audit"], response_model=AuditVerdict)
async def verify_audit(wired: Wired, principal: Auditor) -> Json:
    """Whether no line of the audit log was changed, dropped or put in."""
    broken = await wired.lanes.long(wired.audit.first_broken)
    return {"intact": broken is None, "first_broken": broken}


@router.get("/healthz", tags=["operations"])
def get_health(wired: Wired) -> Response:
    """200 while the database answers, 503 otherwise."""
    try:
        with reading(wired.engine) as session:
            session.execute(sa.text("SELECT 1"))
    except Exception as error:
        body = {"status": "down", "reason": type(error).__name__}
        return JSONResponse(body, status_code=503)
    return JSONResponse({"status": "up"})


@router.get(
    "/metrics",
    tags=["operations"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus text."}},
)
async def get_metrics(request: Request, wired: Wired) -> Response:
    """Prometheus metrics: for this machine without signing in, else with `statistics:read`."""
    if client_of(request) not in ("127.0.0.1", "::1"):
        principal = await find_principal(request)
        if principal is None:
            raise Forbidden("metrics are for this machine, or for a token with statistics:read")
        principal.require("statistics:read")
    return Response(_metrics(wired), media_type="text/plain; version=0.0.4; charset=utf-8")


def _metrics(wired: Services) -> bytes:
    return wired.metrics.text()
