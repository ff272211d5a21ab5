"""Which class is taken for which, at the shipped thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from models.evaluation.score import Scored, in_doubt, truth_boxes
from models.labels import LABELS
from models.nms import iou_matrix

MATCH_IOU = 0.45
"""Ultralytics' overlap for confusion matrices; boxes of any class may match."""


def confusion(pictures: Sequence[Scored], thresholds: Mapping[str, float]) -> npt.NDArray[np.int64]:
    """(C+1, C+1) counts: rows what was there, columns what was reported; the last row is nothing
    there, the last column nothing reported. Reports of a class that was not labelled in a picture
    count only where they lie on an object of another class."""
    count = len(LABELS)
    table = np.zeros((count + 1, count + 1), np.int64)
    floor = np.array([thresholds.get(label, 0.5) for label in LABELS])
    for scored in pictures:
        sure = scored.found.confidence >= floor[scored.found.class_id]
        found = scored.found.where(sure & ~in_doubt(scored))
        truth = truth_boxes(scored)
        iou = iou_matrix(truth, found.xyxy)
        there, said = _pairs(iou)
        for row, column in zip(there, said, strict=True):
            table[scored.picture.class_id[row], found.class_id[column]] += 1
        for row in set(range(len(truth))) - set(there):
            table[scored.picture.class_id[row], count] += 1
        for column in set(range(len(found))) - set(said):
            if found.class_id[column] in scored.picture.labelled:
                table[count, found.class_id[column]] += 1
    return table


def _pairs(iou: npt.NDArray[np.float32]) -> tuple[list[int], list[int]]:
    """Rows and columns matched, the largest overlaps first, each once."""
    there: list[int] = []
    said: list[int] = []
    rows, columns = np.nonzero(iou >= MATCH_IOU)
    for best in np.argsort(-iou[rows, columns]):
        row, column = int(rows[best]), int(columns[best])
        if row not in there and column not in said:
            there.append(row)
            said.append(column)
    return there, said
