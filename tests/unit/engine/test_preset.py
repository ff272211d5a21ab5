"""A preset's view: looks no longer than the visit, asks for closer ones, keeps what they showed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pytest

from models.detections import Detections
from models.labels import LABELS
from pipeline.confirm import Origin
from pipeline.engine import preset
from pipeline.engine.preset import PresetView
from pipeline.engine.watch import WatchedView
from pipeline.tour.values import CloseView
from pipeline.types import Box, ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from pipeline.zones import Zone
from streams.types import Frame

KEY = ViewKey("eagle", "market")
BAG = (100.0, 100.0, 130.0, 130.0)
PLACE: Box = (100 / 320, 100 / 180, 130 / 320, 130 / 180)


def frame(now_s: float) -> Frame:
    return Frame("eagle", now_s, datetime.now(UTC), np.zeros((180, 320, 3), np.uint8))


@dataclass
class Host:
    """Stands at the market until a time; judges only pictures at whole seconds."""

    until_s: float = float("inf")
    now_s: float = 0.0
    wants: list[Box] = field(default_factory=list)

    def take(self, shot: Frame) -> Frame | None:
        self.now_s = shot.timestamp_s
        return shot if shot.timestamp_s % 1 == 0 else None

    def is_at(self, view: ViewKey) -> bool:
        return view == KEY and self.now_s < self.until_s

    def want(self, view: ViewKey, place_norm: Box, priority: float) -> None:
        self.wants.append(place_norm)


@pytest.fixture
def view() -> PresetView:
    zone = Zone.model_validate({"id": "z", "rules": [{"type": "garbage", "dwell_s": 5}]})
    plan = ViewPlan(Origin("s", KEY, "m@0"), (zone,), LABELS, gap_s=300.0)
    made = PresetView(KEY, None, ViewPipeline(plan), [zone], publish=lambda _: None)
    made.host = Host()
    return made


def test_a_look_ends_with_the_visit(view: PresetView, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: object) -> Iterator[Frame]:
        yield from (frame(number / 2) for number in range(20))

    monkeypatch.setattr(WatchedView, "look", look)
    view.host = Host(until_s=3.0)
    seen = [shot.timestamp_s for shot in view.look(10.0, 2.0, threading.Event())]
    assert seen == [0.0, 1.0, 2.0]


def test_what_deserves_a_look_is_also_looked_at_closely(view: PresetView) -> None:
    boxes = Detections(
        np.array([BAG], np.float32),
        np.array([0.9], np.float32),
        np.array([LABELS.index("garbage")], np.int32),
    )
    for now_s in range(4):
        view.judge(frame(float(now_s)), boxes, looking=False)
    assert view.host.wants
    assert view.host.wants[0] == pytest.approx(PLACE)


def test_a_picture_that_was_overtaken_says_nothing_of_wishes(view: PresetView) -> None:
    assert view.judge(frame(5.0), Detections(), looking=True) == ()
    assert view.judge(frame(4.0), Detections(), looking=False) is None
    assert view.judge(frame(6.0), Detections(), looking=False) == ()


def test_close_ups_are_kept_for_their_place_and_bounded(view: PresetView) -> None:
    assert view.close_up(PLACE) is None
    for number in range(20):
        x = 0.04 * number
        view.closer((x, 0.5, x + 0.03, 0.6), frame(float(number)))
    newest = view.close_up((0.7, 0.5, 0.8, 0.6))
    assert newest is not None
    assert newest.timestamp_s == 19.0
    assert view.close_up((0.0, 0.5, 0.03, 0.6)) is None
    assert len(view._close_ups) == preset._CLOSE_UPS + 1


def test_an_old_close_up_says_nothing(view: PresetView) -> None:
    view.closer(PLACE, frame(0.0))
    view.judge(frame(preset._CLOSE_UP_S + 1), Detections(), looking=False)
    assert view.close_up(PLACE) is None


@pytest.mark.parametrize(
    ("box", "label", "started"),
    [
        pytest.param((140.0, 70.0, 180.0, 110.0), "garbage", True, id="where the place lies"),
        pytest.param((0.0, 0.0, 40.0, 40.0), "garbage", False, id="beside it"),
        pytest.param((140.0, 70.0, 180.0, 110.0), "person", False, id="something else"),
    ],
)
def test_what_an_enlarged_picture_shows_decides_a_doubtful_claim(
    view: PresetView, box: Box, label: str, started: bool
) -> None:
    published: list[object] = []
    view._publish = published.append
    kind = {name: LABELS.index(name) for name in ("garbage", label)}

    def seen(where: Box, name: str, sure: float) -> Detections:
        row = np.array([where], np.float32), np.array([sure], np.float32)
        return Detections(*row, np.array([kind[name]], np.int32))

    for now_s in range(30):
        if now_s in (12, 13, 14):
            close = CloseView.of(PLACE, 3.0)
            view.take_close_up(close, frame(float(now_s)), seen(box, label, 0.8))
        elif now_s < 12 or now_s > 20:
            view.judge(frame(float(now_s)), seen(BAG, "garbage", 0.45), looking=False)
    assert bool(published) is started
