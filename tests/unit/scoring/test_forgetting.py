"""What a weight has forgotten: only what the start network is sure of counts, label by label."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from bench.forgetting import found_again
from models.detections import Detections
from models.labels import LABELS

PERSON, CAR = LABELS.index("person"), LABELS.index("car")
IMAGE = np.zeros((100, 200, 3), np.uint8)


def teacher(*rows: tuple[float, ...]) -> SimpleNamespace:
    opinion = np.asarray(rows, np.float32).reshape(-1, 6)
    return SimpleNamespace(opinion_of=lambda image: opinion)


def found(class_id: int, *xyxy: float) -> Detections:
    box = np.asarray([xyxy], np.float32)
    return Detections(box, np.ones(1, np.float32), np.asarray([class_id], np.int32))


def test_a_sure_person_is_found_again_only_as_a_person_in_its_place() -> None:
    sure = teacher((PERSON, 0.9, 0.5, 0.5, 0.2, 0.4))
    assert list(found_again(sure, found(PERSON, 80, 30, 120, 70), IMAGE)) == [("person", True)]
    assert list(found_again(sure, found(CAR, 80, 30, 120, 70), IMAGE)) == [("person", False)]
    assert list(found_again(sure, found(PERSON, 10, 30, 50, 70), IMAGE)) == [("person", False)]


def test_what_the_start_is_not_sure_of_does_not_count() -> None:
    unsure = teacher((PERSON, 0.4, 0.5, 0.5, 0.2, 0.4), (CAR, 0.8, 0.1, 0.1, 0.1, 0.1))
    nothing = Detections(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32)
    )
    assert list(found_again(unsure, nothing, IMAGE)) == [("car", False)]
