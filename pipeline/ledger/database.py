"""Opens the database (SQLite in WAL mode or PostgreSQL), migrates it, and wraps its errors."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, text
from sqlalchemy.orm import Session

from pipeline.ledger.errors import (
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerFull,
    LedgerRefused,
    LedgerUnavailable,
)

MIGRATIONS = Path(__file__).parent / "migrations"
_WRITES = "skygrid_writes"
_POOL = 20
"""Connections kept, and as many again under load: one per thread that serves an operator."""
_WAL_WITHIN_S = 10.0
_MIGRATION_LOCK = 7_340_001
_FULL = ("full", "readonly", "read-only", "disk i/o", "no space", "quota")
_BUSY = ("locked", "busy", "lock timeout", "statement timeout", "deadlock", "serialize")
_CORRUPT = ("malformed", "not a database", "no such table", "no such column", "does not exist")


def sqlite_url(path: Path) -> str:
    """Database URL of a SQLite file."""
    return f"sqlite:///{path}"


def open_engine(url: str, *, timeout_s: float = 10.0) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql+psycopg://…`; nothing is opened yet.

    SQLite runs in WAL mode with full synchronisation: a committed incident survives a power cut.

    Args:
        url: Database URL.
        timeout_s: How long a statement waits for another writer before `LedgerBusy`.

    Raises:
        LedgerError: The URL is not understood, or names another kind of database.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise LedgerError("database URL must be like sqlite:///FILE, got something else") from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise LedgerError("database must be a file, got SQLite in memory; use MemoryLedger")
        engine = create_engine(
            parsed,
            pool_size=_POOL,
            max_overflow=_POOL,
            pool_timeout=timeout_s,
            connect_args={"timeout": timeout_s},
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if kind == "postgresql":
        millis = int(timeout_s * 1000)
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            pool_size=_POOL,
            max_overflow=_POOL,
            pool_timeout=timeout_s,
            connect_args={
                "connect_timeout": max(2, int(timeout_s)),
                "options": f"-c lock_timeout={millis} -c statement_timeout={3 * millis}",
            },
        )
    raise LedgerError(f"database must be sqlite or postgresql, got {kind}")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the "begin" listener says BEGIN itself
    cursor = connection.cursor()
    _into_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _into_wal(cursor: Any) -> None:
    """A new file is turned into WAL by one of those that open it; to the others SQLite says
    "locked" at once: its own timeout does not hold there."""
    until_s = time.monotonic() + _WAL_WITHIN_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until_s:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """A session in one write transaction: committed at the end, rolled back on any error.

    SQLite takes the one write lock at the start, so that reading before writing cannot clash.

    Raises:
        LedgerError: The tree of `pipeline.ledger.errors`; nothing was written.
    """
    with (
        _wrapped(engine),
        engine.connect() as plain,
        plain.execution_options(**{_WRITES: True}) as connection,
        connection.begin(),
        Session(connection, expire_on_commit=False, autoflush=False) as session,
    ):
        yield session
        session.flush()


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session in one read transaction: one consistent picture, nothing is written."""
    with _wrapped(engine), engine.connect() as connection, Session(connection) as session:
        yield session


@contextlib.contextmanager
def _wrapped(engine: Engine) -> Iterator[None]:
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise wrapped(error, engine) from error


def wrapped(error: exc.SQLAlchemyError, engine: Engine) -> LedgerError:
    """The ledger's error for a database error, without URL, parameters or statement."""
    cause = str(getattr(error, "orig", None) or type(error).__name__).strip().lower()
    first = cause.splitlines()[0] if cause else type(error).__name__
    kind = engine.dialect.name
    message = f"database ({kind}) must take the call, got: {first}"
    if any(word in cause for word in _FULL):
        return LedgerFull(message)
    if any(word in cause for word in _BUSY):
        return LedgerBusy(message)
    if any(word in cause for word in _CORRUPT):
        return LedgerCorrupt(message)
    if isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError):
        return LedgerUnavailable(message)
    if isinstance(error, exc.DataError | exc.IntegrityError) or type(error) is exc.StatementError:
        return LedgerRefused(message)
    return LedgerError(message)


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to a revision, in one transaction; several processes may call it at once.

    Raises:
        LedgerCorrupt: The database is of a newer version than this code.
        LedgerUnavailable: It cannot be opened or written.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    _ensure_folder(engine)
    with writing(engine) as session:
        if engine.dialect.name == "postgresql":
            session.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        config.attributes["connection"] = session.connection()
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            raise LedgerCorrupt(f"database must be of this version or older: {error}") from error


def _ensure_folder(engine: Engine) -> None:
    if engine.dialect.name == "sqlite" and engine.url.database:
        try:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerFull(f"folder of the database must be writable: {error}") from error
