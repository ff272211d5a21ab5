"""Opens what a patrol keeps things in: database, queue, evidence (touches disk and network)."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Engine

from models.detector import Detector
from pipeline.evidence.retention import Retention, RetentionConfig
from pipeline.evidence.store import EvidenceConfig, EvidenceStore
from pipeline.fusion.clocks import ClockWatch
from pipeline.fusion.fuse import fusing
from pipeline.ledger.database import migrate, open_engine
from pipeline.ledger.errors import UnknownIncident
from pipeline.ledger.outbox import SqlOutbox
from pipeline.ledger.port import LedgerConfig
from pipeline.ledger.recorder import Recorder
from pipeline.ledger.spool import Spool
from pipeline.ledger.sql import SqlLedger
from pipeline.ledger.types import IncidentState
from pipeline.outbox import Relay, RelayConfig
from pipeline.queue.embedded import EmbeddedRedis, EmbeddedRedisConfig
from pipeline.queue.redis_bus import RedisBus, RedisBusConfig
from pipeline.site.settings import Site

_RETENTION_DAYS = 30


@dataclass(frozen=True, slots=True)
class Parts:
    """The long-lived parts of a running patrol, for those who show or serve it."""

    engine: Engine
    bus: RedisBus
    redis_url: str
    relay: Relay
    ledger: SqlLedger
    clocks: ClockWatch
    recorder: Recorder
    store: EvidenceStore
    detector: Detector


def open_parts(site: Site, detector: Detector, stack: ExitStack) -> Parts:
    """Open all parts; what must be closed again is left to the stack.

    Raises:
        LedgerError: The database cannot be opened.
        BusError: The queue cannot be started.
    """
    engine = open_engine(site.database_url)
    stack.callback(engine.dispose)
    migrate(engine)
    redis_url = site.queue.redis.get_secret_value()
    if redis_url == "embedded":
        config = EmbeddedRedisConfig(port=site.queue.port)
        redis_url = stack.enter_context(EmbeddedRedis(site.data_dir, config)).url
    bus = RedisBus(redis_url, RedisBusConfig(max_entries=site.queue.maxlen))
    stack.callback(bus.close)
    store = EvidenceStore(
        site.data_dir / "evidence",
        EvidenceConfig(min_free_bytes=site.evidence.min_free_mebibytes << 20),
    )
    stack.callback(store.close)
    clocks = ClockWatch()
    signed = LedgerConfig(site=site.site, at_once=frozenset(site.dispatch.at_once))
    ledger = SqlLedger(engine, fusing(signed, site.fusion, clocks))
    relay = Relay(SqlOutbox(engine), bus, RelayConfig(stream=site.queue.stream))
    recorder = Recorder(ledger, Spool(site.data_dir / "spool"), recorded=relay.ring)
    return Parts(engine, bus, redis_url, relay, ledger, clocks, recorder, store, detector)


def retention(site: Site, parts: Parts) -> Retention:
    """Removes evidence that is over its time, never that of an incident that is still open."""
    ledger, days = parts.ledger, site.evidence.retention_days

    def is_open(incident_id: UUID) -> bool:
        try:
            return ledger.incident(incident_id).state is IncidentState.OPEN
        except UnknownIncident:
            return False

    by_type = {str(kind): timedelta(days=number) for kind, number in days.items()}
    config = RetentionConfig(timedelta(days=_RETENTION_DAYS), by_type, is_open)
    return Retention(parts.store, ledger, config)
