"""The database itself: migrations, locks, full disks, concurrent writers."""

from __future__ import annotations

import importlib
import importlib.util
import sqlite3
from concurrent.futures import ThreadPoolExecutor
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
    LedgerUnavailable,
)
from pipeline.ledger.sql import SqlLedger
from pipeline.ledger.tables import Base, OutboxRow

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

    def test_a_new_file_may_be_opened_by_many_at_once(self, tmp_path: Path) -> None:
        def opened(engine: Engine) -> str:
            with engine.connect() as connection:
                return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())

        for number in range(30):
            engines = [open_engine(sqlite_url(tmp_path / f"{number}.db")) for _ in range(6)]
            with ThreadPoolExecutor(6) as pool:
                assert set(pool.map(opened, engines)) == {"wal"}
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
