"""Serves /metrics and /healthz of a running patrol over HTTP (opens a socket)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

HealthReport = dict[str, Any]


class _QuietHandler(WSGIRequestHandler):
    timeout = 10.0

    def log_message(self, format: str, *args: Any) -> None:
        """Keep request lines out of the terminal."""


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Monitor:
    """HTTP server for operations; `health` is asked at every /healthz.

    /healthz answers 200 while `health()["status"]` is "ok" or "degraded", else 503.
    """

    def __init__(
        self,
        address: tuple[str, int],
        registry: CollectorRegistry,
        health: Callable[[], HealthReport],
    ) -> None:
        self._health = health
        self._metrics = make_wsgi_app(registry)
        self._server = make_server(
            address[0], address[1], self._answer, _ThreadingServer, _QuietHandler
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="monitor", daemon=True
        )

    @property
    def port(self) -> int:
        """The port in use, also when 0 was asked for."""
        return int(self._server.server_port)

    def __enter__(self) -> Monitor:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            page: Iterable[bytes] = self._metrics(environ, start_response)
            return page
        if path == "/healthz":
            report = self._health()
            code = (
                "200 OK"
                if report.get("status") in ("ok", "degraded")
                else "503 Service Unavailable"
            )
            start_response(code, [("Content-Type", "application/json")])
            return [json.dumps(report, default=str).encode()]
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"there are /metrics and /healthz\n"]
