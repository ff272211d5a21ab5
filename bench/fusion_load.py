"""Fusion under load: a city's sightings through the real ledger on SQLite, timed one by one."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np

from pipeline.fusion.clocks import ClockWatch
from pipeline.fusion.fuse import Fusion, fusing
from pipeline.fusion.settings import FusionSettings
from pipeline.geometry.plane import LocalPlane
from pipeline.ledger.database import migrate, open_engine, sqlite_url
from pipeline.ledger.port import LedgerConfig
from pipeline.ledger.sql import SqlLedger
from pipeline.types import IncidentType, Phase, Place, Reason, Sighting, ViewKey

FEEDS = 860
PER_HOUR = 100_000
_CITY_M = 3000.0
_PLANE = LocalPlane(116.39, 39.91)
_START = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
_NAMESPACE = UUID("0b1e7b0e-3c55-5a3f-9f10-7f6f4f6b1d22")
_TYPES: tuple[IncidentType, ...] = ("street_vending", "garbage", "crowding")


@dataclass(frozen=True, slots=True)
class LoadResult:
    """How the ledger kept up.

    Attributes:
        messages: How many were recorded.
        incidents: What they became.
        p50_ms: Median time of one.
        p95_ms: 95th percentile.
        longest_ms: The slowest.
        p95_last_ms: The 95th percentile over the last tenth, when the database is fullest.
        cpu_ms: Mean processor time of one, which other programs on the machine do not change.
        per_hour: How many an hour would take, one after the other.
        grown_mib: Growth of resident memory from the first third to the end.
    """

    messages: int
    incidents: int
    p50_ms: float
    p95_ms: float
    longest_ms: float
    p95_last_ms: float
    cpu_ms: float
    per_hour: float
    grown_mib: float


class KnownPlaces:
    """Places known by the generator, in the part of the locator."""

    def __init__(self) -> None:
        self.places: dict[UUID, Place] = {}

    def place(self, sighting: Sighting) -> Place | None:
        """The place that the sighting was made at."""
        return self.places.get(sighting.sighting_id)


def measure(messages: int = 30_000, seed: int = 0) -> LoadResult:
    """Record so many messages at the pace of a busy hour, as fast as they go."""
    with tempfile.TemporaryDirectory(prefix="skygrid-fusion-") as folder:
        engine = open_engine(sqlite_url(Path(folder) / "fusion.db"))
        try:
            migrate(engine)
            known, clocks = KnownPlaces(), ClockWatch()
            config = fusing(LedgerConfig("bench"), FusionSettings(), clocks)
            fusion = Fusion(SqlLedger(engine, config), known, clocks)
            return _timed(fusion, traffic(known, messages, seed), messages)
        finally:
            engine.dispose()


def _timed(fusion: Fusion, traffic: Iterator[Sighting], messages: int) -> LoadResult:
    took, incidents = np.empty(messages), set()
    memory, cpu_s = 0.0, time.process_time()
    for number, sighting in enumerate(traffic):
        if number == messages // 3:
            gc.collect()
            memory = _resident_mib()
        begun = time.perf_counter()
        incidents.add(fusion.record(sighting).incident_id)
        took[number] = time.perf_counter() - begun
    cpu_s = time.process_time() - cpu_s
    gc.collect()
    p50, p95 = np.percentile(took, [50, 95]) * 1000
    return LoadResult(
        messages,
        len(incidents),
        float(p50),
        float(p95),
        float(took.max() * 1000),
        float(np.percentile(took[-messages // 10 :], 95) * 1000),
        cpu_s / messages * 1000,
        float(messages / took.sum() * 3600),
        _resident_mib() - memory,
    )


def traffic(known: KnownPlaces, messages: int, seed: int) -> Iterator[Sighting]:
    """Happenings seen by one to three feeds each: started, one update, ended after minutes."""
    random = np.random.default_rng(seed)
    queue: list[tuple[float, int, Sighting]] = []
    made, number = 0.0, 0
    while len(queue) < 1.4 * messages:
        made += 3600.0 / PER_HOUR * 6
        for sighting, place in _happening(random, made, number):
            known.places[sighting.sighting_id] = place
            queue += [(at, len(queue) + i, s) for i, (at, s) in enumerate(_life(random, sighting))]
        number += 1
    queue.sort(key=lambda item: item[:2])
    yield from (sighting for _, _, sighting in queue[:messages])


def _happening(
    random: np.random.Generator, at_s: float, number: int
) -> Iterator[tuple[Sighting, Place]]:
    spot = random.uniform(0, _CITY_M, 2)
    home = int(spot[0] // 110) * 28 + int(spot[1] // 110)
    kind = _TYPES[int(random.integers(len(_TYPES)))]
    for feed in range(int(random.integers(1, 4))):
        lon, lat = _PLANE.to_lonlat(spot + random.normal(0, 0.6, 2))
        place = Place(float(lon), float(lat), (1.0, 0.4), float(random.uniform(0, 180)))
        view = ViewKey(f"cam-{(home + feed * 7) % FEEDS:03d}")
        yield _sighting(view, kind, f"{number}/{feed}", at_s + float(random.uniform(0, 20))), place


def _sighting(view: ViewKey, kind: IncidentType, name: str, at_s: float) -> Sighting:
    at = _START + timedelta(seconds=at_s)
    x = (hash_share(name) * 0.8, hash_share(name[::-1]) * 0.8)
    return Sighting(
        uuid5(_NAMESPACE, name), 0, Phase.STARTED, view, "zone", kind, None,
        (x[0], x[1], x[0] + 0.05, x[1] + 0.08), at, at, at, None, at.timestamp(), at.timestamp(),
        0.8, 2, (Reason("still", 1.0, {"dwell_s": 60.0}),), {"people": 1.0}, "bench@0",
    )  # fmt: skip


def hash_share(name: str) -> float:
    """A number in 0..1 that depends on nothing but the name."""
    return uuid5(_NAMESPACE, name).int % 1_000_003 / 1_000_003


def _life(random: np.random.Generator, first: Sighting) -> Iterator[tuple[float, Sighting]]:
    start = (first.started_at - _START).total_seconds()
    yield start, first
    middle, last = start + random.uniform(60, 200), start + random.uniform(210, 400)
    at = _START + timedelta(seconds=middle)
    yield middle, replace(first, sequence=1, phase=Phase.UPDATED, observed_at=at)
    at = _START + timedelta(seconds=last)
    yield last, replace(first, sequence=2, phase=Phase.ENDED, observed_at=at, ended_at=at)


def _resident_mib() -> float:
    """Resident memory of this process, MiB; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * 4096 / 2**20
