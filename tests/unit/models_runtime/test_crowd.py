"""People are counted by boxes, corrected, and by density only where boxes saturate."""

from __future__ import annotations

import numpy as np
import pytest

from models.crowd import BoxCounter, SaturationCounter, people_inside
from models.crowd_calibration import fit_box_correction
from models.crowd_correction import BoxCorrection
from models.detections import Detections, FloatArray
from models.detector import ImageArray
from models.errors import CardError

IMAGE = np.zeros((100, 200, 3), np.uint8)
EVERYWHERE = np.array([[0, 0], [200, 0], [200, 100], [0, 100]], np.float32)
LEFT_HALF = np.array([[0, 0], [100, 0], [100, 100], [0, 100]], np.float32)


class EvenDensity:
    """Fifty people spread evenly; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def people_per_cell(self, image: ImageArray) -> FloatArray:
        self.asked += 1
        return np.full((10, 20), 50 / 200, np.float32)


def people(count: int, confidence: float = 0.8, left: float = 0.0) -> Detections:
    x = left + np.linspace(1, 80, count)
    boxes = np.stack([x, np.full(count, 20), x + 4, np.full(count, 60)], axis=1)
    return Detections(
        boxes.astype(np.float32),
        np.full(count, confidence, np.float32),
        np.zeros(count, np.int32),
    )


def test_counts_feet_in_the_area() -> None:
    counter = BoxCounter(["person", "car"], BoxCorrection())
    both = Detections.concat([people(5), people(3, left=110)])
    everywhere, left = counter.count(IMAGE, both, [EVERYWHERE, LEFT_HALF])
    assert (everywhere.people, left.people) == (8, 5)
    assert everywhere.method == "boxes"


def test_unsure_boxes_and_other_classes_do_not_count() -> None:
    counter = BoxCounter(["car", "person"], BoxCorrection(threshold=0.5))
    assert counter.count(IMAGE, people(5), [EVERYWHERE])[0].people == 0
    counter = BoxCounter(["person"], BoxCorrection(threshold=0.5))
    assert counter.count(IMAGE, people(5, confidence=0.4), [EVERYWHERE])[0].people == 0


def test_few_people_are_counted_by_boxes() -> None:
    counter = SaturationCounter(
        BoxCounter(["person"], BoxCorrection()), EvenDensity(), dense_from=60
    )
    count = counter.count(IMAGE, people(9), [EVERYWHERE])[0]
    assert (count.method, count.people) == ("boxes", 9)


def test_a_crowd_in_which_boxes_find_hardly_anyone_is_counted_by_density() -> None:
    counter = SaturationCounter(
        BoxCounter(["person"], BoxCorrection()), EvenDensity(), dense_from=15
    )
    count = counter.count(IMAGE, people(2), [EVERYWHERE])[0]
    assert count.method == "density"
    assert count.people == pytest.approx(50, rel=0.02)


def test_many_people_are_counted_by_density_once_for_all_areas() -> None:
    density = EvenDensity()
    counter = SaturationCounter(BoxCounter(["person"], BoxCorrection()), density, dense_from=15)
    right = np.array([[150, 0], [200, 0], [200, 100], [150, 100]], np.float32)
    counts = counter.count(IMAGE, people(20), [EVERYWHERE, LEFT_HALF, right])
    assert [count.method for count in counts] == ["density", "density", "boxes"]
    assert counts[0].people == pytest.approx(50, rel=0.02)
    assert counts[1].people == pytest.approx(25, rel=0.05)
    assert density.asked == 1


def test_cells_on_the_edge_count_by_their_share() -> None:
    density = np.full((2, 2), 10, np.float32)
    quarter = np.array([[0, 0], [30, 0], [30, 40], [0, 40]], np.float32)
    assert people_inside(density, quarter, (40, 40)) == pytest.approx(30, rel=0.1)


def test_correction_of_a_card() -> None:
    assert BoxCorrection.of_card(None)(7, 5) == 7
    assert BoxCorrection.of_card({"factor": 1.5})(10, 8) == pytest.approx(15)
    knots = BoxCorrection.of_card({"threshold": 0.3, "knots": [[0, 0], [10, 12], [30, 60]]})
    assert knots.threshold == 0.3
    assert knots(20, 15) == pytest.approx(36)
    assert knots(60, 40) == pytest.approx(120)


@pytest.mark.parametrize(
    ("boxes", "sure", "people"),
    [(0, 0, 0), (5, 3, 3), (7.5, 5, 5), (10, 7, 26 / 3), (15, 9, 24), (20, 15, 36)],
)
def test_few_boxes_are_sure_ones_and_many_are_corrected(
    boxes: float, sure: float, people: float
) -> None:
    """Of five people who stand apart, ten boxes were counted, and a third added to them."""
    correction = BoxCorrection(0.15, (0.0, 10.0, 30.0), (0.0, 12.0, 60.0))
    assert correction(boxes, sure) == pytest.approx(people)


def test_a_counter_takes_few_people_surely_and_a_crowd_with_every_box() -> None:
    counter = BoxCounter(["person"], BoxCorrection(0.2, (0.0, 10.0), (0.0, 15.0)), sure_from=0.5)

    def counted(sure: int, unsure: int) -> float:
        found = Detections.concat([people(sure, 0.8), people(unsure, 0.3, left=110)])
        return counter.count(IMAGE, found, [EVERYWHERE])[0].people

    assert counted(4, 1) == 4
    assert counted(8, 12) == pytest.approx(30)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"factor": "many"}, id="no number"),
        pytest.param({"knots": [[1, 2], [3, 4]]}, id="not from zero"),
        pytest.param({"knots": [[0, 0]]}, id="one knot"),
        pytest.param({"knots": [[0, 0], [5, 9], [6, 3]]}, id="falling"),
        pytest.param({"knots": [[0, 0], [5, 9], [5, 10]]}, id="standing still"),
        pytest.param({"factor": -1}, id="negative"),
    ],
)
def test_an_impossible_correction_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(CardError):
        BoxCorrection.of_card(entry)


def test_a_fit_recovers_saturation() -> None:
    random = np.random.default_rng(0)
    truth = random.uniform(0, 200, 300)
    boxes = np.round(60 * (1 - np.exp(-truth / 60)))
    correction = fit_box_correction(boxes.tolist(), truth.tolist(), 0.3)
    error = [abs(correction(b, b) - t) for b, t in zip(boxes, truth, strict=True)]
    plain = [abs(b - t) for b, t in zip(boxes, truth, strict=True)]
    assert np.mean(error) < 0.25 * np.mean(plain)
    assert correction(0, 0) == 0


def test_a_far_crowd_of_whom_few_are_found_does_not_speak_for_all_pictures_with_as_few() -> None:
    boxes, people = [10.0] * 15 + [30.0] * 15, [12.0] * 14 + [468.0] + [60.0] * 15
    correction = fit_box_correction(boxes, people, 0.3)
    assert correction(15, 15) == pytest.approx(28)
    assert correction(30, 30) == pytest.approx(60)


def test_a_fit_of_empty_pictures_counts_as_it_sees() -> None:
    correction = fit_box_correction([0, 0, 0], [0, 0, 0], 0.3)
    assert correction(4, 4) == 4
