"""The picture queue: bounded for each kind, counting what it drops."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
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
    queue = ObservationQueue(glances=5, looks=5)
    for name in "abc":
        assert queue.put(observation(name))
    assert names(queue.take(2, 0)) == ["a", "b"]
    assert names(queue.take(2, 0)) == ["c"]
    assert queue.take(2, 0) == []


def test_a_full_queue_refuses_the_new_picture_and_counts_it() -> None:
    queue = ObservationQueue(glances=1, looks=1)
    assert queue.put(observation("a"))
    assert not queue.put(observation("b"))
    assert queue.dropped == 1
    assert names(queue.take(5, 0)) == ["a"]


def test_glances_and_looks_take_no_place_of_each_other() -> None:
    queue = ObservationQueue(glances=2, looks=1)
    assert queue.put(observation("a", looking=True))
    assert not queue.put(observation("b", looking=True))
    assert queue.put(observation("c"))
    assert queue.put(observation("d"))
    assert not queue.put(observation("e"))
    assert names(queue.take(5, 0)) == ["a", "c", "d"]
    assert queue.dropped == 2
    assert len(queue) == 0


def test_room_for_glances_is_told_and_waited_for() -> None:
    queue = ObservationQueue(glances=5, looks=5)
    queue.put(observation("a"))
    assert queue.wait_for_glances(2, 0)
    queue.put(observation("b"))
    queue.put(observation("c", looking=True))
    assert not queue.wait_for_glances(2, 0.01)
    reader = threading.Timer(0.05, queue.take, (1, 0))
    reader.start()
    assert queue.wait_for_glances(2, 5)
    reader.join()


def test_a_picture_waits_for_a_place_as_long_as_it_may() -> None:
    queue = ObservationQueue(glances=1, looks=1)
    queue.put(observation("a", looking=True))
    assert not queue.put(observation("b", looking=True), 0.01)
    reader = threading.Timer(0.05, queue.take, (1, 0))
    reader.start()
    assert queue.put(observation("c", looking=True), 5)
    reader.join()
    assert names(queue.take(5, 0)) == ["c"]
    assert queue.dropped == 1


def test_of_two_that_wait_for_one_place_one_gets_it() -> None:
    queue = ObservationQueue(glances=1, looks=1)
    queue.put(observation("a", looking=True))
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(queue.put, observation(n, looking=True), 0.5) for n in "bc"]
        time.sleep(0.1)
        assert names(queue.take(1, 0)) == ["a"]
        assert sorted(w.result() for w in waiting) == [False, True]
    assert len(queue) == 1
