"""Whether a view still shows what the detector saw last: then its boxes hold without asking again.

Brightness is compared in a fine grid of cell means. Sensor noise averages out in a cell, a change
of light moves all cells alike and is taken off as their median, and what is left of noise and
compression is measured in the pair itself. A small new thing moves only its own few cells, but by
more than that.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import cv2
import numpy as np

from models.detections import Detections
from streams.types import ImageArray, Roi, Shot

GRID = (160, 90)
"""Columns and rows: a cell is 12 pixels wide where the whole of 1920 x 1080 is watched."""

LEAST_STEP = 7.0
"""Brightness steps (of 255) that a cell must differ by, in a picture without any noise."""

NOISE_FACTOR, MOST_STEP = 8.0, 16.0
"""A cell must also differ by so many times the typical cell of this pair, but never by more."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    grid: ImageArray
    roi: Roi
    timestamp_s: float
    detections: Detections


class UnchangedView:
    """The last detected glance of one view; safe for the decoding and the judging thread.

    Args:
        most_s: Detection is left out for at most so long; 0: never.
    """

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s
        self._seen: _Seen | None = None
        self._newest: tuple[float, Roi, ImageArray] | None = None
        self._lock = threading.Lock()

    def known(self, shot: Shot, roi: Roi) -> Detections | None:
        """The boxes that still hold for a newer picture, None when it must be detected."""
        with self._lock:
            seen = self._seen
        if seen is None or seen.roi != roi:
            return None
        if not 0 <= shot.timestamp_s - seen.timestamp_s < self._most_s:
            return None
        return None if differs(seen.grid, self._grid(shot, roi)) else seen.detections

    def detected(self, shot: Shot, roi: Roi, detections: Detections, decided: bool) -> None:
        """Take the newest detected glance.

        Args:
            shot: The picture.
            roi: Where it was looked at.
            detections: What was seen in it.
            decided: No claim waits for evidence. While one does, every glance is detected:
                the same picture judged twice is no second witness.
        """
        if self._most_s <= 0:
            return
        with self._lock:
            is_old = self._seen is not None and self._seen.detections is detections
        if decided and is_old:  # handed out by `known`: the picture that was detected stays
            return
        seen = _Seen(self._grid(shot, roi), roi, shot.timestamp_s, detections) if decided else None
        with self._lock:
            self._seen = seen

    def _grid(self, shot: Shot, roi: Roi) -> ImageArray:
        """Cell means; the judge asks for those that the decoding thread has just made."""
        newest = self._newest
        if newest is not None and newest[:2] == (shot.timestamp_s, roi):
            return newest[2]
        grid = shot.luma(GRID, roi)
        self._newest = shot.timestamp_s, roi, grid
        return grid


def differs(before: ImageArray, now: ImageArray) -> bool:
    """True when something of more than noise and common light is different.

    Args:
        before: (H, W) uint8 cell means; `now` likewise.
    """
    if before.shape != now.shape:
        return True
    step = cv2.subtract(before, now, dtype=cv2.CV_16S)
    apart = np.abs(step - np.median(step))
    noise = float(np.mean(np.minimum(apart, LEAST_STEP)))
    return bool(apart.max() > min(MOST_STEP, max(LEAST_STEP, NOISE_FACTOR * noise)))
