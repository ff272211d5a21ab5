"""Randomised runs on the square through the real fusion, and through its baselines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import numpy as np

from bench.fusion_baselines import FixedRadius, NoFusion, SameCamera
from bench.fusion_score import MergeScore, score
from bench.fusion_sightings import Message, Trouble, report
from bench.fusion_square import ORIGIN, Square, build
from pipeline.fusion.clocks import ClockWatch
from pipeline.fusion.fuse import Fusion, fusing
from pipeline.fusion.settings import FusionSettings
from pipeline.geometry.locator import Locator
from pipeline.ledger.fusion import FusionPolicy
from pipeline.ledger.memory import MemoryLedger
from pipeline.ledger.port import LedgerConfig
from pipeline.ledger.types import Incident

MAX_DISTANCE_M = 100.0
"""The place error counts sightings this near to their lens."""

Way = Callable[[ClockWatch], LedgerConfig]

WAYS: dict[str, Way] = {
    "skygrid": lambda clocks: fusing(LedgerConfig("bench"), FusionSettings(), clocks),
    "no fusion": lambda _: _plain(NoFusion()),
    "fixed radius 5 m, 5 min": lambda _: _plain(FixedRadius(5.0)),
    "fixed radius 10 m, 5 min": lambda _: _plain(FixedRadius(10.0)),
    "same camera only": lambda _: _plain(SameCamera()),
}


@dataclass(slots=True)
class Tally:
    """What runs of one way add up to.

    Attributes:
        merges: Pair counts.
        sighting_errors_m: Distance of each sighting's place from the truth.
        incident_errors_m: Distance of each unmixed incident's place from the truth.
    """

    merges: MergeScore = field(default_factory=MergeScore)
    sighting_errors_m: list[float] = field(default_factory=list)
    incident_errors_m: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """One run's square and every message of it in the order of arrival."""

    square: Square
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What came of a world: incidents, and each sighting's (incident, happening)."""

    world: World
    incidents: tuple[Incident, ...]
    homes: dict[UUID, tuple[UUID, int]]


def world(seed: int, trouble: Trouble | None = None) -> World:
    """The world of a seed."""
    random = np.random.default_rng(seed)
    square = build(random)
    return World(square, tuple(report(square, trouble or Trouble(), random)))


def play(world: World, way: Way) -> Run:
    """Record every message of a world one way."""
    clocks = ClockWatch()
    locator = Locator({view.key: view.calibration for view in world.square.views})
    fusion = Fusion(MemoryLedger(way(clocks)), locator, clocks)
    for message in world.messages:
        fusion.record(message.sighting)
    truth = {m.sighting.sighting_id: m.happening for m in world.messages}
    homes = {
        sighting_id: (fusion.ledger.incident_of(sighting_id).incident_id, happening)
        for sighting_id, happening in truth.items()
    }
    return Run(world, fusion.ledger.recent(10_000), homes)


def add(tally: Tally, run: Run) -> None:
    """Score a run into a tally."""
    tally.merges = tally.merges + score(run.homes.values())
    spots = {happening.number: happening.spot_m for happening in run.world.square.happenings}
    near = {m.sighting.sighting_id for m in run.world.messages if m.distance_m <= MAX_DISTANCE_M}
    for incident in run.incidents:
        shown = {run.homes[p.sighting.sighting_id][1] for p in incident.sightings}
        for placed in incident.sightings:
            if placed.place and placed.sighting.sighting_id in near:
                spot = spots[run.homes[placed.sighting.sighting_id][1]]
                tally.sighting_errors_m.append(_error_m(placed.place.lon, placed.place.lat, spot))
        if incident.place and len(shown) == 1:
            spot = spots[shown.pop()]
            tally.incident_errors_m.append(_error_m(incident.place.lon, incident.place.lat, spot))


def _error_m(lon: float, lat: float, spot_m: tuple[float, float]) -> float:
    return float(np.hypot(*(ORIGIN.to_metres((lon, lat)) - spot_m)))


def _plain(policy: FusionPolicy) -> LedgerConfig:
    return replace(LedgerConfig("bench"), policy=policy, join_window=timedelta(hours=24))
