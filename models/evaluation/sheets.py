"""Sheets of the worst mistakes of one class, to see whether network or label is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from models.detections import FloatArray
from models.detector import ImageArray
from models.evaluation.average_precision import Judged
from models.evaluation.detect import read_picture
from models.evaluation.rates import hits
from models.evaluation.score import Scored, judged
from models.labels import LABELS

CELL_PX = 320
SHEET_CLASSES = ("helmet", "bare_head", "garbage", "bin", "parasol", "car", "person")
GREEN, RED, AMBER = (80, 200, 80), (60, 60, 230), (40, 170, 240)


def write_sheets(pictures: Sequence[Scored], thresholds: Mapping[str, float], folder: Path) -> None:
    """Write worst_LABEL.jpg of each of SHEET_CLASSES that was labelled, see `write_sheet`."""
    boxed = [s for s in pictures if s.picture.points is None]
    for label in SHEET_CLASSES:
        write_sheet(boxed, label, thresholds.get(label, 0.4), folder / f"worst_{label}.jpg")


def write_sheet(
    pictures: Sequence[Scored], label: str, threshold: float, path: Path, count: int = 12
) -> bool:
    """Write the worst pictures of a class: labelled boxes green, missed ones amber, reports red.

    Returns:
        False, and writes nothing, when the class was labelled nowhere.
    """
    class_id = LABELS.index(label)
    chosen = [s for s in pictures if class_id in s.picture.labelled]
    ranked = sorted(chosen, key=lambda s: -badness(judged(s, class_id), threshold))[:count]
    if not ranked:
        return False
    cells = [_cell(s, judged(s, class_id), threshold) for s in ranked]
    blank = np.full((CELL_PX, CELL_PX, 3), 255, np.uint8)
    cells += [blank] * (-len(cells) % 4)
    rows = [np.hstack(cells[i : i + 4]) for i in range(0, len(cells), 4)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack(rows))
    return True


def badness(picture: Judged, threshold: float) -> float:
    """Missed objects plus the confidence of false reports."""
    above = picture.confidence >= threshold
    match = hits(picture.found[above], picture.truth)
    false = picture.confidence[above][~match.any(1)]
    return float((~match.any(0)).sum()) + float(false.sum())


def _cell(scored: Scored, picture: Judged, threshold: float) -> ImageArray:
    image = np.array(read_picture(scored.picture))
    above = picture.confidence >= threshold
    answered: list[bool] = np.any(hits(picture.found[above], picture.truth), axis=0).tolist()
    for box, found in zip(picture.truth, answered, strict=True):
        _draw(image, box, GREEN if found else AMBER)
    for box in picture.found[above]:
        _draw(image, box, RED)
    factor = CELL_PX / max(image.shape[:2])
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    cell = np.full((CELL_PX, CELL_PX, 3), 255, np.uint8)
    cell[: small.shape[0], : small.shape[1]] = small[:CELL_PX, :CELL_PX]
    name = scored.picture.path.stem
    cv2.putText(cell, name[:36], (4, CELL_PX - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1)
    return cell


def _draw(image: ImageArray, box: FloatArray, colour: tuple[int, int, int]) -> None:
    left, top, right, bottom = (int(v) for v in box)
    thick = max(1, round(max(image.shape[:2]) / 320))
    cv2.rectangle(image, (left, top), (right, bottom), colour, thick)
