"""Two fusion processes share one database by place: the same incidents as one, each once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import sqlalchemy as sa

from pipeline.ledger.database import migrate, open_engine, reading, sqlite_url
from pipeline.ledger.sql import SqlLedger
from pipeline.ledger.tables import OutboxRow

WORKER = Path(__file__).with_name("partition_worker.py")
ROOT = Path(__file__).parents[3]
MESSAGES = 24


def outcome(folder: Path, partitions: int) -> set[frozenset[object]]:
    """The groups of sightings that so many processes at once make of the same stream."""
    url = sqlite_url(folder / f"{partitions}.db")
    engine = open_engine(url)
    migrate(engine)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    workers = [
        subprocess.Popen(
            [sys.executable, str(WORKER), url, str(number), str(partitions), str(MESSAGES)],
            env=environment,
        )
        for number in range(partitions)
    ]
    assert [worker.wait(timeout=100) for worker in workers] == [0] * partitions
    incidents = SqlLedger(engine).recent(10_000)
    with reading(engine) as connection:
        told = connection.execute(sa.select(OutboxRow.incident_id, OutboxRow.fields)).all()
    engine.dispose()
    started = Counter(row.incident_id for row in told if row.fields["phase"] == "started")
    assert started == Counter(i.incident_id for i in incidents), "each is announced once"
    groups = [frozenset(p.sighting.sighting_id for p in i.sightings) for i in incidents]
    assert sum(map(len, groups)) == len(frozenset().union(*groups)), "a sighting in two incidents"
    return set(groups)


def test_two_processes_make_the_incidents_of_one(tmp_path: Path) -> None:
    alone, shared = outcome(tmp_path, 1), outcome(tmp_path, 2)
    assert shared == alone
    assert any(len(group) > 1 for group in alone)
