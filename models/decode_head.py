"""Turns a YOLO head's output into boxes: threshold first, then everything else on what is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.detections import Detections, FloatArray, IntArray
from models.nms import class_aware_nms

MAX_CANDIDATES = 3000
"""More boxes above the floor than this go by confidence; a hostile picture costs no more."""

DISTANCE_BINS = 16
"""Bins per side of Ultralytics' distance distributions (`reg_max`)."""


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How to read a head; the fields are those of `settings.DetectorSettings`."""

    confidence_floor: float
    nms_iou: float
    max_detections: int
    multi_label: bool = False


def decode_head(output: FloatArray, settings: HeadSettings) -> Detections:
    """Boxes of one picture, in pixels of the network's input, most confident first.

    Args:
        output: (4 + C, N) float32 of one picture as Ultralytics exports YOLOv8/11 heads without
            NMS: rows 0-3 are centre x, centre y, width, height in input pixels, the others the
            C class scores in 0..1.
        settings: floor, overlap and limits.
    """
    scores = output[4:]
    class_id, anchor = np.nonzero(scores > settings.confidence_floor)
    confidence: FloatArray = scores[class_id, anchor]
    chosen = _chosen(anchor, confidence, settings)
    centre, half = output[:2, anchor[chosen]].T, output[2:4, anchor[chosen]].T / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1)
    return _suppressed(xyxy, confidence[chosen], class_id[chosen].astype(np.int32), settings)


def decode_raw(
    scores: Sequence[FloatArray],
    distances: Sequence[FloatArray],
    input_height: int,
    settings: HeadSettings,
) -> Detections:
    """The same boxes from a head cut before its box arithmetic, see `openvino_head.cut_head`.

    The decoding is Ultralytics' own (`Detect`, `DFL`, `dist2bbox`): sigmoid of the scores; each
    side's distance from the cell's centre is the mean of its soft-max distribution, in strides.

    Args:
        scores: per scale (h, w, C) float32, before the sigmoid.
        distances: per scale (h, w, 64) float32: left, top, right, bottom times 16 bins.
        input_height: of the network's input in pixels; a scale's stride is this through h.
        settings: floor, overlap and limits.
    """
    floor = math.log(settings.confidence_floor / (1 - settings.confidence_floor))
    parts = [
        _decode_scale(score, distance, input_height // score.shape[0], floor, settings)
        for score, distance in zip(scores, distances, strict=True)
    ]
    every = Detections.concat([part for part in parts if len(part)])
    if len(every) > MAX_CANDIDATES:
        every = every.where(np.argsort(-every.confidence, kind="stable")[:MAX_CANDIDATES])
    return _suppressed(every.xyxy, every.confidence, every.class_id, settings)


def _decode_scale(
    score: FloatArray, distance: FloatArray, stride: int, floor: float, settings: HeadSettings
) -> Detections:
    flat = score.reshape(-1)
    above = np.flatnonzero(flat > floor)
    if not len(above):
        return Detections()
    cell, class_id = np.divmod(above, score.shape[2])
    confidence = np.reciprocal(1 + np.exp(-flat[above]), dtype=np.float32)
    chosen = _chosen(cell, confidence, settings)
    cell = cell[chosen]
    bins = distance.reshape(-1, 4, DISTANCE_BINS)[cell]
    weight = np.exp(bins - bins.max(axis=2, keepdims=True))
    sides = weight @ np.arange(DISTANCE_BINS, dtype=np.float32) / weight.sum(axis=2)
    y, x = np.divmod(cell, score.shape[1])
    centre = np.stack([x, y], axis=1).astype(np.float32) + np.float32(0.5)
    xyxy = np.concatenate([centre - sides[:, :2], centre + sides[:, 2:]], axis=1) * stride
    return Detections(
        xyxy.astype(np.float32), confidence[chosen], class_id[chosen].astype(np.int32)
    )


def _chosen(
    anchor: npt.NDArray[np.signedinteger[Any]], confidence: FloatArray, settings: HeadSettings
) -> npt.NDArray[np.intp]:
    """Rows to keep of all (anchor, class) pairs above the floor, bounded in number.

    One place has one class, its best, unless `multi_label`.
    """
    rows = np.argsort(-confidence, kind="stable")
    if not settings.multi_label:
        rows = rows[np.unique(anchor[rows], return_index=True)[1]]
        rows = rows[np.argsort(-confidence[rows], kind="stable")]
    return rows[:MAX_CANDIDATES]


def _suppressed(
    xyxy: FloatArray, confidence: FloatArray, class_id: IntArray, settings: HeadSettings
) -> Detections:
    boxes = np.where(np.isfinite(xyxy).all(axis=1, keepdims=True), xyxy, 0).astype(np.float32)
    kept = class_aware_nms(boxes, confidence, class_id, settings.nms_iou)
    kept = kept[: settings.max_detections]
    return Detections(boxes[kept], confidence[kept], class_id[kept])
