"""Headers on every answer, request ids, rate limit, body limit and the access log."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import TooMany
from api.metrics import ApiMetrics
from api.security.limits import RateLimit

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MAX_BODY = 1 << 20
_log = structlog.get_logger("api.access")


class Border:
    """The outermost layer: nothing comes in or goes out past it."""

    def __init__(
        self,
        app: ASGIApp,
        limit: RateLimit,
        metrics: ApiMetrics,
        knows: Callable[[str], bool],
        *,
        https: bool,
    ) -> None:
        self._app = app
        self._limit = limit
        self._metrics = metrics
        self._knows = knows
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500
        request_id = uuid.uuid4().hex[:16]

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._dress(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            refused = self._refused(scope)
            app = refused if refused is not None else self._app
            await app(scope, receive, send_with_headers)
        finally:
            self._record(scope, status, time.perf_counter() - started, request_id)

    def _refused(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit() or int(length) > MAX_BODY:
            body = {
                "title": "too large",
                "status": 413,
                "detail": f"say the length, at most {MAX_BODY}",
            }
            return JSONResponse(body, 413, media_type="application/problem+json")
        try:
            self._limit.take(self._caller(scope))
        except TooMany as error:
            body = {"title": error.title, "status": 429, "detail": error.detail}
            after = {"Retry-After": str(int(error.retry_after_s) + 1)}
            return JSONResponse(body, 429, after, media_type="application/problem+json")
        return None

    def _caller(self, scope: Scope) -> str:
        """The session or token when it was valid lately, so that colleagues behind one address
        do not starve each other; the address otherwise."""
        connection = HTTPConnection(scope)
        bearer = connection.headers.get("authorization", "").partition(" ")[2].strip()
        for secret in (bearer, *connection.cookies.values()):
            if secret and self._knows(secret):
                return secret
        return connection.client.host if connection.client else "-"

    def _dress(self, headers: MutableHeaders, request_id: str) -> None:
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("Cache-Control", "no-store")
        headers["X-Request-Id"] = request_id
        if self._https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")

    def _record(self, scope: Scope, status: int, took_s: float, request_id: str) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.request(scope["method"], route, status, took_s)
        _log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            took_ms=round(took_s * 1000, 1),
            user=scope.get("state", {}).get("username", "-"),
            request_id=request_id,
        )
