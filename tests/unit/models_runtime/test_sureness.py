"""Confidence relative to the card's threshold of its class."""

from __future__ import annotations

import numpy as np
import pytest

from models.detections import Detections
from models.sureness import Sureness, at_sureness

LABELS = ("garbage", "bare_head", "stall")
THRESHOLDS = {"garbage": 0.25, "bare_head": 0.46}


def found(class_id: int, *confidences: float) -> Detections:
    n = len(confidences)
    return Detections(
        np.zeros((n, 4), np.float32),
        np.array(confidences, np.float32),
        np.full(n, class_id, np.int32),
    )


@pytest.mark.parametrize(
    ("class_id", "raw", "sure"),
    [
        pytest.param(0, 0.25, 0.5, id="at its threshold"),
        pytest.param(1, 0.46, 0.5, id="at another class's threshold"),
        pytest.param(0, 0.125, 0.25, id="half of it"),
        pytest.param(0, 0.625, 0.75, id="half-way from it to 1"),
        pytest.param(0, 0.0, 0.0, id="nothing"),
        pytest.param(0, 1.0, 1.0, id="certain"),
        pytest.param(2, 0.3, 0.3, id="class without a threshold stays as it is"),
    ],
)
def test_half_is_the_threshold(class_id, raw, sure):
    assert Sureness(LABELS, THRESHOLDS)(found(class_id, raw)).confidence[0] == pytest.approx(sure)


def test_order_within_a_class_stays():
    confidences = np.linspace(0, 1, 50)
    sure = Sureness(LABELS, THRESHOLDS)(found(1, *confidences)).confidence
    assert (np.diff(sure) > 0).all()


def test_thresholds_at_the_ends_divide_nothing_by_zero():
    sureness = Sureness(("a", "b"), {"a": 0.0, "b": 1.0})
    for class_id in (0, 1):
        sure = sureness(found(class_id, 0.0, 0.5, 1.0)).confidence
        assert np.isfinite(sure).all()
        assert ((sure >= 0) & (sure <= 1)).all()


def test_no_box_is_no_box():
    assert len(Sureness(LABELS, THRESHOLDS)(Detections())) == 0


@pytest.mark.parametrize("sure", [0.5, 0.6, 0.9, 1.0])
def test_the_confidence_that_is_so_sure(sure: float) -> None:
    for class_id, confidence in enumerate(at_sureness(LABELS, THRESHOLDS, sure)):
        again = Sureness(LABELS, THRESHOLDS)(found(class_id, float(confidence)))
        assert float(again.confidence[0]) == pytest.approx(sure, abs=1e-5)
