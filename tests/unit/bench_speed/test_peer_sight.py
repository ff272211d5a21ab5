"""The peers' ways of seeing: Frigate's gate and what stands still, Ultralytics' two calls."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.speed.peer_sight import Frigate, MotionGate, Predict, Track
from tests.builders.fake_detector import ColourDetector

YELLOW = (0, 255, 255)


def street(left: int | None, size: tuple[int, int] = (1280, 720)) -> Any:
    """A grey street with a yellow thing, 120 pixels square."""
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    if left is not None:
        image[300:420, left : left + 120] = YELLOW
    return image


class TestGate:
    def test_a_still_picture_stays_shut(self) -> None:
        gate, luma = MotionGate(), np.full((360, 640), 90, np.uint8)
        assert not any(gate.opens(luma) for _ in range(5))

    def test_what_moves_opens_it_and_what_stays_closes_it(self) -> None:
        gate, luma = MotionGate(), np.full((360, 640), 90, np.uint8)
        gate.opens(luma)
        luma[100:200, 100:200] = 200
        assert gate.opens(luma)
        opened = [gate.opens(luma) for _ in range(20)]
        assert not any(opened[-10:]), "the average has taken it in"


class TestFrigate:
    def test_boxes_are_in_pixels_of_the_picture(self) -> None:
        peer = Frigate(ColourDetector({"garbage": YELLOW}))
        assert len(peer.see(street(None))) == 0
        found = peer.see(street(500))
        assert found.xyxy[0] == pytest.approx([500, 300, 620, 420], abs=4)

    def test_what_stands_still_keeps_its_box(self) -> None:
        peer = Frigate(ColourDetector({"garbage": YELLOW}))
        for left in (None, *[500] * 30):
            found = peer.see(street(left))
        assert len(found) == 1

    def test_another_camera_begins_with_nothing(self) -> None:
        peer = Frigate(ColourDetector({"garbage": YELLOW}))
        peer.see(street(None))
        assert len(peer.see(street(500))) == 1
        peer.begin()
        assert len(peer.see(street(None))) == 0

    def test_what_is_there_from_the_start_is_seen(self) -> None:
        peer = Frigate(ColourDetector({"garbage": YELLOW}))
        assert len(peer.see(street(500))) == 1


class Yolo:
    """Answers one box to every call, and remembers the calls."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def predict(self, image: Any, **options: Any) -> list[Any]:
        import torch

        self.calls.append(options)
        box = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
        found = SimpleNamespace(xyxy=box, conf=torch.tensor([0.5]), cls=torch.tensor([2.0]))
        return [SimpleNamespace(boxes=found)]

    track = predict


def test_ultralytics_boxes_become_detections() -> None:
    found = Predict(Yolo(), {}).see(street(None))
    assert found.xyxy.tolist() == [[1, 2, 3, 4]]
    assert (found.confidence.tolist(), found.class_id.tolist()) == ([0.5], [2])
    assert (found.confidence.dtype, found.class_id.dtype) == (np.float32, np.int32)


def test_tracks_last_as_long_as_a_camera() -> None:
    model = Yolo()
    peer = Track(model, {"conf": 0.15})
    for _ in range(2):
        peer.begin()
        peer.see(street(None))
        peer.see(street(None))
    assert [call["persist"] for call in model.calls] == [False, True, False, True]
    assert all(call["conf"] == 0.15 for call in model.calls)
