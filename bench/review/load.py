"""Operators at work on a full store: a real server process, one connection and thread each."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import psutil  # type: ignore[import-untyped]

from api.app import wire
from api.serve import serve
from api.settings import ApiSettings
from api.store.people import NewUser

QUERIES: dict[str, dict[str, str]] = {
    "list": {},
    "queue": {"review": "pending", "order": "urgent"},
    "filter by type": {"type": "garbage", "review": "accepted"},
    "filter by state": {"state": "open", "severity_min": "4"},
    "filter by camera": {"camera": "cam-010"},
    "filter by area": {"grid": "440304003", "review": "rejected"},
    "search by name": {"text": "工地"},
    "search by id": {"text": "cam-55"},
    "search in vain": {"text": "nothing like it"},
}
_DAY_S = 86_400.0
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it is and which process it is."""

    port: int
    process: psutil.Process

    def cpu_s(self) -> float:
        """Processor seconds used so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@dataclass(slots=True)
class Took:
    """What requests took, in seconds, by name of the query."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failed: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0

    @property
    def all(self) -> list[float]:
        """Every request's time, sorted."""
        return sorted(value for values in self.seconds.values() for value in values)


@contextmanager
def running(settings: ApiSettings) -> Iterator[Server]:
    """The review server in a process of its own, as `skygrid serve` runs it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_serve, args=(settings.model_copy(update={"port": port}),))
    process.start()
    try:
        deadline = time.monotonic() + _START_S
        while not _answers(port):
            if time.monotonic() > deadline or not process.is_alive():
                raise RuntimeError(f"the review server must answer within {_START_S:.0f} s")
            time.sleep(0.1)
        yield Server(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.join(15)


def _serve(settings: ApiSettings) -> None:
    """As `skygrid serve` does, with the log in a file: what it costs is measured too."""
    with (settings.data_dir / "server.log").open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        serve(settings)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def add_operators(settings: ApiSettings, count: int) -> list[str]:
    """Sessions of `count` fresh operators: their cookies."""
    services = wire(settings)
    now = services.clock()
    cookies = []
    for number in range(count):
        user = services.people.add(NewUser(f"desk-{number}-{int(now)}", "operator"), now)
        secret = services.people.open_session(user, now, now + _DAY_S, "bench")
        cookies.append(f"skygrid={secret}")
    services.engine.dispose()
    return cookies


def operate(server: Server, cookies: list[str], seconds: float, pause_s: float) -> Took:
    """Let every operator ask for lists at random, with `pause_s` on average in between."""
    took = Took(seconds={name: [] for name in QUERIES})
    lock = threading.Lock()
    until = time.monotonic() + seconds

    def desk(number: int) -> None:
        chance = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        time.sleep(chance.uniform(0, pause_s))
        while time.monotonic() < until:
            name = chance.choice(list(QUERIES))
            path = "/api/v1/incidents?" + urlencode(QUERIES[name])
            began = time.perf_counter()
            fine = get(connection, path, cookies[number]) == 200
            spent = time.perf_counter() - began
            with lock:
                took.seconds[name].append(spent)
                took.failed += not fine
            time.sleep(chance.uniform(0.5, 1.5) * pause_s)
        connection.close()

    cpu, began = server.cpu_s(), time.monotonic()
    desks = [threading.Thread(target=desk, args=(number,)) for number in range(len(cookies))]
    for thread in desks:
        thread.start()
    for thread in desks:
        thread.join()
    took.cpu_s, took.wall_s = server.cpu_s() - cpu, time.monotonic() - began
    return took


def get(connection: http.client.HTTPConnection, path: str, cookie: str) -> int:
    """Ask and read the whole answer; its status."""
    connection.request("GET", path, headers={"Cookie": cookie, "Accept": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def settings_for(folder: Path) -> ApiSettings:
    """Settings of a benchmark's server; nothing is refused for asking often."""
    return ApiSettings(
        database_url=f"sqlite:///{folder / 'skygrid.db'}",
        data_dir=folder,
        requests_per_minute=10_000_000,
    )
