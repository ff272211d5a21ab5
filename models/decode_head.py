"""Turns a YOLO head's output into boxes: threshold first, then everything else on what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.detections import Detections, FloatArray, IntArray
from models.nms import class_aware_nms

MAX_CANDIDATES = 1000
"""More boxes above the floor than this go by confidence; a hostile picture costs no more."""


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
    anchor, class_id = _above_floor(scores, settings)
    confidence: FloatArray = scores[class_id, anchor]
    if len(anchor) > MAX_CANDIDATES:
        best = np.argpartition(-confidence, MAX_CANDIDATES)[:MAX_CANDIDATES]
        anchor, class_id, confidence = anchor[best], class_id[best], confidence[best]
    xyxy = _corners(output[:4, anchor])
    kept = class_aware_nms(xyxy, confidence, class_id, settings.nms_iou)
    kept = kept[: settings.max_detections]
    return Detections(xyxy[kept], confidence[kept], class_id[kept])


def _above_floor(scores: FloatArray, settings: HeadSettings) -> tuple[IntArray, IntArray]:
    if settings.multi_label:
        class_id, anchor = np.nonzero(scores > settings.confidence_floor)
        return anchor.astype(np.int32), class_id.astype(np.int32)
    found = np.flatnonzero(scores.max(axis=0) > settings.confidence_floor)
    return found.astype(np.int32), scores[:, found].argmax(axis=0).astype(np.int32)


def _corners(xywh: FloatArray) -> FloatArray:
    half = xywh[2:] / 2
    xyxy: FloatArray = np.concatenate([xywh[:2] - half, xywh[:2] + half]).T.astype(np.float32)
    finite = np.isfinite(xyxy).all(axis=1, keepdims=True)
    return np.ascontiguousarray(np.where(finite, xyxy, np.float32(0)))
