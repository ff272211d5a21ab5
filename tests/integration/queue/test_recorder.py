"""The recorder: what the database refuses waits in the spool, then in memory, in order."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Engine

from pipeline.ledger.database import migrate, open_engine, sqlite_url
from pipeline.ledger.errors import (
    LedgerBusy,
    LedgerCorrupt,
    LedgerRefused,
    LedgerUnavailable,
    SpoolError,
    UnknownSighting,
)
from pipeline.ledger.memory import MemoryLedger
from pipeline.ledger.recorder import Recorder
from pipeline.ledger.spool import Spool, SpooledEvidence, SpooledSighting
from pipeline.ledger.sql import SqlLedger
from pipeline.types import Phase, ViewKey


def all_refuse(folder: Path) -> MemoryLedger:
    """A ledger that is down, and no folder for the spool."""
    ledger = MemoryLedger()
    ledger.down = True
    (folder / "s").write_text("a file")
    return ledger


class TestRecorder:
    def test_a_locked_database_spools_and_keeps_the_order(
        self, tmp_path: Path, engine: Engine, build: ModuleType
    ) -> None:
        quick = open_engine(sqlite_url(tmp_path / "ledger.db"), timeout_s=0.05)
        ledger = SqlLedger(quick)
        recorder = Recorder(ledger, Spool(tmp_path / "s"))
        holder = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        sighting = build.make_sighting()
        assert recorder.record(sighting) is None
        assert recorder.attach_evidence(sighting.sighting_id, [build.make_file()]) is None
        assert recorder.status.up is False
        assert recorder.status.spooled == 2
        with pytest.raises(LedgerBusy):
            recorder.flush()
        holder.execute("ROLLBACK")
        assert recorder.record(build.make_sighting(sequence=1, at_s=9)) is None, "out of order"
        assert recorder.flush() == 3
        assert recorder.status.up is True
        assert recorder.status.spooled == 0
        incident = recorder.record(build.make_sighting(sequence=2, at_s=20))
        assert incident is not None
        assert incident.sequence == 4
        assert len(incident.evidence) == 1
        holder.close()
        quick.dispose()

    def test_a_damaged_database_spools_and_a_refused_sighting_does_not(
        self, tmp_path: Path, build: ModuleType
    ) -> None:
        (tmp_path / "x.db").write_bytes(b"not a database, not at all" * 100)
        broken = open_engine(sqlite_url(tmp_path / "x.db"))
        recorder = Recorder(SqlLedger(broken), Spool(tmp_path / "s"))
        assert recorder.record(build.make_sighting()) is None
        with pytest.raises(LedgerCorrupt):
            recorder.flush()
        assert recorder.status.spooled == 1, "it must not be set aside for the database's fault"
        broken.dispose()
        mended = open_engine(sqlite_url(tmp_path / "mended.db"))
        migrate(mended)
        recorder = Recorder(SqlLedger(mended), Spool(tmp_path / "s"))
        assert recorder.flush() == 1
        with pytest.raises(LedgerRefused):
            recorder.record(build.make_sighting(severity=9))
        with pytest.raises(UnknownSighting):
            recorder.attach_evidence(build.sighting_id("nobody"), [build.make_file()])
        assert recorder.status.spooled == 0
        mended.dispose()

    def test_when_both_refuse_memory_keeps_it_in_order(
        self, tmp_path: Path, build: ModuleType
    ) -> None:
        ledger = all_refuse(tmp_path)
        recorder = Recorder(ledger, Spool(tmp_path / "s"))
        sighting = build.make_sighting()
        for entry in (sighting, build.make_sighting(sequence=1, at_s=9)):
            assert recorder.record(entry) is None
        assert recorder.attach_evidence(sighting.sighting_id, [build.make_file()]) is None
        assert (recorder.status.up, recorder.status.held) == (False, 3)
        with pytest.raises(LedgerUnavailable):
            recorder.flush()
        ledger.down = False
        assert recorder.record(build.make_sighting(sequence=2, at_s=20)) is None, "out of order"
        assert recorder.flush() == 4
        (incident,) = ledger.recent()
        assert (incident.sequence, len(incident.evidence)) == (4, 1)
        assert (recorder.status.up, recorder.status.held, recorder.status.lost) == (True, 0, 0)

    def test_it_tells_when_the_ledger_took_something(
        self, tmp_path: Path, build: ModuleType
    ) -> None:
        ledger, told = MemoryLedger(), []
        recorder = Recorder(ledger, Spool(tmp_path / "s"), recorded=lambda: told.append(1))
        recorder.record(build.make_sighting())
        assert len(told) == 1
        ledger.down = True
        recorder.record(build.make_sighting(sequence=1, at_s=9))
        assert len(told) == 1, "it waits in the spool"
        ledger.down = False
        recorder.flush()
        assert len(told) == 2

    def test_what_memory_keeps_goes_to_the_spool_when_that_takes_it_again(
        self, tmp_path: Path, build: ModuleType
    ) -> None:
        ledger = all_refuse(tmp_path)
        recorder = Recorder(ledger, Spool(tmp_path / "s"))
        for n in range(3):
            recorder.record(build.make_sighting(n))
        (tmp_path / "s").unlink()
        with pytest.raises(LedgerUnavailable):
            recorder.flush()
        assert (recorder.status.spooled, recorder.status.held) == (3, 0)
        taken: list[SpooledSighting] = []
        Spool(tmp_path / "s").replay(taken.append)
        assert [t.sighting for t in taken] == [build.make_sighting(n) for n in range(3)]

    def test_memory_is_bounded_and_what_is_lost_is_counted(
        self, tmp_path: Path, build: ModuleType
    ) -> None:
        ledger = all_refuse(tmp_path)
        recorder = Recorder(ledger, Spool(tmp_path / "s"), most_held=2)
        recorder.record(build.make_sighting(1))
        recorder.record(build.make_sighting(2))
        with pytest.raises(SpoolError, match="2 wait in it already"):
            recorder.record(build.make_sighting(3))
        assert (recorder.status.held, recorder.status.lost) == (2, 1)

    def test_what_waits_counts_as_open(
        self, tmp_path: Path, engine: Engine, build: ModuleType
    ) -> None:
        """A view that restores what is open must not raise what waits a second time."""
        ledger = SqlLedger(engine)
        for name in ("known", "over"):
            ledger.record(build.make_sighting(name, zone_id=name))
        spool = Spool(tmp_path / "s")
        spool.append(SpooledSighting(build.make_sighting("new", zone_id="new")))
        spool.append(SpooledEvidence(build.sighting_id("new"), (build.make_file(),)))
        last = {"sequence": 1, "phase": Phase.ENDED, "at_s": 60.0}
        spool.append(SpooledSighting(build.make_sighting("over", zone_id="over", **last)))
        elsewhere = ViewKey("gate-4")
        spool.append(SpooledSighting(build.make_sighting("other", view=elsewhere)))
        recorder = Recorder(ledger, Spool(tmp_path / "s"))
        view = ViewKey("gate-3")

        def zones(since: datetime | None) -> dict[str, Phase]:
            found = recorder.open_sightings(view, ended_since=since)
            return {s.zone_id: s.phase for s in found}

        open_now = {"known": Phase.STARTED, "new": Phase.STARTED}
        assert zones(None) == open_now
        assert zones(build.NOON) == {**open_now, "over": Phase.ENDED}
        assert [s.sighting_id for s in recorder.open_sightings(elsewhere)] == [
            build.sighting_id("other")
        ]
        assert recorder.flush() == 4
        assert zones(None) == open_now
