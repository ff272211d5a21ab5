"""Real Redis servers, real SQLite files, and the builders."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Engine

from pipeline.ledger.database import migrate, open_engine, sqlite_url
from pipeline.queue.embedded import EmbeddedRedis, EmbeddedRedisConfig, server_binary
from pipeline.queue.errors import EmbeddedRedisError
from pipeline.queue.redis_bus import RedisBus, RedisBusConfig


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def build() -> ModuleType:
    """The builders of `tests/builders/ledger.py`."""
    return load("ledger_builders", Path(__file__).parents[2] / "builders" / "ledger.py")


@pytest.fixture(scope="session")
def tally() -> ModuleType:
    """Counting what is in the stream: `tests/integration/queue/tally.py`."""
    return load("queue_tally", Path(__file__).with_name("tally.py"))


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
