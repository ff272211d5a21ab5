"""Wires the review server: `create_app(settings)` is the one place that chooses implementations."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from fastapi import Depends, FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from api.answers import PROBLEMS, install_error_answers
from api.city_grid import CityGrid
from api.dependencies import refuse_unknown_parameters
from api.lanes import Lanes
from api.live import Live
from api.metrics import ApiMetrics
from api.routes import (
    cameras,
    events,
    evidence,
    heads,
    incidents,
    oidc,
    pages,
    people,
    reports,
    zones,
)
from api.security.gate import Gate, GateTimes
from api.security.headers import Border
from api.security.limits import RateLimit
from api.security.oidc import Oidc
from api.security.signing import Signer, load_secret
from api.services import Clock, Services
from api.settings import ApiSettings
from api.store.audit import AuditLog
from api.store.incidents import Incidents
from api.store.people import People
from api.store.statistics import Statistics
from api.store.verdicts import Verdicts
from api.store.views import ViewLog
from api.texts import Texts
from pipeline.ledger.database import migrate, open_engine
from pipeline.ledger.port import LedgerConfig
from pipeline.zone_store import ZoneStore

STATIC = Path(__file__).parent / "pages" / "static"
FIRST_LINK_S = 24 * 3600.0
_LAST_POLL_S = 10.0
_log = structlog.get_logger("api.app")

_ABOUT = """Incidents that the patrol found, and what people said about them.

Sign in at `/signin`, or send `Authorization: Bearer TOKEN`. Browsers repeat the CSRF token of
`GET /api/v1/me` as `X-CSRF-Token` on every unsafe request. Unknown query parameters are refused.
Times are RFC 3339 with a zone, coordinates WGS-84. Errors are RFC 9457 problem documents."""


def create_app(settings: ApiSettings, clock: Clock = time.time) -> FastAPI:
    """The review server as an ASGI application; migrates the database when it starts.

    Raises:
        pipeline.ledger.errors.LedgerError: The database URL is not understood.
    """
    services = wire(settings, clock)
    limit = RateLimit(settings.requests_per_minute, settings.requests_per_minute // 4, clock)
    border = Middleware(
        Border,
        limit=limit,
        metrics=services.metrics,
        knows=services.gate.knows,
        https=settings.secure_cookies,
    )
    app = FastAPI(
        title="SkyGrid review",
        version="1",
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        dependencies=[Depends(refuse_unknown_parameters)],
        responses=PROBLEMS,
        middleware=[border],
        lifespan=_lifespan,
    )
    app.state.services = services
    judging = (incidents, cameras, heads, zones, evidence, events)
    for module in (*judging, people, reports, pages, oidc):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    install_error_answers(app)
    app.state.query_names = _query_names(app)
    return app


def wire(settings: ApiSettings, clock: Clock = time.time) -> Services:
    """Open the store and build every service; migrates the database."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings.database_url)
    migrate(engine)
    people = People(engine)
    log = AuditLog(engine, clock)
    times = GateTimes(settings.session_hours * 3600.0, settings.idle_minutes * 60.0)
    metrics = ApiMetrics()
    signer = Signer(load_secret(settings.data_dir / "api.secret"))
    at_once = frozenset(settings.dispatch_at_once)
    ledger = LedgerConfig(site=settings.site_name, at_once=at_once)
    return Services(
        settings=settings,
        engine=engine,
        clock=clock,
        people=people,
        gate=Gate(people, log, times, clock),
        audit=log,
        views=ViewLog(engine, log, clock),
        incidents=Incidents(engine),
        verdicts=Verdicts(engine, ledger, log, clock),
        statistics=Statistics(engine, ZoneInfo(settings.timezone)),
        zones=ZoneStore(engine),
        signer=signer,
        metrics=metrics,
        live=Live(engine, metrics),
        texts=Texts(),
        lanes=Lanes(),
        grid=CityGrid.of(settings.grid),
        oidc=_provider(settings, signer, clock),
    )


def _provider(settings: ApiSettings, signer: Signer, clock: Clock) -> Oidc | None:
    if settings.oidc is None:
        return None
    back = f"{settings.public_url.rstrip('/')}/oidc/return"
    return Oidc(settings.oidc, back, signer, clock)


def first_link(services: Services) -> str | None:
    """A one-time link for the first administrator; None once there is one."""
    if services.people.count_administrators():
        return None
    given = services.settings.demo_link_token
    secret = services.people.add_link(
        None, services.clock() + FIRST_LINK_S, given.get_secret_value() if given else None
    )
    return f"{services.settings.public_url.rstrip('/')}/welcome/{secret}"


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    services.lanes.open()
    stop = asyncio.Event()
    poller = asyncio.create_task(_poll(services, stop), name="live-poller")
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait({poller}, timeout=_LAST_POLL_S)  # its thread may hold a connection
        poller.cancel()
        services.live.close()
        services.views.flush()
        services.engine.dispose()


async def _poll(services: Services, stop: asyncio.Event) -> None:
    """Read changes for open pages, write the noted views, measure the queue."""
    failing = False
    while not stop.is_set():
        try:
            await services.live.poll()
            await asyncio.to_thread(services.views.flush)
            pending = await asyncio.to_thread(services.incidents.count_pending)
            services.metrics.review_pending.set(pending)
            if failing:
                _log.info("store_answers_again")
            failing = False
        except Exception as error:  # the loop must outlive any trouble with the store
            if not failing:
                _log.error("store_does_not_answer", error=str(error))
            failing = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), services.settings.poll_s)


def _query_names(app: FastAPI) -> dict[tuple[str, str], set[str]]:
    """Query parameters by (method, path), taken from the OpenAPI document."""
    found: dict[tuple[str, str], set[str]] = {}
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            names = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
            found[(method.upper(), path)] = names
    return found
