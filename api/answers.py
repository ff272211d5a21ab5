"""Errors as answers: problem documents for machines, a redirect or a plain page for people."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.errors import ApiError, SignInRequired, TooMany
from pipeline.ledger.errors import LedgerUnavailable

PROBLEM = "application/problem+json"
_SCHEMA = {
    "type": "object",
    "required": ["title", "status"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "example": {"title": "not found", "status": 404, "detail": "there is no camera gate-9"},
}
_REFUSED = {"content": {PROBLEM: {"schema": _SCHEMA}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused; a problem document (RFC 9457) says why.", **_REFUSED},
    "503": {"description": "The store does not answer; try again.", **_REFUSED},
}
"""What every operation may answer instead, for the OpenAPI document."""
_log = structlog.get_logger("api.answers")


def install_error_answers(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(LedgerUnavailable, _store_down)
    app.add_exception_handler(Exception, _unexpected)


def problem(status: int, title: str, detail: str, **extra: object) -> JSONResponse:
    """An RFC 9457 problem document."""
    body = {"title": title, "status": status, "detail": detail, **extra}
    return JSONResponse(body, status, media_type=PROBLEM)


def _wants_page(request: Request) -> bool:
    is_page = not request.url.path.startswith(("/api/", "/evidence/", "/metrics", "/healthz"))
    return is_page and "text/html" in request.headers.get("accept", "")


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    if isinstance(error, SignInRequired) and _wants_page(request):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/signin?next={quote(here, safe='')}", 303)
    answer = problem(error.status, error.title, error.detail, **error.extra)
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(int(error.retry_after_s) + 1)
    if isinstance(error, SignInRequired):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


async def _invalid(request: Request, error: Exception) -> Response:
    """What is wrong and where, without repeating what was sent: it may be a password."""
    assert isinstance(error, RequestValidationError)
    found = [
        {"where": ".".join(str(part) for part in e["loc"]), "message": e["msg"]}
        for e in error.errors()
    ]
    detail = f"{found[0]['where']}: {found[0]['message']}" if found else "invalid"
    return problem(422, "unprocessable", detail, problems=found[:50])


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = problem(error.status_code, "error", str(error.detail))
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _store_down(request: Request, error: Exception) -> Response:
    _log.warning("store_unavailable", error=str(error))
    answer = problem(503, "store unavailable", "the store does not answer; try again")
    answer.headers["Retry-After"] = "2"
    return answer


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("unexpected_error", error=type(error).__name__, exc_info=error)
    return problem(500, "internal error", "something went wrong here; the log has more")
