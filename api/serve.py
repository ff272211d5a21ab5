"""Runs the review server with uvicorn until it is told to stop."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import structlog
import uvicorn

from api.app import create_app, first_link
from api.live import Live
from api.settings import ApiSettings

_log = structlog.get_logger("api.serve")
_GRACE_S = 5


def serve(settings: ApiSettings, on_ready: Callable[[str | None], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; open event streams are ended within five seconds.

    Args:
        settings: Where and what.
        on_ready: Called before the first request with the first administrator's one-time link,
            or None when there is an administrator. Prints the link when not given.
    """
    app = create_app(settings)
    (on_ready or _print_link)(first_link(app.state.services))
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=75,
    )
    _log.info("serving", url=settings.public_url, host=settings.host, port=settings.port)
    _Server(config, app.state.services.live).run()


class _Server(uvicorn.Server):
    """Ends open event streams as soon as it is told to stop; they would never end themselves."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by uvicorn on SIGINT and SIGTERM."""
        self._live.close_soon()
        super().handle_exit(sig, frame)


def _print_link(link: str | None) -> None:
    """The terminal is the one place where the link may be shown."""
    if link is not None:
        sys.stdout.write(f"First administrator, one-time link: {link}\n")
        sys.stdout.flush()
