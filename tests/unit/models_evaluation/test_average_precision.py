"""Average precision agrees with pycocotools, and with what can be reckoned by hand."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from models.evaluation.average_precision import SIZES, Judged, precision_curve


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.asarray(rows, np.float32).reshape(-1, 4)


def judged(truth: np.ndarray, found: np.ndarray, confidence: list[float]) -> Judged:
    return Judged(truth, found, np.asarray(confidence, np.float32))


ONE = boxes((10, 10, 50, 50))


def test_a_perfect_detection_scores_one() -> None:
    curve = precision_curve([judged(ONE, ONE, [0.9])])
    assert curve.map50 == pytest.approx(1.0)
    assert curve.map50_95 == pytest.approx(1.0)


def test_nothing_found_scores_zero() -> None:
    assert precision_curve([judged(ONE, boxes(), [])]).map50 == 0.0


def test_without_objects_there_is_no_score() -> None:
    assert precision_curve([judged(boxes(), ONE, [0.9])]).map50 is None


def test_a_better_false_report_halves_the_score() -> None:
    found = np.concatenate([boxes((200, 200, 240, 240)), ONE])
    assert precision_curve([judged(ONE, found, [0.9, 0.8])]).map50 == pytest.approx(0.5)


def test_a_worse_false_report_costs_nothing() -> None:
    found = np.concatenate([ONE, boxes((200, 200, 240, 240))])
    assert precision_curve([judged(ONE, found, [0.9, 0.8])]).map50 == pytest.approx(1.0)


def test_a_double_is_a_false_report() -> None:
    truth = np.concatenate([ONE, boxes((100, 100, 150, 150))])
    found = np.concatenate([ONE, ONE, truth[1:]])
    curve = precision_curve([judged(truth, found, [0.9, 0.8, 0.7])])
    assert 0.7 < (curve.map50 or 0) < 0.9


def test_an_object_of_another_size_is_neither_right_nor_wrong() -> None:
    truth = np.concatenate([ONE, boxes((100, 100, 110, 110))])
    curve = precision_curve([judged(truth, truth, [0.5, 0.9])], "medium")
    assert (curve.n, curve.map50) == (1, pytest.approx(1.0))


def scene(seed: int) -> list[Judged]:
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(12):
        n, extra = int(rng.integers(0, 12)), int(rng.integers(0, 8))
        corner = rng.uniform(0, 400, (n, 2))
        truth = np.concatenate([corner, corner + rng.uniform(5, 160, (n, 2))], 1)
        near = truth[rng.random(n) < 0.8]
        near = near + rng.normal(0, 5, near.shape)
        other = rng.uniform(0, 400, (extra, 2))
        far = np.concatenate([other, other + rng.uniform(5, 160, (extra, 2))], 1)
        found = np.concatenate([near, far])
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        confidence = rng.random(len(found)).round(2)
        pictures.append(
            Judged(
                truth.astype(np.float32), found.astype(np.float32), confidence.astype(np.float32)
            )
        )
    return pictures


def pycocotools_scores(pictures: list[Judged]) -> dict[str, tuple[float, float]]:
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")

    def xywh(box: np.ndarray) -> list[float]:
        left, top, right, bottom = (float(v) for v in box)
        return [left, top, right - left, bottom - top]

    truth = {
        "images": [{"id": i + 1} for i in range(len(pictures))],
        "categories": [{"id": 1}],
        "annotations": [],
    }
    found = []
    for i, picture in enumerate(pictures):
        for box in picture.truth:
            rectangle = xywh(box)
            truth["annotations"].append(
                {
                    "id": len(truth["annotations"]) + 1,
                    "image_id": i + 1,
                    "category_id": 1,
                    "bbox": rectangle,
                    "area": rectangle[2] * rectangle[3],
                    "iscrowd": 0,
                }
            )
        for box, confidence in zip(picture.found, picture.confidence, strict=True):
            found.append(
                {"image_id": i + 1, "category_id": 1, "bbox": xywh(box), "score": float(confidence)}
            )
    with contextlib.redirect_stdout(io.StringIO()):
        reference = coco.COCO()
        reference.dataset = truth
        reference.createIndex()
        run = cocoeval.COCOeval(reference, reference.loadRes(found), "bbox")
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"]
    areas = {name: i for i, name in enumerate(run.params.areaRngLbl)}
    return {
        name: (precision[0, :, 0, areas[name], 2].mean(), precision[:, :, 0, areas[name], 2].mean())
        for name in SIZES
    }


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_agrees_with_pycocotools(seed: int) -> None:
    pictures = scene(seed)
    for size, (map50, map50_95) in pycocotools_scores(pictures).items():
        mine = precision_curve(pictures, size)
        if mine.n:
            assert mine.map50 == pytest.approx(map50, abs=1e-6), size
            assert mine.map50_95 == pytest.approx(map50_95, abs=1e-6), size
