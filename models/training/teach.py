"""Asks a COCO network what it sees in the training pictures and writes its opinions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.detections import Detections, FloatArray
from models.detector import ImageArray
from models.evaluation.detect import read_picture
from models.labels import LABELS
from models.nms import class_aware_nms
from models.training.manifest import Picture
from models.training.network import COCO_ROWS
from models.training.sight import Sight
from models.training.teacher import TEACHER_CLASSES, UNSURE, write_opinions

VEHICLES = (LABELS.index("car"), LABELS.index("truck_bus"))
DOUBTED = 0.4
"""Confidence left to a vehicle that overlaps a surer one: a place to ignore, not a label."""


class Teacher:
    """A COCO network that says what it sees in a picture, in patrol classes."""

    def __init__(self, network: Path) -> None:
        """Load an Ultralytics checkpoint with COCO classes."""
        self._sight = Sight(network)

    def opinion_of(self, image: ImageArray) -> FloatArray:
        """(N, 6) rows as `teacher.Opinions` holds them, of a (H, W, 3) uint8 BGR picture."""
        found = self._sight.detect(image, UNSURE)
        return opinion(found, (image.shape[1], image.shape[0]))


def teach(network: Path, pictures: Sequence[Picture], path: Path) -> None:
    """Write the opinions of a COCO network on pictures, see `teacher.read_opinions`.

    Args:
        network: Ultralytics checkpoint with COCO classes.
        path: JSON lines file; written whole.
    """
    teacher = Teacher(network)
    partial = path.with_suffix(".part")
    write_opinions(partial, ((p.key, teacher.opinion_of(read_picture(p))) for p in pictures))
    partial.replace(path)


def opinion(found: Detections, size: tuple[int, int]) -> FloatArray:
    """COCO detections as rows of class id, confidence, normalised centre box, in patrol classes.

    A car and a truck in one place compete: the less sure one becomes a doubt.
    """
    taught = {row: LABELS.index(c) for c in TEACHER_CLASSES for row in COCO_ROWS[c]}
    label = np.array([taught.get(int(c), -1) for c in found.class_id], np.int32)
    mine = found.where(label >= 0)
    label, confidence = label[label >= 0], mine.confidence.copy()
    rivals = np.where(np.isin(label, VEHICLES), 100, label).astype(np.int32)
    kept = np.zeros(len(label), bool)
    kept[class_aware_nms(mine.xyxy, confidence, rivals, 0.6)] = True
    confidence[~kept] = np.minimum(confidence[~kept], DOUBTED)
    centre = (mine.xyxy[:, :2] + mine.xyxy[:, 2:]) / 2 / size
    extent = (mine.xyxy[:, 2:] - mine.xyxy[:, :2]) / size
    rows = np.column_stack([label, confidence, centre, extent]).astype(np.float32)
    return rows[kept | np.isin(label, VEHICLES)]
