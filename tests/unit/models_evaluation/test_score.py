"""Scoring honours what was labelled, set by set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.detections import Detections
from models.evaluation.confusion import confusion
from models.evaluation.score import REGIONS, Scored, judged, pick_threshold, score
from models.labels import LABELS
from models.training.manifest import Picture

HELMET, GARBAGE, BIN = (LABELS.index(c) for c in ("helmet", "garbage", "bin"))


def scored(
    truth: list[int],
    found: list[int],
    labelled: set[int],
    set_name: str = "garbage",
    **more: object,
) -> Scored:
    """A picture of 100x100 with one box per class id at places of their own."""

    def place(class_id: int) -> tuple[float, float, float, float]:
        return (class_id * 8, class_id * 8, class_id * 8 + 8, class_id * 8 + 8)

    normalised = np.array([[(c * 8 + 4) / 100, (c * 8 + 4) / 100, 0.08, 0.08] for c in truth])
    picture = Picture(
        Path("a.webp"),
        set_name,
        "val",
        "MIT",
        "",
        frozenset(labelled),
        normalised.astype(np.float32).reshape(-1, 4),
        np.asarray(truth, np.int32),
        **more,  # type: ignore[arg-type]
    )
    detections = Detections(
        np.asarray([place(c) for c in found], np.float32).reshape(-1, 4),
        np.full(len(found), 0.9, np.float32),
        np.asarray(found, np.int32),
    )
    return Scored(picture, (100, 100), detections)


def test_a_class_that_nobody_labelled_is_not_a_false_report() -> None:
    silent = scored([GARBAGE], [GARBAGE, HELMET], {GARBAGE})
    speaking = scored([HELMET], [HELMET], {HELMET}, "helmet")
    report = score([silent, speaking], {})
    assert report["classes"]["helmet"]["map50"] == pytest.approx(1.0)
    assert report["classes"]["helmet"]["pictures"] == 1


def test_a_labelled_picture_without_boxes_is_a_true_negative() -> None:
    clean = scored([], [GARBAGE], {GARBAGE}, negative=True)
    dirty = scored([GARBAGE], [GARBAGE], {GARBAGE})
    report = score([clean, dirty], {"garbage": 0.5})
    assert report["classes"]["garbage"]["map50"] < 1
    assert report["patrol"]["garbage_clean_streets"]["false"] == 1.0
    assert report["patrol"]["garbage"]["found"] == 1.0


def test_garbage_has_a_row_of_regions_per_set() -> None:
    report = score([scored([GARBAGE], [GARBAGE], {GARBAGE})], {})
    assert report["sets"]["garbage"][REGIONS]["map50"] == pytest.approx(1.0)


def test_confusion_counts_what_was_taken_for_what() -> None:
    there = scored([GARBAGE], [GARBAGE], {GARBAGE, BIN})
    there.found.class_id[0] = BIN
    table = confusion([there, scored([], [BIN], {BIN}), scored([BIN], [], {BIN})], {})
    assert table[GARBAGE, BIN] == 1
    assert table[-1, BIN] == 1
    assert table[BIN, -1] == 1


def test_the_threshold_parts_right_from_wrong() -> None:
    right = scored([GARBAGE], [GARBAGE], {GARBAGE})
    wrong = scored([], [GARBAGE], {GARBAGE})
    wrong.found.confidence[0] = 0.4
    threshold = pick_threshold([judged(right, GARBAGE), judged(wrong, GARBAGE)])
    assert 0.4 < threshold <= 0.9


def test_the_threshold_is_the_middle_of_those_that_are_as_good() -> None:
    right, wrong = (scored(truth, [GARBAGE], {GARBAGE}) for truth in ([GARBAGE], []))
    right.found.confidence[0], wrong.found.confidence[0] = 0.8, 0.4
    assert pick_threshold([judged(right, GARBAGE), judged(wrong, GARBAGE)]) == pytest.approx(
        0.6, abs=0.011
    )


def test_what_is_found_at_a_place_left_open_counts_neither_way() -> None:
    at = (GARBAGE * 8 + 4) / 100
    doubt = np.array([[GARBAGE, at, at, 0.08, 0.08]], np.float32)
    seen = scored([], [GARBAGE, BIN], {GARBAGE, BIN}, doubts=doubt)
    assert len(judged(seen, GARBAGE).found) == 0
    assert len(judged(seen, BIN).found) == 1
    labelled = scored([GARBAGE], [GARBAGE], {GARBAGE}, doubts=doubt)
    assert len(judged(labelled, GARBAGE).found) == 1
    around = np.array([[GARBAGE, at, at, 0.4, 0.4]], np.float32)
    within = scored([], [GARBAGE], {GARBAGE}, doubts=around)
    assert len(judged(within, GARBAGE).found) == 0
    assert confusion([within], {}).sum() == 0
    missed = scored([], [], {GARBAGE}, doubts=doubt)
    assert len(judged(missed, GARBAGE).found) == 0


def test_the_threshold_does_not_fall_between_two_that_are_good() -> None:
    """Ten sure hits and ten faint ones with twenty false reports between them."""
    pictures = []
    for truth, confidence, count in (([GARBAGE], 0.9, 10), ([GARBAGE], 0.1, 10), ([], 0.5, 20)):
        for _ in range(count):
            one = scored(truth, [GARBAGE], {GARBAGE})
            one.found.confidence[0] = confidence
            pictures.append(judged(one, GARBAGE))
    chosen = pick_threshold(pictures)
    assert chosen < 0.11 or 0.5 < chosen < 0.91
