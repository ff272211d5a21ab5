"""Labels from a teacher network for classes that a picture's source did not label."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.labels import LABELS
from models.nms import iou_matrix
from models.training.manifest import Picture

TEACHER_CLASSES: tuple[str, ...] = ("person", "two_wheeler", "car", "truck_bus")
"""What a COCO network can teach."""

SURE = 0.45
"""From this confidence on, a teacher's box is taken as a label."""

UNSURE = 0.10
"""Between this and SURE the place is ignored for that class; below, it counts as empty."""

FloatArray = npt.NDArray[np.float32]
Opinions = Mapping[str, FloatArray]
"""Picture key → (N, 6) float32: class id, confidence, centre x, centre y, width, height in 0..1."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a picture teaches: labels, places to ignore, classes known all over the picture.

    Attributes:
        picture: The annotated picture.
        boxes: (N, 4) float32 normalised centre form.
        class_id: (N,) int32.
        unsure: (M, 5) float32: class id and a normalised box in which that class is unknown.
        known: (C,) bool, True where every object of the class is in boxes or in unsure.
    """

    picture: Picture
    boxes: FloatArray
    class_id: npt.NDArray[np.int32]
    unsure: FloatArray
    known: npt.NDArray[np.bool_]


def lesson(picture: Picture, opinion: FloatArray | None) -> Lesson:
    """Join a picture's own labels with a teacher's opinion.

    A class the source labelled keeps its labels; sure objects of the teacher that the source
    lacks become places to ignore (background people are sometimes missing in the labels). In a
    picture from above the teacher's silence proves nothing, so its classes stay unknown there.
    """
    known = np.zeros(len(LABELS), bool)
    known[list(picture.labelled)] = True
    taught = [LABELS.index(c) for c in TEACHER_CLASSES if LABELS.index(c) not in picture.labelled]
    if opinion is None:
        opinion = np.zeros((0, 6), np.float32)
    elif not picture.from_above:
        known[taught] = True
    confident = opinion[:, 1] >= SURE
    add = confident & np.isin(opinion[:, 0].astype(int), taught)
    doubt = ~add & (confident | (opinion[:, 1] >= UNSURE))
    doubt &= ~_overlaps_own(opinion, picture)
    return Lesson(
        picture=picture,
        boxes=np.concatenate([picture.boxes, opinion[add, 2:]]),
        class_id=np.concatenate([picture.class_id, opinion[add, 0].astype(np.int32)]),
        unsure=np.concatenate([picture.doubts, opinion[doubt][:, (0, 2, 3, 4, 5)]]),
        known=known,
    )


def _overlaps_own(opinion: FloatArray, picture: Picture) -> npt.NDArray[np.bool_]:
    same = opinion[:, :1].astype(int) == picture.class_id[None]
    overlap = iou_matrix(corners(opinion[:, 2:]), corners(picture.boxes))
    return np.asarray((same & (overlap > 0.4)).any(1))


def corners(boxes: FloatArray) -> FloatArray:
    """(N, 4) centre x, y, width, height → left, top, right, bottom."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], 1)


def write_opinions(path: Path, rows: Iterable[tuple[str, FloatArray]]) -> None:
    """Write a teacher's opinions, one JSON line a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for key, opinion in rows:
            values = [[round(float(v), 5) for v in row] for row in opinion]
            out.write(json.dumps({"key": key, "boxes": values}) + "\n")


def read_opinions(path: Path) -> dict[str, FloatArray]:
    """Read what write_opinions wrote."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return {r["key"]: np.asarray(r["boxes"], np.float32).reshape(-1, 6) for r in rows}
