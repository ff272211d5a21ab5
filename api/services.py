"""Everything a request may need, wired once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from api.city_grid import CityGrid
from api.lanes import Lanes
from api.live import Live
from api.metrics import ApiMetrics
from api.security.gate import Gate
from api.security.oidc import Oidc
from api.security.signing import Signer
from api.settings import ApiSettings
from api.store.audit import AuditLog
from api.store.incidents import Incidents
from api.store.people import People
from api.store.statistics import Statistics
from api.store.verdicts import Verdicts
from api.store.views import ViewLog
from api.texts import Texts
from pipeline.zone_store import ZoneStore

Clock = Callable[[], float]
"""Unix seconds."""


@dataclass(frozen=True, slots=True)
class Services:
    """Wired by `api.app.create_app`, handed to requests by `api.dependencies`."""

    settings: ApiSettings
    engine: Engine
    clock: Clock
    people: People
    gate: Gate
    audit: AuditLog
    views: ViewLog
    incidents: Incidents
    verdicts: Verdicts
    statistics: Statistics
    zones: ZoneStore
    signer: Signer
    metrics: ApiMetrics
    live: Live
    texts: Texts
    lanes: Lanes
    grid: CityGrid
    oidc: Oidc | None = None
