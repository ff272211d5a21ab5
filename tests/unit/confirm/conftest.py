"""Feeds suspicions to one confirmation, a second at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.confirm import Confirmation, Origin, ViewMemory
from pipeline.confirm.identity import Topic
from pipeline.rules.settings import GarbageSettings, RuleBase
from pipeline.types import Box, Scene, Sighting, Suspicion, Track, ViewKey

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLACE: Box = (100.0, 100.0, 140.0, 140.0)
ORIGIN = Origin("site", ViewKey("cam"), "test@0")
TOPIC = Topic("garbage", "z")


def claim(
    since_s: float = 0.0, xyxy: Box = PLACE, strength: float = 0.8, **options: Any
) -> Suspicion:
    return Suspicion("garbage", "z", xyxy, since_s, strength, **{"ripe": True, **options})


def scene(now_s: float, tracks: Iterable[Track] = (), start: datetime = NOON) -> Scene:
    return Scene(ORIGIN.view, now_s, start + timedelta(seconds=now_s), (640, 360), tuple(tracks))


def person(now_s: float, xyxy: Box = (80.0, 60.0, 160.0, 200.0)) -> Track:
    return Track(1, "person", xyxy, 0.9, 0.0, now_s, None, 9)


Spoken = Callable[[float], Iterable[Suspicion]]


class Feed:
    """One confirmation under test, with a record of what it sent."""

    def __init__(
        self,
        settings: RuleBase | None = None,
        rules: Mapping[Topic, RuleBase] | None = None,
        memory: ViewMemory | None = None,
    ) -> None:
        self.looking = False
        default = settings or GarbageSettings(open_at=0.5, confirm_s=4, clear_s=10, reopen_s=100)
        self.confirmation = Confirmation(ORIGIN, rules or {TOPIC: default}, memory)

    def run(
        self,
        spoken: Spoken,
        until_s: float,
        from_s: float = 0.0,
        step_s: float = 1.0,
        tracks: Callable[[float], Iterable[Track]] = lambda t: (),
    ) -> list[Sighting]:
        out: list[Sighting] = []
        steps = round((until_s - from_s) / step_s) + 1
        for now_s in (from_s + step_s * i for i in range(steps)):
            seen = replace(scene(now_s, tracks(now_s)), looking=self.looking)
            out += self.confirmation.update(list(spoken(now_s)), seen)
        return out


@pytest.fixture
def feed() -> type[Feed]:
    return Feed


@pytest.fixture
def suspicion() -> Callable[..., Suspicion]:
    return claim


@pytest.fixture
def someone() -> Callable[..., Track]:
    return person
