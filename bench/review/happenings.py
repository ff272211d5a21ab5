"""Made-up sightings for a full store; the same seed makes the same city."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.types import IncidentType, Phase, Place, Reason, Sighting, ViewKey

TYPES: tuple[IncidentType, ...] = (
    "street_vending",
    "garbage",
    "overflowing_bin",
    "missing_helmet",
    "crowding",
)
REASONS: dict[str, tuple[Reason, ...]] = {
    "street_vending": (
        Reason("stall_still", 0.4, {"dwell_s": 64.0, "confidence": 0.71}),
        Reason("attended", 0.26, {"share": 0.87, "stay_s": 58.0}),
        Reason("passers_by", 0.2, {"people": 2}),
        Reason("confirmed", 0.0, {"looks": 14, "share": 0.93}),
    ),
    "garbage": (
        Reason("garbage_seen", 0.5, {"confidence": 0.66, "looks": 9}),
        Reason("left_by", 0.2, {"actor": "t12"}),
        Reason("stands_still", 0.2, {"dwell_s": 131.0}),
    ),
    "overflowing_bin": (Reason("overflowing_seen", 0.6, {"confidence": 0.58, "looks": 7}),),
    "missing_helmet": (Reason("head_bare", 0.6, {"share": 0.92, "looks": 24}),),
    "crowding": (Reason("crowded", 0.8, {"people": 43.0, "times_limit": 2.2, "method": "boxes"}),),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make: how many, ending when, with which clip."""

    count: int
    until: datetime
    seed: int = 7
    cameras: int = 6
    days: float = 1.0


def sightings(plan: Plan) -> Iterator[tuple[Sighting, Place | None]]:
    """Sightings of different happenings, oldest first."""
    chance = random.Random(plan.seed)
    step = timedelta(days=plan.days) / max(1, plan.count)
    for number in range(plan.count):
        kind = TYPES[number % len(TYPES)]
        camera = number % plan.cameras
        start = plan.until - step * (plan.count - number)
        left, top = chance.uniform(0.1, 0.6), chance.uniform(0.3, 0.6)
        ended = chance.random() < 0.4
        sighting = Sighting(
            sighting_id=uuid.UUID(int=chance.getrandbits(128), version=5),
            sequence=0,
            phase=Phase.ENDED if ended else Phase.STARTED,
            view=ViewKey(f"cam-{camera:03d}"),
            zone_id="pavement" if kind != "missing_helmet" else "site",
            type=kind,
            subtype="dumping" if kind == "garbage" and number % 2 else None,
            xyxy_norm=(left, top, left + 0.15, top + 0.25),
            started_at=start,
            confirmed_at=start + timedelta(seconds=20),
            observed_at=start + timedelta(seconds=90),
            ended_at=start + timedelta(seconds=90) if ended else None,
            timestamp_s=start.timestamp() + 90,
            started_s=start.timestamp(),
            confidence=round(chance.uniform(0.5, 0.98), 3),
            severity=chance.choice((1, 2, 2, 3, 3, 4)),
            reasons=REASONS[kind],
            measures={"people": 43.0} if kind == "crowding" else {"dwell_s": 64.0},
            model="patrol11n@1f2e3d",
        )
        yield sighting, place(camera, chance) if camera % 3 != 2 else None


def place(camera: int, chance: random.Random) -> Place:
    """A place near the camera, in one of two cells."""
    lon, lat = 114.03 + 0.002 * (camera % 3), 22.54 + 0.002 * (camera // 3)
    cell = "4403040020000001" if camera % 2 == 0 else "4403040030000002"
    return Place(
        lon + chance.uniform(0, 5e-4), lat + chance.uniform(0, 5e-4), (2.5, 1.2), 40.0, cell
    )
