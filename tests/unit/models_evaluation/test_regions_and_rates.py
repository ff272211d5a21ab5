"""Heaps joined into regions, and the rates of a patrol."""

from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.average_precision import Judged
from models.evaluation.rates import correction, count_errors, picture_rates
from models.evaluation.regions import join, region_curve, touching_groups


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.asarray(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("rows", "groups"),
    [
        pytest.param([], 0, id="none"),
        pytest.param([(0, 0, 10, 10), (20, 20, 30, 30)], 2, id="apart"),
        pytest.param([(0, 0, 10, 10), (10, 0, 20, 10)], 1, id="edges touch"),
        pytest.param([(0, 0, 10, 10), (25, 0, 40, 10), (8, 2, 26, 6)], 1, id="through a third"),
    ],
)
def test_boxes_that_touch_are_one_group(rows: list, groups: int) -> None:
    assert len(np.unique(touching_groups(boxes(*rows)))) == groups


def test_a_region_is_as_confident_as_its_best_box() -> None:
    xyxy, confidence = join(boxes((0, 0, 10, 10), (5, 5, 30, 20)), np.float32([0.3, 0.8]))
    assert xyxy.tolist() == [[0, 0, 30, 20]]
    assert confidence.tolist() == pytest.approx([0.8])


def picture(truth: list, found: list, confidence: list[float]) -> Judged:
    return Judged(boxes(*truth), boxes(*found), np.asarray(confidence, np.float32))


HEAP = (0, 0, 100, 100)


def test_a_weak_box_that_touches_a_heap_costs_nothing_above_its_own_confidence() -> None:
    """Whoever works at a threshold between the two sees the heap as it is."""
    curve = region_curve([picture([HEAP], [HEAP, (90, 90, 400, 400)], [0.8, 0.3])])
    assert curve.map50 == 1.0
    assert region_curve([picture([HEAP], [HEAP, (90, 90, 400, 400)], [0.3, 0.8])]).map50 == 0.0


def test_a_heap_in_two_boxes_is_whole_from_where_both_are_believed() -> None:
    halves = [(0, 0, 40, 100), (40, 0, 100, 100)]
    curve = region_curve([picture([HEAP], halves, [0.8, 0.3]), picture([HEAP], [HEAP], [0.5])])
    # At 0.3 both heaps are whole; above it the first is a part that overlaps by 0.4.
    assert curve.map50 == 1.0
    assert curve.n == 2
    assert region_curve([picture([HEAP], halves[:1], [0.8])]).map50 == 0.0


def test_precision_at_a_recall_is_the_best_of_the_levels_that_reach_it() -> None:
    far = (300, 300, 400, 400)
    curve = region_curve([picture([HEAP], [HEAP], [0.9]), picture([HEAP], [far, HEAP], [0.6, 0.4])])
    assert curve.precision[0][0] == 1.0
    assert curve.precision[0][50] == 1.0
    assert curve.precision[0][51] == pytest.approx(2 / 3)
    assert curve.recall[0] == 1.0


def test_pictures_without_a_heap_count_their_false_regions() -> None:
    curve = region_curve([picture([HEAP], [HEAP], [0.5]), picture([], [HEAP], [0.7])])
    assert curve.map50 == pytest.approx(0.5)
    assert region_curve([picture([], [HEAP], [0.7])]).n == 0


def test_rates_count_pictures_not_boxes() -> None:
    heap = (0, 0, 100, 100)
    rates = picture_rates(
        [
            picture([heap, (200, 200, 300, 300)], [heap], [0.9]),
            picture([heap], [heap], [0.2]),
            picture([], [heap, heap], [0.9, 0.9]),
            picture([], [heap], [0.2]),
        ],
        threshold=0.5,
    )
    assert (rates.found, rates.n_with, rates.false, rates.n_clean) == (0.5, 2, 0.5, 2)


def test_a_report_elsewhere_finds_nothing() -> None:
    rates = picture_rates([picture([(0, 0, 50, 50)], [(200, 200, 260, 260)], [0.9])], 0.5)
    assert rates.found == 0.0


def test_errors_of_counts() -> None:
    errors = count_errors([10, 20], [13, 16])
    assert errors["mae"] == pytest.approx(3.5)
    assert errors["rmse"] == pytest.approx(12.5**0.5)


def test_correction_is_the_weighted_median_of_ratios() -> None:
    assert correction([10, 10, 10], [20, 20, 90]) == pytest.approx(2.0)
    assert correction([0], [5]) == 1.0
