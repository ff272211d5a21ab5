"""Hard negatives: what counts as a mistake, and how often such pictures are drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.detections import Detections
from models.labels import LABELS
from models.training.manifest import read_sets
from models.training.mining import mine, wrong_confidence
from models.training.sampling import sampling_weights
from models.training.teacher import Lesson, lesson

GARBAGE, HELMET, PERSON = (LABELS.index(c) for c in ("garbage", "helmet", "person"))
SIZE = (200, 100)


@pytest.fixture
def known(tmp_path: Path) -> Lesson:
    """A garbage picture with one heap, 100 to 140 by 40 to 80 px of 200 by 100."""
    folder = tmp_path / "sets" / "garbage"
    (folder / "labels").mkdir(parents=True)
    (folder / "labels" / "heap.txt").write_text(f"{GARBAGE} 0.6 0.6 0.2 0.4\n")
    row = {"file": "images/heap.webp", "split": "train", "licence": "MIT", "source": "s"}
    row |= {"labelled_classes": ["garbage"], "width": 200, "height": 100}
    (folder / "manifest.jsonl").write_text(json.dumps(row) + "\n")
    return lesson(read_sets(tmp_path / "sets")[0], None)


def seen(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    values = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(values[:, :4], values[:, 4], values[:, 5].astype(np.int32))


def test_a_labelled_heap_is_no_mistake_and_neither_is_a_part_of_it(known: Lesson) -> None:
    heap = (100, 40, 140, 80, 0.9, GARBAGE)
    corner = (105, 45, 120, 60, 0.9, GARBAGE)
    assert wrong_confidence(seen(heap, corner), known, SIZE) == 0


def test_a_box_where_nothing_is_labelled_counts_with_its_confidence(known: Lesson) -> None:
    wrong = wrong_confidence(
        seen((0, 0, 20, 20, 0.75, GARBAGE), (40, 0, 60, 20, 0.5, GARBAGE)), known, SIZE
    )
    assert wrong == pytest.approx(1.25)


def test_weak_boxes_and_classes_that_nobody_labelled_prove_nothing(known: Lesson) -> None:
    found = seen((0, 0, 20, 20, 0.2, GARBAGE), (0, 0, 20, 20, 0.9, HELMET))
    assert wrong_confidence(found, known, SIZE) == 0


def test_another_class_on_a_labelled_object_is_a_mistake(known: Lesson) -> None:
    both = replace(known.picture, labelled=frozenset({GARBAGE, PERSON}))
    wrong = seen((100, 40, 140, 80, 0.6, PERSON))
    assert wrong_confidence(wrong, replace(known, picture=both), SIZE) == pytest.approx(0.6)


def test_where_labels_are_unsure_nothing_is_a_mistake(known: Lesson) -> None:
    unsure = np.array([[GARBAGE, 0.05, 0.1, 0.1, 0.2]], np.float32)
    found = seen((0, 0, 20, 20, 0.9, GARBAGE))
    assert wrong_confidence(found, replace(known, unsure=unsure), SIZE) == 0


def test_pictures_with_mistakes_are_drawn_more_often_up_to_three_times(
    known: Lesson, tmp_path: Path
) -> None:
    path = tmp_path / "mistakes.jsonl"
    keys = [f"garbage/{name}" for name in ("bad", "other", "third")]
    rows = [{"key": key, "wrong": wrong} for key, wrong in zip(keys, (9.0, 0.5, 0), strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    paths = [known.picture.path.with_name(f"{key[8:]}.webp") for key in keys]
    named = [replace(known, picture=replace(known.picture, path=p)) for p in paths]
    hardness = mine(Path("not-read.pt"), named, path)
    np.testing.assert_allclose(hardness, [3, 1.5, 1])
    weights = sampling_weights(named, {"garbage": 1.0}, hardness)
    np.testing.assert_allclose(weights, np.array([3, 1.5, 1]) / 5.5)
