"""A real review server on a free port, with people of every role and a handful of incidents."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher

from api.app import create_app
from api.security.passwords import Passwords
from api.services import Services
from api.settings import ApiSettings
from api.store.people import NewUser

PASSWORD = "a long enough phrase"
ROLES = ("viewer", "operator", "supervisor", "administrator")


def load_seed() -> ModuleType:
    """`seed.py` beside this file; tests are no package."""
    name = "skygrid_api_seed"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("seed.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@cache
def clip_bytes() -> bytes:
    """One small H.264 clip, made once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        load_seed().clip(path)
        return path.read_bytes()


class Clock:
    """The wall clock, which a test can move ahead."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@dataclass
class House:
    """The running server and what a test needs of it."""

    url: str
    services: Services
    clock: Clock
    data_dir: Path
    server: uvicorn.Server
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, **options: Any) -> httpx.Client:
        """A browser without a session."""
        made = httpx.Client(base_url=self.url, timeout=20, **options)
        self.clients.append(made)
        return made

    def sign_in(self, username: str, password: str = PASSWORD) -> httpx.Client:
        """A browser with a session; it sends the CSRF token by itself."""
        client = self.client()
        answer = client.post("/signin", data={"username": username, "password": password})
        assert answer.status_code == 303, answer.text
        client.headers["X-CSRF-Token"] = client.get("/api/v1/me").json()["csrf"]
        return client

    def add_user(self, username: str, role: str, areas: tuple[str, ...] = ()) -> int:
        """A user with the common password."""
        new = NewUser(username, role, areas, HASH)  # type: ignore[arg-type]
        return self.services.people.add(new, self.clock()).id


HASH = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)).hash(PASSWORD, "x")
"""Cheap to check: the cost is in the hash, and these tests sign in often."""


def open_house(folder: Path, count: int = 12, **settings: Any) -> Iterator[House]:
    """Start a server over a fresh store with `count` incidents; stops it afterwards."""
    seed = load_seed()
    config = ApiSettings(
        database_url=f"sqlite:///{folder / 'skygrid.db'}",
        data_dir=folder,
        poll_s=0.05,
        requests_per_minute=60_000,
        **settings,
    )
    clock = Clock()
    app = create_app(config, clock)
    services: Services = app.state.services
    jpeg = seed.still_jpeg()
    seed.add_cameras(services.engine, folder, still=jpeg)
    clip = folder / "clip.mp4"
    clip.write_bytes(clip_bytes())
    plan = seed.Plan(count, datetime.now(UTC))
    seed.record(services.engine, config.evidence_root, plan, clip, jpeg)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=3)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    port = server.servers[0].sockets[0].getsockname()[1]
    house = House(f"http://127.0.0.1:{port}", services, clock, folder, server)
    for role in ROLES:
        house.add_user(role, role)
    try:
        yield house
    finally:
        for client in house.clients:
            client.close()
        services.live.close_soon()
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server must stop within ten seconds"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One server per test file."""
    yield from open_house(tmp_path_factory.mktemp("house"))


@pytest.fixture
def seed() -> ModuleType:
    """The seeding functions."""
    return load_seed()


@pytest.fixture(scope="module")
def operator(house: House) -> httpx.Client:
    """An operator of the whole city."""
    return house.sign_in("operator")
