"""Clocks estimated from shared happenings; work shared by place."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import numpy as np
import pytest

from pipeline.fusion.clocks import ClockLimits, ClockWatch
from pipeline.fusion.partition import partition_of, tile_of
from pipeline.ledger.fusion import Kept, combine
from pipeline.ledger.types import Incident, PlacedSighting
from pipeline.types import Phase, Place, Sighting, ViewKey

NOON = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
NAMES = UUID("1f1c7d5e-54a1-5c7b-8b8e-0e6f9f4f0a11")


def seen(name: str, camera: str, at_s: float) -> Sighting:
    at = NOON + timedelta(seconds=at_s)
    return Sighting(
        uuid5(NAMES, name), 0, Phase.STARTED, ViewKey(camera), "z", "garbage", None,
        (0.1, 0.1, 0.2, 0.2), at, at, at, None, at.timestamp(), at.timestamp(), 0.8, 2, (), {}, "m",
    )  # fmt: skip


def shared(number: int, starts: dict[str, float]) -> Incident:
    sightings = [PlacedSighting(seen(f"{number}/{c}", c, s)) for c, s in starts.items()]
    return combine(Kept(uuid5(NAMES, f"i{number}")), sightings)


def watch(offsets: dict[str, float], happenings: int = 20, noise_s: float = 4.0) -> ClockWatch:
    random, clocks = np.random.default_rng(3), ClockWatch()
    for number in range(happenings):
        starts = {
            c: number * 500 + off + float(random.normal(0, noise_s)) for c, off in offsets.items()
        }
        clocks.learn(shared(number, starts))
    return clocks


def test_an_offset_is_estimated_and_corrected() -> None:
    clocks = watch({"a": 0.0, "b": 0.0, "c": 12.0})
    assert clocks.offset_s("c") == pytest.approx(12.0, abs=2.5)
    assert clocks.offset_s("a") == 0.0
    assert clocks.reports()[0].camera_id == "c"


def test_little_evidence_corrects_nothing() -> None:
    clocks = watch({"a": 0.0, "b": 0.0, "c": 3600.0}, happenings=1)
    assert clocks.offset_s("c") == 0.0
    assert not any(report.too_far for report in clocks.latest)


def test_a_time_zone_is_reported_and_not_corrected() -> None:
    clocks = watch({"a": 0.0, "b": 0.0, "c": 3600.0})
    worst = clocks.reports()[0]
    assert worst.camera_id == "c"
    assert worst.offset_s == pytest.approx(3600, abs=5)
    assert not worst.corrected
    assert clocks.offset_s("c") == 0.0
    assert {report.camera_id for report in clocks.latest if report.too_far} == {"c"}


def test_outliers_do_not_move_the_estimate() -> None:
    clocks = watch({"a": 0.0, "b": 0.0, "c": 10.0})
    clocks.learn(shared(999, {"a": 0.0, "c": 290.0}))
    assert clocks.offset_s("c") == pytest.approx(10.0, abs=3.0)


def test_learning_twice_counts_once_and_rebuilding_gives_the_same() -> None:
    incidents = [shared(n, {"a": n * 500.0, "b": n * 500.0 + 8}) for n in range(10)]
    once, again = ClockWatch(), ClockWatch()
    for incident in incidents:
        once.learn(incident)
        once.learn(incident)
    again.rebuild(incidents)
    assert once.reports() == again.reports()
    assert once.reports()[0].pairs == 10


def test_memory_is_bounded() -> None:
    clocks = ClockWatch(ClockLimits(max_pairs=5, max_sightings=8, per_pair=3))
    for number in range(30):
        clocks.learn(shared(number, {f"a{number}": 0.0, f"b{number}": 1.0}))
    assert len(clocks.reports()) <= 10


def test_neighbours_share_a_partition_and_the_city_is_spread() -> None:
    random = np.random.default_rng(1)
    near = {
        partition_of(seen("x", "c", 0), Place(116.4 + d, 39.9002, (1, 1)), 4) for d in (0, 1e-5)
    }
    assert len(near) == 1
    spread = Counter(
        partition_of(seen("x", "c", 0), Place(116.3 + x, 39.8 + y, (1, 1)), 4)
        for x, y in random.uniform(0, 0.2, (2000, 2))
    )
    assert min(spread.values()) > 300


def test_without_a_place_the_camera_decides() -> None:
    assert tile_of(seen("x", "gate-1", 0), None) == "camera/gate-1"
    with pytest.raises(ValueError, match="at least 1"):
        partition_of(seen("x", "gate-1", 0), None, 0)
