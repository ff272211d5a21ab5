"""An eagle-eye and the thread that judges all cameras: nobody waits for a head."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.engine.eagle import EagleEye, EaglePorts
from pipeline.tour.values import CloseLook, Seen
from pipeline.types import ViewKey
from streams.types import Shot

MAST = ViewKey("mast", "corner")
PLACE = (0.1, 0.1, 0.2, 0.2)


class SlowTour:
    """A tour whose head answers when it is told to."""

    def __init__(self) -> None:
        self.camera_id, self.held = "mast", False
        self.head = SimpleNamespace(can_step=True)
        self.settings = SimpleNamespace(stops=())
        self.wants: set[CloseLook] = set()
        self.asked, self.answers = threading.Event(), threading.Event()

    def update(self, *_: object) -> Seen:
        self.asked.set()
        assert self.answers.wait(30)
        return Seen()


@pytest.fixture
def tour() -> SlowTour:
    return SlowTour()


@pytest.fixture
def eye(tour: SlowTour) -> EagleEye:
    return EagleEye(
        cast(Any, None),
        cast(Any, tour),
        {},
        cast(EaglePorts, SimpleNamespace(clock=None)),
        cast(Any, None),
    )


def shot(timestamp_s: float) -> Shot:
    frame = SimpleNamespace(timestamp_s=timestamp_s, captured_at=None, image=None)
    return cast(Shot, SimpleNamespace(timestamp_s=timestamp_s, frame=lambda: frame))


def test_a_wish_for_a_closer_look_does_not_wait_for_the_head(
    eye: EagleEye, tour: SlowTour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.engine.eagle.open_views", lambda *_: ())
    thread = threading.Thread(target=eye.take, args=(shot(1.0),), daemon=True)
    thread.start()
    assert tour.asked.wait(30)
    judge = threading.Thread(target=eye.want, args=(MAST, PLACE, 2.0), daemon=True)
    judge.start()
    judge.join(10)
    waited = judge.is_alive()
    tour.answers.set()
    thread.join(30)
    assert not waited
    assert tour.wants == set()
    eye.take(shot(2.0))
    assert tour.wants == {CloseLook("corner", PLACE, 2.0)}


def test_a_place_is_asked_for_once_in_a_while(
    eye: EagleEye, tour: SlowTour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.engine.eagle.open_views", lambda *_: ())
    tour.answers.set()
    eye.take(shot(1.0))
    for _ in range(3):
        eye.want(MAST, PLACE, 2.0)
    assert len(eye._wishes) == 1
