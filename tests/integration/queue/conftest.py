"""Real Redis servers, real SQLite files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builders.evidence import new_store
from sqlalchemy import Engine

from pipeline.evidence.store import EvidenceStore
from pipeline.ledger.database import migrate, open_engine, sqlite_url
from pipeline.queue.embedded import EmbeddedRedis, EmbeddedRedisConfig, server_binary
from pipeline.queue.errors import EmbeddedRedisError
from pipeline.queue.redis_bus import RedisBus, RedisBusConfig


@pytest.fixture
def new_redis(tmp_path: Path) -> Iterator[Callable[..., EmbeddedRedis]]:
    """Makes Redis servers that end with the test; missing = skip on a laptop, fail in CI."""
    try:
        server_binary()
    except EmbeddedRedisError:
        if os.environ.get("CI") == "true":
            pytest.fail("redis-server must be installed in CI")
        pytest.skip("redis-server is not installed")
    made: list[EmbeddedRedis] = []

    def make(folder: Path | None = None, **settings: object) -> EmbeddedRedis:
        server = EmbeddedRedis(folder or tmp_path / "data", EmbeddedRedisConfig(**settings))
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def redis_server(new_redis: Callable[..., EmbeddedRedis]) -> EmbeddedRedis:
    """A running Redis server."""
    server = new_redis()
    server.start()
    return server


@pytest.fixture
def redis_bus(redis_server: EmbeddedRedis) -> Iterator[RedisBus]:
    """A bus on that server, patient enough for a busy machine."""
    bus = RedisBus(redis_server.url, RedisBusConfig(timeout_s=10.0))
    yield bus
    bus.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A migrated SQLite database."""
    made = open_engine(sqlite_url(tmp_path / "ledger.db"))
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EvidenceStore]:
    """An empty evidence store."""
    made = new_store(tmp_path / "evidence")
    yield made
    made.close()
