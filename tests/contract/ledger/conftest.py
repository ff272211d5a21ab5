"""Every ledger and every bus that the contract tests run over."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from pipeline.ledger.database import migrate, open_engine, sqlite_url
from pipeline.ledger.memory import MemoryLedger
from pipeline.ledger.outbox import Outbox, SqlOutbox
from pipeline.ledger.port import Ledger, LedgerConfig
from pipeline.ledger.sql import SqlLedger
from pipeline.queue.embedded import EmbeddedRedis, server_binary
from pipeline.queue.errors import EmbeddedRedisError
from pipeline.queue.memory import MemoryBus
from pipeline.queue.port import EventBus
from pipeline.queue.redis_bus import RedisBus


def missing(what: str) -> None:
    """Skip on a laptop, fail in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} must be installed in CI")
    pytest.skip(f"{what} is not installed")


LedgerFactory = Callable[..., tuple[Ledger, Outbox]]


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LedgerFactory]:
    """Makes a ledger and its outbox; the arguments are those of LedgerConfig."""
    engines: list[Any] = []

    def make(**settings: Any) -> tuple[Ledger, Outbox]:
        config = LedgerConfig(site="test", **settings)
        if request.param == "memory":
            memory = MemoryLedger(config)
            return memory, memory
        if request.param == "sqlite":
            path = tmp_path / "ledger.db"
            shutil.copy(request.getfixturevalue("migrated_file"), path)
            engine = open_engine(sqlite_url(path))
            engines.append(engine)
        else:
            engine = request.getfixturevalue("migrated_postgres")
            with engine.begin() as connection:
                connection.execute(
                    text("TRUNCATE incident, sighting_message, outbox RESTART IDENTITY CASCADE")
                )
        return SqlLedger(engine, config), SqlOutbox(engine, config.clock)

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema, to copy."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    engine = open_engine(sqlite_url(path))
    migrate(engine)
    engine.dispose()  # the last connection to close folds the WAL into the file
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> Iterator[Engine]:
    """PostgreSQL with the schema."""
    engine = open_engine(postgres_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A real Redis server."""
    try:
        server_binary()
    except EmbeddedRedisError:
        missing("redis-server")
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def bus(request: pytest.FixtureRequest) -> Iterator[EventBus]:
    """Every event bus, empty."""
    if request.param == "memory":
        yield MemoryBus()
        return
    server: EmbeddedRedis = request.getfixturevalue("redis_server")
    made = RedisBus(server.url)
    made._client.flushall()
    yield made
    made.close()
