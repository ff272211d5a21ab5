"""Several fusion processes on one database: one happening stays one incident."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import ModuleType

import pytest
from sqlalchemy import Engine, text

from pipeline.events.build import Occurrence
from pipeline.ledger.database import open_engine, sqlite_url, writing
from pipeline.ledger.errors import LedgerRefused
from pipeline.ledger.outbox import SqlOutbox
from pipeline.ledger.sql import SqlLedger
from pipeline.ledger.transaction import announce, load, set_review
from pipeline.ledger.types import EventKind, ReviewState
from pipeline.outbox import Relay, RelayConfig
from pipeline.queue.memory import MemoryBus
from pipeline.queue.port import INCIDENTS


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Makes engines on one empty database, as several processes have them."""
    made: list[Engine] = []
    if request.param == "sqlite":
        path = tmp_path / "shared.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        url = sqlite_url(path)
    else:
        url = request.getfixturevalue("postgres_url")
        with request.getfixturevalue("migrated_postgres").begin() as connection:
            connection.execute(
                text("TRUNCATE incident, sighting_message, outbox RESTART IDENTITY CASCADE")
            )

    def make() -> Engine:
        made.append(open_engine(url))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


def test_one_happening_seen_by_several_at_once(engines, build: ModuleType) -> None:
    ledgers = [SqlLedger(engines()) for _ in range(4)]
    barrier = Barrier(4)

    def work(n: int) -> set[object]:
        found = set()
        for happening in range(6):
            barrier.wait(30)
            sighting = build.make_sighting(f"{n}/{happening}", zone_id=f"z{happening}")
            found.add(ledgers[n].record(sighting).incident_id)
        return found

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
    assert len(set.union(*found)) == 6
    events = SqlOutbox(engines()).waiting(1000)
    assert Counter(e.fields["phase"] for e in events) == {"started": 6, "updated": 18}


def test_a_verdict_and_a_message_at_once_number_their_events_apart(
    engines, build: ModuleType
) -> None:
    ledger, api = SqlLedger(engines()), engines()
    incident = ledger.record(build.make_sighting())
    barrier = Barrier(2)

    def judge(n: int) -> None:
        barrier.wait(30)
        with writing(api) as session:
            set_review(session, incident.incident_id, ReviewState.ACCEPTED, n)
            current = load(session, incident.incident_id)
            what = Occurrence(EventKind.ACCEPTED, f"verdict/{n}", build.NOON)
            announce(session, ledger.config, current, what)

    def see(n: int) -> None:
        barrier.wait(30)
        ledger.record(build.make_sighting(sequence=n + 1, at_s=n))

    with ThreadPoolExecutor(2) as pool:
        for n in range(10):
            for done in [pool.submit(judge, n), pool.submit(see, n)]:
                done.result(30)
    after = ledger.incident(incident.incident_id)
    assert after.review is ReviewState.ACCEPTED
    assert after.sequence == 21


def test_two_relays_on_one_database(engines, build: ModuleType) -> None:
    ledger, bus = SqlLedger(engines()), MemoryBus()
    relays = [Relay(SqlOutbox(engines()), bus, RelayConfig(batch=3)) for _ in range(2)]
    for n in range(20):
        ledger.record(build.make_sighting(n, zone_id=f"z{n}"))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda relay: relay.drain(), relays))
    sent = [entry["id"] for entry in bus.entries(INCIDENTS)]
    assert len(sent) == len(set(sent)) == 20
    assert sum(relay.status.published for relay in relays) == 20


def test_a_value_that_does_not_fit_is_refused_for_good(engines, build: ModuleType) -> None:
    """PostgreSQL bounds its columns; the spool must not wait for such a value forever."""
    engine = engines()
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite bounds nothing")
    with pytest.raises(LedgerRefused, match="too long"):
        SqlLedger(engine).record(build.make_sighting(zone_id="z" * 500))
