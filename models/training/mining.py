"""Hard negatives: finds what a network wrongly sees in the pictures it learns from.

After Shrivastava et al., Training Region-based Object Detectors with Online Hard Example Mining
(arXiv:1604.03540), offline and by picture: one that misled the network is drawn more often.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.detections import Detections
from models.evaluation.detect import read_picture
from models.nms import areas, intersections
from models.training.sight import Sight
from models.training.teacher import Lesson, corners

BELIEVED = 0.25
"""Confidence from which a wrong box counts: below it no patrol would act on it."""

EXPLAINED = 0.3
"""A box is no mistake if so much of it, or of a labelled object of its class, is common to both:
part of a heap is a matter of taste, not a wrong report."""

MOST = 2.0
"""A picture is drawn at most this many times more often for the mistakes in it."""


def wrong_confidence(found: Detections, lesson: Lesson, size: tuple[int, int]) -> float:
    """Sum of the confidences of boxes that no label explains, of the classes the source labelled.

    Args:
        found: in pixels of the picture.
        lesson: what is known of it; where its labels are unsure nothing is a mistake.
        size: (width, height), px.
    """
    scale = np.array([*size, *size], np.float32)
    judged = found.where(
        np.isin(found.class_id, list(lesson.picture.labelled)) & (found.confidence >= BELIEVED)
    )
    places = np.concatenate([lesson.boxes, lesson.unsure[:, 1:]])
    classes = np.concatenate([lesson.class_id, lesson.unsure[:, 0].astype(np.int32)])
    truth = corners(places) * scale
    common = intersections(judged.xyxy, truth)
    smaller = np.minimum(areas(judged.xyxy)[:, None], areas(truth)[None])
    same = judged.class_id[:, None] == classes[None]
    explained = (same & (common > EXPLAINED * np.maximum(smaller, 1e-6))).any(1)
    return float(judged.confidence[~explained].sum())


def mine(network: Path, lessons: Sequence[Lesson], path: Path) -> npt.NDArray[np.float64]:
    """(N,) factors of 1 to 1 + MOST by which pictures are to be drawn more often.

    Args:
        network: Ultralytics checkpoint with the patrol's labels.
        path: JSON lines, one per picture; written whole, and read where it is there already.
    """
    if not path.exists():
        sight = Sight(network)
        partial = path.with_suffix(".part")
        with partial.open("w", encoding="utf-8") as out:
            for lesson in lessons:
                image = read_picture(lesson.picture)
                found = sight.detect(image, BELIEVED)
                total = wrong_confidence(found, lesson, (image.shape[1], image.shape[0]))
                out.write(json.dumps({"key": lesson.picture.key, "wrong": round(total, 3)}) + "\n")
        partial.replace(path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    wrong = {row["key"]: float(row["wrong"]) for row in rows}
    found_wrong = np.array([wrong.get(x.picture.key, 0.0) for x in lessons])
    return np.asarray(1 + np.minimum(found_wrong, MOST), np.float64)
