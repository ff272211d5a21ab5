"""Recall of persons and vehicles on real clips, against the COCO network it began with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.detections import Detections
from models.detector import ImageArray
from models.labels import LABELS
from models.nms import iou_matrix
from models.training.teacher import TEACHER_CLASSES, corners

SURE = 0.5
"""What the start network sees with this confidence must be seen."""

FLOOR = 0.15
"""The patrol's own confidence floor."""

CLIP_STILLS = 4


def run(*, footage: Path, start: Path, weights: str = "patrol11n") -> dict[str, Any]:
    """Share of the start network's sure persons and vehicles that a weight finds, IoU 0.5.

    Args:
        footage: directory of clips.
        start: Ultralytics checkpoint with COCO classes.
        weights: name or directory of the weight.

    Returns:
        {"recall": …, "n": …, "classes": {label: {"recall": …, "n": …}}, "stills": …}
    """
    from models.load import load_detector
    from models.settings import DetectorSettings
    from models.training.teach import Teacher

    teacher = Teacher(start)
    settings = DetectorSettings(weights=weights, input_size=(640, 640), confidence_floor=FLOOR)
    detector = load_detector(settings)
    paths = sorted(footage.glob("*.mp4"))
    hits: dict[str, list[bool]] = {label: [] for label in TEACHER_CLASSES}
    stills = 0
    try:
        for image in (still for path in paths for still in clip_stills(path)):
            stills += 1
            for label, seen in found_again(teacher, detector.detect([image])[0], image):
                hits[label].append(seen)
    finally:
        detector.close()
    every = [seen for row in hits.values() for seen in row]
    return {
        "recall": float(np.mean(every)) if every else None,
        "n": len(every),
        "stills": stills,
        "classes": {k: {"recall": float(np.mean(v)), "n": len(v)} for k, v in hits.items() if v},
    }


def found_again(teacher: Any, found: Detections, image: ImageArray) -> Iterator[tuple[str, bool]]:
    """Per sure object of the teacher: its label, and whether it was found under that label."""
    rows = teacher.opinion_of(image)
    rows = rows[rows[:, 1] >= SURE]
    size = np.array([image.shape[1], image.shape[0]] * 2, np.float32)
    wanted = corners(rows[:, 2:]) * size
    same = rows[:, :1].astype(np.int32) == found.class_id[None]
    seen = ((iou_matrix(wanted, found.xyxy) >= 0.5) & same).any(1)
    for class_id, hit in zip(rows[:, 0], seen.tolist(), strict=True):
        yield LABELS[int(class_id)], hit


def clip_stills(path: Path, count: int = CLIP_STILLS) -> list[ImageArray]:
    """Stills spread evenly over a clip, (H, W, 3) uint8 BGR."""
    clip = cv2.VideoCapture(str(path))
    total = int(clip.get(cv2.CAP_PROP_FRAME_COUNT))
    stills = []
    for index in range(count):
        clip.set(cv2.CAP_PROP_POS_FRAMES, int((index + 0.5) * total / count))
        ok, frame = clip.read()
        if ok:
            stills.append(np.asarray(frame, np.uint8))
    clip.release()
    return stills
