"""A real review server on a free port, with people of every role and a handful of incidents."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import psycopg
import uvicorn
from argon2 import PasswordHasher

from api.app import create_app
from api.security.passwords import Passwords
from api.services import Services
from api.settings import ApiSettings
from api.store.people import NewUser
from bench.review.happenings import Plan
from bench.review.pictures import clip, still_jpeg
from bench.review.store import add_cameras, record

PASSWORD = "a long enough phrase"
ROLES = ("viewer", "operator", "supervisor", "administrator")


@cache
def clip_bytes() -> bytes:
    """One small H.264 clip, made once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        clip(path)
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


def open_house(
    folder: Path, count: int = 12, database_url: str = "", cameras: int = 6, **settings: Any
) -> Iterator[House]:
    """Start a server over a fresh store with `count` incidents; stops it afterwards."""
    config = ApiSettings(
        database_url=database_url or f"sqlite:///{folder / 'skygrid.db'}",
        data_dir=folder,
        poll_s=0.05,
        dispatch_at_once=("crowding",),
        requests_per_minute=60_000,
        **settings,
    )
    with serving(config) as house:
        jpeg = still_jpeg()
        add_cameras(house.services.engine, folder, cameras, still=jpeg)
        source = folder / "clip.mp4"
        source.write_bytes(clip_bytes())
        plan = Plan(count, datetime.now(UTC), cameras=cameras)
        record(house.services.engine, config.evidence_root, plan, source, jpeg)
        yield house


@contextmanager
def serving(config: ApiSettings) -> Iterator[House]:
    """A server in a thread of its own over whatever the store holds, with a user of every role."""
    clock = Clock()
    app = create_app(config, clock)
    services: Services = app.state.services
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
    house = House(f"http://127.0.0.1:{port}", services, clock, config.data_dir, server)
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


def new_database(server: str) -> str:
    """URL of a fresh database on a PostgreSQL server."""
    name = f"house_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")
