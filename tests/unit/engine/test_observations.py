"""The picture queue: bounded, counting what it drops, looks before glances."""

import threading
from datetime import UTC, datetime

import numpy as np

from pipeline.engine.observations import Observation, ObservationQueue
from pipeline.types import ViewKey
from streams.types import Frame


def observation(name: str, looking: bool = False) -> Observation:
    image = np.zeros((2, 2, 3), np.uint8)
    frame = Frame(name, 0.0, datetime(2026, 1, 1, tzinfo=UTC), image)
    return Observation(ViewKey(name), frame, looking, 0.0)


def names(pictures: list[Observation]) -> list[str]:
    return [p.view.camera_id for p in pictures]


def test_pictures_come_out_in_order_and_in_batches() -> None:
    queue = ObservationQueue(most=5)
    for name in "abc":
        assert queue.put(observation(name)) is None
    assert names(queue.take(2, 0)) == ["a", "b"]
    assert names(queue.take(2, 0)) == ["c"]
    assert queue.take(2, 0) == []


def test_a_full_queue_refuses_the_new_glance_and_counts_it() -> None:
    queue = ObservationQueue(most=1)
    queue.put(observation("a"))
    late = observation("b")
    assert queue.put(late) is late
    assert queue.dropped == 1
    assert names(queue.take(5, 0)) == ["a"]


def test_room_is_told_and_waited_for() -> None:
    queue = ObservationQueue(most=5)
    queue.put(observation("a"))
    assert queue.wait_for_room(2, 0)
    queue.put(observation("b"))
    queue.put(observation("c", looking=True))
    assert not queue.wait_for_room(2, 0.01)
    reader = threading.Timer(0.05, queue.take, (1, 0))
    reader.start()
    assert queue.wait_for_room(2, 5)
    reader.join()


def test_a_look_pushes_out_the_oldest_glance() -> None:
    queue = ObservationQueue(most=2)
    first = observation("a")
    queue.put(first)
    queue.put(observation("b"))
    assert queue.put(observation("c", looking=True)) is first
    assert names(queue.take(5, 0)) == ["b", "c"]
    assert queue.dropped == 1


def test_looks_alone_do_not_grow_beyond_the_bound() -> None:
    queue = ObservationQueue(most=1)
    queue.put(observation("a", looking=True))
    second = observation("b", looking=True)
    assert queue.put(second) is second
    assert len(queue) == 1
