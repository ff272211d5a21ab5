"""The worker's loops outlast what fails in them, and its periods follow the zones."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from models.detections import Detections
from pipeline.confirm import LookWant
from pipeline.confirm.identity import Topic
from pipeline.engine import worker as module
from pipeline.engine.looks import STARVED_OVER_S, LookOrder
from pipeline.engine.metrics import PatrolMetrics
from pipeline.engine.observations import Observation
from pipeline.engine.worker import Worker, WorkerSettings
from pipeline.types import ViewKey

GATE = ViewKey("gate")
WANT = LookWant(Topic("garbage", "z"), (0.1, 0.1, 0.2, 0.2), 2.0, 5.0, 6.0, 0.0)


class Seconds:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def working(clock: Seconds, period_s: float = 1.0) -> tuple[Worker, Any]:
    """A worker with one view, whose threads do not run."""
    view = SimpleNamespace(key=GATE, glance_period_s=period_s, is_scheduled=True, is_urgent=False)
    settings = WorkerSettings(decode_threads=1)
    made = Worker([cast(Any, view)], lambda shown: [], PatrolMetrics(), settings, clock)
    return made, view


def test_a_round_that_fails_ends_neither_the_loop_nor_a_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Seconds()
    worker, _ = working(clock)
    monkeypatch.setattr(module, "_AFTER_FAULT_S", 0.0)
    rounds: list[float] = []

    def broken(now_s: float, most: int) -> list[ViewKey]:
        rounds.append(now_s)
        if len(rounds) == 10:
            worker._stop.set()
        raise KeyError("a bug")

    monkeypatch.setattr(worker._scheduler, "take_due", broken)
    worker._again(worker._dispatch)
    assert len(rounds) == 10
    assert worker._places.acquire(timeout=0)


def test_a_pool_that_was_shut_ends_no_loop_with_an_error() -> None:
    clock = Seconds()
    worker, _ = working(clock)
    clock.now = 5.0
    worker._pool.shutdown()
    real, worker._stop = worker._stop, cast(Any, SetInBetween())
    worker._dispatch()
    worker._stop = real
    assert worker._places.acquire(timeout=0)
    assert worker._scheduler.next_due_s() == 6.0


class SetInBetween:
    """A stop that is not set at the first look, and is at the second."""

    def __init__(self) -> None:
        self.looks = 0

    def is_set(self) -> bool:
        self.looks += 1
        return self.looks > 1

    def wait(self, timeout: float) -> bool:
        return True


def test_a_failed_judgement_gives_its_views_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Seconds()
    worker, _ = working(clock)
    worker._scheduler.take_due(5.0, 1)
    picture = SimpleNamespace(view=GATE, looking=False, asked_s=5.0, known=None)
    monkeypatch.setattr(worker._pictures, "take", lambda most, timeout_s: [picture])
    monkeypatch.setattr(worker, "_detect", lambda pictures: [])
    with pytest.raises(ValueError, match="shorter"):
        worker._judge()
    assert worker._scheduler.next_due_s() == 6.0


def test_no_glance_is_decoded_for_a_judge_that_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is thrown away cost its decoding; only late glances stretch the periods."""
    clock = Seconds()
    worker, view = working(clock)
    monkeypatch.setattr(module, "_HELD_UP_S", 0.01)
    glanced: list[float] = []
    view.glance = lambda: glanced.append(clock.now)
    for _ in range(worker._settings.batch):
        worker._pictures.put(cast(Any, SimpleNamespace(view=GATE, looking=False)))
    worker._looks.ask(LookOrder(GATE, 3.0, 5.0, 8.0, 0.0))
    looked: list[LookOrder] = []
    monkeypatch.setattr(worker, "_look", looked.append)
    clock.now = 5.0
    for _ in range(3):
        worker._dispatch()
    assert glanced == []
    assert [order.view for order in looked] == [GATE], "looks must not wait for late glances"
    worker._pictures.take(1, 0)
    worker._dispatch()
    worker._pool.shutdown()
    assert glanced == [5.0]
    assert worker.worst_wait() > 5.0


def test_a_look_holds_its_pictures_back_for_a_judge_that_is_behind() -> None:
    worker, view = working(Seconds())
    most = worker._settings.look_pictures
    pictures = [SimpleNamespace(number=i) for i in range(most + 3)]
    view.look = lambda look_s, look_fps, stop: iter(pictures)
    look = threading.Thread(target=worker._look, args=(LookOrder(GATE, 3.0, 5.0, 0.2, 0.0),))
    look.start()
    judged: list[Any] = []
    while len(judged) < len(pictures):
        time.sleep(0.02)
        assert len(worker._pictures) <= most
        judged += worker._pictures.take(1, 5.0)
    look.join(5.0)
    assert [cast(Any, p.shot).number for p in judged] == [p.number for p in pictures]
    assert worker._pictures.dropped == 0


def test_a_look_is_held_back_no_longer_than_it_has_between_two_pictures() -> None:
    worker, view = working(Seconds())
    view.look = lambda look_s, look_fps, stop: iter([SimpleNamespace()] * 7)
    worker._look(LookOrder(GATE, 3.0, 5.0, 100.0, 0.0))
    assert worker._pictures.dropped == 7 - worker._settings.look_pictures


def test_a_thread_that_ended_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, _ = working(Seconds())
    monkeypatch.setattr(worker, "_again", lambda work: work == worker._judge or worker._stop.wait())
    worker.start()
    worker._threads[1].join(5.0)
    assert worker.dead_threads == ("judge",)
    worker.stop()
    assert worker.dead_threads == ()


def judged(worker: Worker, view: Any, wants: tuple[LookWant, ...] | None, looking: bool) -> None:
    """Let a view say what it thinks of one picture."""
    view.judge = lambda shot, detections, looking: wants
    view.wants_look_back = False
    shot = SimpleNamespace(captured_at=datetime.now(UTC))
    worker._judge_one(Observation(GATE, cast(Any, shot), looking, 0.0), Detections())


def told(worker: Worker, name: str) -> float:
    return worker._metrics.registry.get_sample_value(name) or 0.0


def test_a_picture_that_comes_too_late_forgets_no_wish_and_is_no_glance() -> None:
    worker, view = working(Seconds())
    judged(worker, view, (WANT,), looking=False)
    assert worker.look_pressure().waiting == 1
    judged(worker, view, None, looking=False)
    assert worker.look_pressure().waiting == 1
    glances = worker._metrics.registry.get_sample_value("patrol_glances_total", {"camera": "gate"})
    assert glances == 1
    assert told(worker, "patrol_pictures_overtaken_total") == 1


def test_a_look_without_a_picture_is_followed_by_no_rest() -> None:
    worker, view = working(Seconds())
    order = LookOrder(GATE, 3.0, 5.0, 8.0, 0.0)
    view.look = lambda *_: iter(())
    for _ in range(2):
        worker._looks.ask(order)
        (granted,) = worker._looks.grant(0.0)
        worker._look(granted)


def test_a_suspicion_that_is_gone_before_its_look_has_starved() -> None:
    clock = Seconds()
    worker, view = working(clock)
    judged(worker, view, (WANT,), looking=False)
    clock.now = 10.0
    judged(worker, view, (), looking=False)
    assert (worker.look_pressure().waiting, worker.look_pressure().starved) == (0, 1)
    assert told(worker, "patrol_looks_starved_total") == 1
    clock.now += STARVED_OVER_S
    assert worker.look_pressure().starved == 0


def test_new_zones_change_the_period() -> None:
    clock = Seconds()
    worker, view = working(clock, period_s=100.0)
    clock.now = 1.0
    worker._scheduler.take_due(1.0, 1)
    worker._scheduler.finished(GATE, 1.0)
    assert worker._scheduler.next_due_s() == 101.0
    view.glance_period_s = 2.0
    worker.retime(GATE)
    assert worker._scheduler.next_due_s() == 3.0
