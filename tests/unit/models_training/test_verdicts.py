"""Operators' verdicts become a set that the manifest reader reads."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from models.detections import Detections
from models.labels import LABELS
from models.training.manifest import read_set
from models.training.teach import DOUBTED, opinion
from models.training.verdicts import write_set

GARBAGE = LABELS.index("garbage")


@pytest.fixture
def snapshot(tmp_path):
    path = tmp_path / "evidence.png"
    cv2.imwrite(str(path), np.zeros((100, 200, 3), np.uint8))
    return path


def row(snapshot, **more) -> dict:
    return {"image": snapshot, "label": "garbage", "verdict": "accepted", "camera_id": "a", **more}


def test_an_accepted_picture_keeps_its_boxes(snapshot, tmp_path) -> None:
    write_set([row(snapshot, xyxy=[[20, 10, 60, 50]])], tmp_path / "mine", "CC0")
    (picture,) = read_set(tmp_path / "mine")
    np.testing.assert_allclose(picture.boxes, [[0.2, 0.3, 0.2, 0.4]], atol=1e-6)
    assert picture.class_id.tolist() == [GARBAGE]
    assert picture.labelled == {GARBAGE}


def test_a_rejected_picture_is_a_hard_negative(snapshot, tmp_path) -> None:
    rejected = row(snapshot, verdict="rejected", xyxy=[[20, 10, 60, 50]])
    write_set([rejected], tmp_path / "mine", "CC0")
    (picture,) = read_set(tmp_path / "mine")
    assert len(picture.boxes) == 0
    assert picture.negative


def test_a_camera_day_stays_in_one_split(snapshot, tmp_path) -> None:
    rows = [row(snapshot, day=day, verdict="rejected") for day in range(10) for _ in range(2)]
    assert write_set(rows, tmp_path / "mine", "CC0") == 20
    manifest = (tmp_path / "mine" / "manifest.jsonl").read_text().splitlines()
    splits: dict[str, set[str]] = {}
    for line in manifest:
        entry = json.loads(line)
        splits.setdefault(entry["group"], set()).add(entry["split"])
    assert all(len(s) == 1 for s in splits.values())
    assert sum("val" in s for s in splits.values()) == 2


def test_an_unknown_label_is_refused(snapshot, tmp_path) -> None:
    with pytest.raises(ValueError, match="one of"):
        write_set([row(snapshot, label="dragon")], tmp_path / "mine", "CC0")


def test_coco_classes_become_patrol_classes_and_rivals_become_doubts() -> None:
    same_place = [[0, 0, 100, 100], [0, 0, 100, 98], [200, 200, 240, 240]]
    found = Detections(np.float32(same_place), np.float32([0.9, 0.8, 0.7]), np.int32([2, 7, 16]))
    rows = opinion(found, (400, 400))
    assert rows[:, 0].tolist() == [LABELS.index("car"), LABELS.index("truck_bus")]
    assert rows[:, 1].tolist() == pytest.approx([0.9, DOUBTED])
    np.testing.assert_allclose(rows[0, 2:], [0.125, 0.125, 0.25, 0.25])
