"""The database itself: migrations, locks, full disks, concurrent writers."""

from __future__ import annotations

import errno
import importlib
import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import ModuleType

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, event, func, inspect, select

from pipeline.ledger.database import migrate, open_engine, reading, sqlite_url, writing
from pipeline.ledger.errors import (
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerFull,
    LedgerRefused,
    LedgerUnavailable,
    SpoolError,
    UnknownSighting,
)
from pipeline.ledger.memory import MemoryLedger
from pipeline.ledger.recorder import Recorder
from pipeline.ledger.spool import Spool, SpoolConfig, SpooledEvidence, SpooledSighting
from pipeline.ledger.sql import SqlLedger
from pipeline.ledger.tables import Base, OutboxRow
from pipeline.types import Phase, ViewKey

ROOT = Path(__file__).parents[3]
OTHER_TABLES = [
    "api.store.schema",
    "pipeline.feedback",
    "pipeline.heads",
    "pipeline.zone_store",
    "pipeline.status",
]


class TestMigrations:
    def test_from_empty_they_make_what_the_tables_say(self, engine: Engine) -> None:
        for name in OTHER_TABLES:
            if importlib.util.find_spec(name) is not None:
                importlib.import_module(name)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []

    def test_twice_is_once(self, engine: Engine) -> None:
        migrate(engine)

    def test_several_processes_at_once(self, tmp_path: Path) -> None:
        url = sqlite_url(tmp_path / "new.db")
        engines = [open_engine(url) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(migrate, engines))
        assert "incident" in inspect(engines[0]).get_table_names()
        for engine in engines:
            engine.dispose()

    def test_a_newer_database_is_refused(self, engine: Engine) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(LedgerCorrupt, match="this version or older"):
            migrate(engine)

    def test_down_and_up_again(self, engine: Engine) -> None:
        from alembic import command
        from alembic.config import Config

        from pipeline.ledger.database import MIGRATIONS

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with writing(engine) as session:
            config.attributes["connection"] = session.connection()
            command.downgrade(config, "base")
        assert inspect(engine).get_table_names() == ["alembic_version"]
        migrate(engine)
        assert "outbox" in inspect(engine).get_table_names()


class TestErrors:
    def test_a_lock_held_too_long_is_busy(
        self, tmp_path: Path, engine: Engine, build: ModuleType
    ) -> None:
        quick = open_engine(sqlite_url(tmp_path / "ledger.db"), timeout_s=0.1)
        holder = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy, match="database is locked"):
            SqlLedger(quick).record(build.make_sighting())
        holder.execute("ROLLBACK")
        SqlLedger(quick).record(build.make_sighting())
        holder.close()
        quick.dispose()

    def test_a_full_disk_writes_nothing(
        self, tmp_path: Path, engine: Engine, build: ModuleType
    ) -> None:
        small = open_engine(sqlite_url(tmp_path / "ledger.db"))

        @event.listens_for(small, "connect")
        def bound(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute(f"PRAGMA max_page_count={_pages(connection) + 2}")

        ledger = SqlLedger(small)
        many = [build.make_sighting(n, zone_id=f"z{n}", model="m" * 150) for n in range(1000)]
        with pytest.raises(LedgerFull, match="full"):
            list(map(ledger.record, many))
        small.dispose()
        with reading(engine) as session:
            told = session.scalar(select(func.count()).select_from(OutboxRow))
        assert told == len(SqlLedger(engine).recent(2000)), "an incident without its event"

    def test_a_path_that_cannot_be_is_a_clear_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        engine = open_engine(sqlite_url(tmp_path / "file" / "x.db"))
        with pytest.raises(LedgerUnavailable, match="must be"):
            migrate(engine)
        engine.dispose()

    def test_a_file_that_is_no_database_is_corrupt(self, tmp_path: Path) -> None:
        (tmp_path / "x.db").write_bytes(b"not a database, not at all" * 100)
        engine = open_engine(sqlite_url(tmp_path / "x.db"))
        with pytest.raises(LedgerCorrupt, match="not a database"):
            migrate(engine)
        engine.dispose()

    @pytest.mark.parametrize(
        "url", ["mysql://u:s3cret@h/d", "sqlite://", "sqlite:///:memory:", "s3cret", "x://s3cret"]
    )
    def test_other_databases_are_refused_without_their_secrets(self, url: str) -> None:
        with pytest.raises(LedgerError) as caught:
            open_engine(url)
        assert "s3cret" not in str(caught.value)

    def test_a_password_never_shows(self) -> None:
        engine = open_engine("postgresql://patrol:s3cret@127.0.0.1:1/x", timeout_s=1)
        with pytest.raises(LedgerUnavailable) as caught:
            migrate(engine)
        assert "s3cret" not in f"{caught.value} {engine!r}"


def _pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA page_count").fetchone()[0])


class TestConcurrency:
    def test_many_threads_lose_and_double_nothing(self, engine: Engine, build: ModuleType) -> None:
        ledger = SqlLedger(engine)

        def work(n: int) -> None:
            # all eight threads send the same ten happenings
            for k in range(10):
                ledger.record(build.make_sighting(k, n % 2, k, zone_id=f"z{k}"))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert len(ledger.recent(100)) == 10

    def test_wal_and_full_synchronisation(self, engine: Engine) -> None:
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


class TestSpool:
    def test_entries_come_back_in_order(self, tmp_path: Path, build: ModuleType) -> None:
        spool = Spool(tmp_path / "s", SpoolConfig(segment_bytes=2000))
        entries = [
            SpooledSighting(build.make_sighting(n), (build.make_file(),), build.make_place())
            for n in range(7)
        ]
        evidence = SpooledEvidence(build.sighting_id(0), (build.make_file(),))
        for entry in [*entries, evidence]:
            spool.append(entry)
        assert len(list((tmp_path / "s").iterdir())) > 1
        again = Spool(tmp_path / "s")
        assert len(again) == 8
        taken: list[object] = []
        assert again.replay(taken.append, limit=3) == 3
        assert again.replay(taken.append) == 5
        assert taken == [*entries, evidence]
        assert len(again) == 0
        assert list((tmp_path / "s").iterdir()) == []

    def test_a_torn_last_line_is_dropped_and_writing_goes_on(
        self, tmp_path: Path, build: ModuleType
    ) -> None:
        spool = Spool(tmp_path / "s")
        spool.append(SpooledSighting(build.make_sighting(1)))
        (segment,) = (tmp_path / "s").iterdir()
        with segment.open("ab") as file:
            file.write(b'{"sighting": {"sight')
        again = Spool(tmp_path / "s")
        again.append(SpooledSighting(build.make_sighting(2)))
        taken: list[SpooledSighting] = []
        assert again.replay(taken.append) == 2
        assert [t.sighting for t in taken] == [build.make_sighting(1), build.make_sighting(2)]

    def test_a_failure_keeps_the_rest(self, tmp_path: Path, build: ModuleType) -> None:
        spool = Spool(tmp_path / "s")
        for n in range(4):
            spool.append(SpooledSighting(build.make_sighting(n)))
        taken: list[object] = []

        def down_after_two(entry: object) -> None:
            if len(taken) == 2:
                raise LedgerUnavailable("down")
            taken.append(entry)

        with pytest.raises(LedgerUnavailable):
            spool.replay(down_after_two)
        assert len(spool) == 2
        rest: list[SpooledSighting] = []
        spool.replay(rest.append)
        assert [r.sighting for r in rest] == [build.make_sighting(2), build.make_sighting(3)]

    def test_what_cannot_be_recorded_is_set_aside(self, tmp_path: Path, build: ModuleType) -> None:
        spool = Spool(tmp_path / "s")
        spool.append(SpooledSighting(build.make_sighting(1)))
        (segment,) = (tmp_path / "s").iterdir()
        segment.write_bytes(b"rubbish\n" + segment.read_bytes())
        taken: list[object] = []
        Spool(tmp_path / "s").replay(taken.append)
        assert len(taken) == 1
        (line,) = (tmp_path / "s" / "rejected.jsonl").read_text().splitlines()
        assert json.loads(line)["line"] == "rubbish\n"

    def test_it_is_bounded_and_counts_what_it_refuses(
        self, tmp_path: Path, build: ModuleType
    ) -> None:
        spool = Spool(tmp_path / "s", SpoolConfig(max_bytes=3000))
        many = [SpooledSighting(build.make_sighting(n)) for n in range(100)]
        with pytest.raises(SpoolError, match="spooled already"):
            list(map(spool.append, many))
        assert spool.refused == 1
        assert len(spool) > 1

    @pytest.mark.parametrize("torn", [False, True])
    def test_a_refused_entry_leaves_the_others_whole(
        self, tmp_path: Path, build: ModuleType, monkeypatch: pytest.MonkeyPatch, torn: bool
    ) -> None:
        spool = Spool(tmp_path / "s")
        spool.append(SpooledSighting(build.make_sighting(1)))

        def refuse(*_: object) -> int:
            raise OSError(errno.ENOSPC, "no space left")

        def write_half(fd: int, line: bytes) -> int:
            return real_write(fd, line[:20])

        real_write = os.write
        with monkeypatch.context() as full:
            full.setattr(os, "write", write_half)
            if torn:
                full.setattr(os, "ftruncate", refuse)
            for _ in range(3):
                with pytest.raises(SpoolError):
                    spool.append(SpooledSighting(build.make_sighting(2)))
        spool.append(SpooledSighting(build.make_sighting(3)))
        if not torn:
            assert len(list((tmp_path / "s").iterdir())) == 2, "no empty segments"
        taken: list[SpooledSighting] = []
        assert Spool(tmp_path / "s").replay(taken.append) == 2
        assert [t.sighting for t in taken] == [build.make_sighting(1), build.make_sighting(3)]

    def test_a_file_in_place_of_the_folder(self, tmp_path: Path, build: ModuleType) -> None:
        (tmp_path / "s").write_text("")
        with pytest.raises(SpoolError, match="must take entries"):
            Spool(tmp_path / "s").append(SpooledSighting(build.make_sighting(1)))


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
        ledger = MemoryLedger()
        ledger.down = True
        (tmp_path / "s").write_text("a file")
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

    def test_what_memory_keeps_goes_to_the_spool_when_that_takes_it_again(
        self, tmp_path: Path, build: ModuleType
    ) -> None:
        ledger = MemoryLedger()
        ledger.down = True
        (tmp_path / "s").write_text("a file")
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
        ledger = MemoryLedger()
        ledger.down = True
        (tmp_path / "s").write_text("a file")
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


def test_the_web_side_imports_no_video_and_no_models() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in ("ledger", "events", "queue", "evidence")
        for path in sorted((ROOT / "pipeline" / folder).rglob("*.py"))
        if path.stem not in ("__init__", "env") and "versions" not in path.parts
    ]
    script = (
        "import sys, importlib\n"
        f"for name in {[*modules, 'pipeline.outbox']!r}: importlib.import_module(name)\n"
        "bad = {'models', 'streams', 'cv2', 'av', 'torch', 'ultralytics', 'openvino'}\n"
        "print(sorted(bad & {name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stderr
