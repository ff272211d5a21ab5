"""The relay and a real Redis that is killed, away, full and restarted: count what arrives."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from types import ModuleType

import pytest
import redis
from builders import tally
from sqlalchemy import Engine

from pipeline.ledger.outbox import SqlOutbox
from pipeline.ledger.port import LedgerConfig
from pipeline.ledger.sql import SqlLedger
from pipeline.outbox import Relay, RelayConfig
from pipeline.queue.embedded import EmbeddedRedis
from pipeline.queue.errors import BusUnavailable
from pipeline.queue.port import INCIDENTS
from pipeline.queue.redis_bus import RedisBus, RedisBusConfig
from pipeline.types import Phase

pytestmark = pytest.mark.redis
QUICK = RelayConfig(batch=5, poll_s=0.05, backoff_s=0.02, max_backoff_s=0.1)
LIFE = [Phase.STARTED, Phase.UPDATED, Phase.ENDED]
TOLD = ["started", "updated", "ended"]


def record_life(ledger: SqlLedger, build: ModuleType, n: int) -> None:
    for sequence, phase in enumerate(LIFE):
        ledger.record(build.make_sighting(n, sequence, sequence, phase=phase, zone_id=f"z{n}"))


class Relaying:
    """Relays in threads of their own until the block ends, then drains."""

    def __init__(self, engine: Engine, url: str, count: int = 1) -> None:
        self.stop = Event()
        self.buses = [RedisBus(url, RedisBusConfig(timeout_s=10.0)) for _ in range(count)]
        self.relays = [Relay(SqlOutbox(engine), bus, QUICK) for bus in self.buses]
        self.threads = [Thread(target=r.run, args=(self.stop,)) for r in self.relays]

    def __enter__(self) -> list[Relay]:
        for thread in self.threads:
            thread.start()
        return self.relays

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        self.relays[0].drain()
        for bus in self.buses:
            bus.close()


def wait_for(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "timed out"
        time.sleep(0.02)


def test_redis_killed_again_and_again_while_incidents_are_confirmed(
    engine: Engine, redis_server: EmbeddedRedis, build: ModuleType
) -> None:
    ledger, rng = SqlLedger(engine, LedgerConfig(site="test")), random.Random(3)
    with Relaying(engine, redis_server.url):
        for n in range(24):
            record_life(ledger, build, n)
            if n % 8 == 5:
                pid = redis_server.pid
                assert pid is not None
                time.sleep(rng.uniform(0, 0.05))
                os.kill(pid, signal.SIGKILL)
                wait_for(lambda pid=pid: redis_server.pid not in (None, pid))
        wait_for(lambda: SqlOutbox(engine).backlog().pending == 0)
    assert redis_server.restarts == 3
    tally.assert_whole(redis_server.url, 24, TOLD)


def test_redis_that_lost_its_last_second_gets_it_again(
    engine: Engine,
    new_redis: Callable[..., EmbeddedRedis],
    tmp_path: Path,
    build: ModuleType,
) -> None:
    """A power cut loses what the AOF had not synced: here, all since a copy was taken."""
    ledger = SqlLedger(engine)
    server = new_redis()
    server.start()
    aof = tmp_path / "data" / "redis" / "appendonly.aof"
    with Relaying(engine, server.url):
        for n in range(5):
            record_life(ledger, build, n)
        wait_for(lambda: SqlOutbox(engine).backlog().pending == 0)
        synced = aof.read_bytes()
        for n in range(5, 10):
            record_life(ledger, build, n)
        wait_for(lambda: SqlOutbox(engine).backlog().pending == 0)
        server.stop()
        aof.write_bytes(synced[:-7])  # and the last entry is torn
        server.start()
        wait_for(lambda: len(tally.entries(server.url)) == 30)
    tally.assert_whole(server.url, 10, TOLD)


def test_redis_away_from_the_start_then_there(
    engine: Engine, new_redis: Callable[..., EmbeddedRedis], build: ModuleType
) -> None:
    ledger, server = SqlLedger(engine), new_redis()
    with Relaying(engine, server.url) as (relay,):
        for n in range(20):
            record_life(ledger, build, n)
        wait_for(lambda: relay.status.failures >= 2 and relay.status.pending == 60)
        assert relay.status.up is False
        assert relay.status.oldest_at is not None
        server.start()
        wait_for(lambda: relay.status.up is True and relay.status.pending == 0)
    tally.assert_whole(server.url, 20, TOLD)


def test_two_relays_on_one_database_neither_double_nor_lose(
    engine: Engine, redis_server: EmbeddedRedis, build: ModuleType
) -> None:
    ledger = SqlLedger(engine)
    with Relaying(engine, redis_server.url, count=2) as relays:
        for n in range(15):
            record_life(ledger, build, n)
        wait_for(lambda: SqlOutbox(engine).backlog().pending == 0)
    assert sum(r.status.published for r in relays) == 45
    tally.assert_whole(redis_server.url, 15, TOLD)


def test_a_full_redis_keeps_events_in_the_outbox(
    engine: Engine, redis_server: EmbeddedRedis, build: ModuleType
) -> None:
    ledger = SqlLedger(engine)
    bus = RedisBus(redis_server.url)
    admin = redis.Redis.from_url(redis_server.url, decode_responses=True)
    admin.config_set("maxmemory", "1")
    relay = Relay(SqlOutbox(engine), bus, QUICK)
    record_life(ledger, build, 1)
    with pytest.raises(BusUnavailable, match="refuses for now"):
        relay.run_once()
    assert SqlOutbox(engine).backlog().pending == 3
    admin.config_set("maxmemory", "100mb")
    relay.drain()
    tally.assert_whole(redis_server.url, 1, TOLD)
    admin.close()
    bus.close()


def test_the_stream_is_trimmed_and_ids_stay_known(
    engine: Engine, redis_server: EmbeddedRedis, build: ModuleType
) -> None:
    bus = RedisBus(redis_server.url, RedisBusConfig(max_entries=100))
    ledger = SqlLedger(engine)
    for n in range(10):
        record_life(ledger, build, n)
    Relay(SqlOutbox(engine), bus).drain()
    admin = redis.Redis.from_url(redis_server.url, decode_responses=True)
    admin.xtrim(INCIDENTS, maxlen=5, approximate=False)
    assert Relay(SqlOutbox(engine), bus).drain() == 0
    assert len(tally.entries(redis_server.url)) == 5, "a trimmed event came back"
    marker = f"{INCIDENTS}:sent:{tally.entries(redis_server.url)[0]['id']}"
    assert 29 * 86_400 < admin.ttl(marker) <= 30 * 86_400
    admin.close()
    bus.close()


def test_published_events_leave_the_outbox_after_their_time(
    engine: Engine, redis_bus: RedisBus, build: ModuleType
) -> None:
    record_life(SqlLedger(engine), build, 1)
    now = [build.NOON]
    outbox = SqlOutbox(engine, clock=lambda: now[0])
    Relay(outbox, redis_bus, clock=lambda: now[0]).drain()
    now[0] += RelayConfig().keep * 1.01
    assert outbox.prune(RelayConfig().keep, limit=2) == 2
    assert outbox.prune(RelayConfig().keep, limit=2) == 1


def test_a_password_never_shows() -> None:
    bus = RedisBus("redis://patrol:s3cret@127.0.0.1:1/0", RedisBusConfig(timeout_s=0.5))
    with pytest.raises(BusUnavailable) as caught:
        bus.incarnation()
    shown = f"{bus!r} {caught.value} {caught.value!r}"
    assert "s3cret" not in shown
    assert "patrol" not in shown
    assert "127.0.0.1:1" in shown


def test_who_rings_is_not_kept_waiting(
    engine: Engine, redis_server: EmbeddedRedis, build: ModuleType
) -> None:
    bus, stop = RedisBus(redis_server.url), Event()
    relay = Relay(SqlOutbox(engine), bus, RelayConfig(poll_s=600))
    ledger = SqlLedger(engine, LedgerConfig(site="test"))
    thread = Thread(target=relay.run, args=(stop,), daemon=True)
    thread.start()
    wait_for(lambda: bool(relay.status.up))
    for number in (1, 2, 3):
        ledger.record(build.make_sighting(number, zone_id=f"z{number}"))
        relay.ring()
        wait_for(lambda number=number: relay.status.published == number)
    stop.set()
    relay.ring()
    thread.join(60)
    assert not thread.is_alive()
    bus.close()
