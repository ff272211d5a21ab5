"""Plays a small script of boxes to one view's tracker, rule and confirmation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from models.detections import Detections
from models.labels import LABELS
from pipeline.confirm import Origin
from pipeline.types import Act, Box, NovelObject, Phase, Sighting, ViewKey
from pipeline.view_pipeline import Judgement, ViewPipeline, ViewPlan
from pipeline.zones import Zone
from streams.types import Frame

SIZE = (640, 360)
IMAGE = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

Thing = tuple[str, Box] | tuple[str, Box, float]
"""Label, box, and the detector's confidence where it is not 0.8."""

Script = Callable[[float], Iterable[Thing]]


@dataclass(slots=True)
class ScriptedNovelty:
    """Stands in for the pixels: things named "novel" in the script, from when they appear."""

    now: list[Box] = field(default_factory=list)
    since_s: dict[Box, float] = field(default_factory=dict)

    def update(
        self, image: Any, timestamp_s: float, busy: Iterable[Box]
    ) -> tuple[NovelObject, ...]:
        for box in self.now:
            self.since_s.setdefault(box, timestamp_s)
        return tuple(
            NovelObject(i, box, self.since_s[box], timestamp_s) for i, box in enumerate(self.now)
        )

    def state(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None:
        pass


@dataclass
class Play:
    """One view under test; `run` may be called again to go on later, or with another script."""

    zone: dict[str, Any]
    start: datetime = NOON
    restored: Sequence[Sighting] = ()
    labels: tuple[str, ...] = LABELS
    judged: list[Judgement] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    """What look-backs have found, from the next picture on."""

    def __post_init__(self) -> None:
        self.novelty = ScriptedNovelty()
        plan = ViewPlan(
            Origin("site", ViewKey("cam"), "test@0"),
            (Zone.model_validate({"id": "z", **self.zone}),),
            self.labels,
        )
        self.view = ViewPipeline(plan, novelty=self.novelty)
        self.view.restore(self.restored)

    def run(
        self, script: Script, until_s: float, fps: float = 1.0, from_s: float = 0.0
    ) -> list[Sighting]:
        out: list[Sighting] = []
        for step in range(round((until_s - from_s) * fps) + 1):
            now_s = from_s + step / fps
            out += self.see(script(now_s), now_s).sightings
        return out

    def see(self, things: Iterable[Thing], now_s: float) -> Judgement:
        shown = list(things)
        self.novelty.now = [thing[1] for thing in shown if thing[0] == "novel"]
        frame = Frame("cam", now_s, self.start + timedelta(seconds=now_s), IMAGE)
        judgement = self.view.judge(frame, _detections(shown), acts=self.acts)
        self.judged.append(judgement)
        return judgement


def _detections(things: Sequence[Thing]) -> Detections:
    known = [thing for thing in things if thing[0] != "novel"]
    return Detections(
        np.array([thing[1] for thing in known], np.float32).reshape(-1, 4),
        np.array([thing[2] if len(thing) == 3 else 0.8 for thing in known], np.float32),
        np.array([LABELS.index(thing[0]) for thing in known], np.int32),
    )


def phases(sightings: Iterable[Sighting]) -> list[Phase]:
    return [s.phase for s in sightings]


def shift(box: Box, dx: float, dy: float = 0.0) -> Box:
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


@pytest.fixture
def play() -> Callable[..., Play]:
    """Makes a Play of one whole-frame zone with one rule: play("garbage", dwell_s=30)."""

    def make(rule: str, zone: dict[str, Any] | None = None, **settings: Any) -> Play:
        options = {k: settings.pop(k) for k in ("start", "restored") if k in settings}
        return Play({"rules": [{"type": rule, **settings}], **(zone or {})}, **options)

    return make
