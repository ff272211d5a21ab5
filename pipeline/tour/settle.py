"""Whether the picture stands still: nothing is judged while the head moves."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.tour.settings import SettleSettings

ImageArray = npt.NDArray[np.uint8]
_WIDTH = 320
_SURE = 0.08
"""Response of the correlation below which two pictures have nothing in common: a fast pan."""


class SettleDetector:
    """Measures the shift between pictures; people and cars moving do not move the whole.

    The shift is the peak of the phase correlation (Kuglin & Hines 1975), which follows the
    static most of the picture.

    Attributes:
        shift_px: Between the last two pictures, at a width of 320.
        moved: Whether that is more than the limit.
    """

    def __init__(self, settings: SettleSettings) -> None:
        self._settings = settings
        self._window: npt.NDArray[np.float32] | None = None
        self._last: npt.NDArray[np.float32] | None = None
        self._still_since_s: float | None = None
        self.shift_px = float("inf")
        self.moved = False

    def reset(self) -> None:
        """The head was told to move: what stood still so far does not count."""
        self._still_since_s = None
        self.moved = False

    def update(self, image: ImageArray, timestamp_s: float) -> bool:
        """True when the picture stood still long enough.

        Args:
            image: (H, W, 3) uint8, BGR.
            timestamp_s: Media time, non-decreasing.
        """
        small = _small(image)
        last, self._last = self._last, small
        if last is None or last.shape != small.shape:
            return False
        self.shift_px = self._shift(last, small)
        self.moved = self.shift_px > self._settings.shift_px
        if self.shift_px > self._settings.shift_px:
            self._still_since_s = None
            return False
        if self._still_since_s is None:
            self._still_since_s = timestamp_s
        return timestamp_s - self._still_since_s >= self._settings.still_s

    def _shift(self, a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
        if self._window is None or self._window.shape != a.shape:
            height, width = a.shape
            self._window = np.asarray(cv2.createHanningWindow((width, height), cv2.CV_32F))
        (dx, dy), response = cv2.phaseCorrelate(a, b, self._window)
        return float("inf") if response < _SURE else float(np.hypot(dx, dy))


def _small(image: ImageArray) -> npt.NDArray[np.float32]:
    height = max(1, round(image.shape[0] * _WIDTH / image.shape[1]))
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(gray, (_WIDTH, height), interpolation=cv2.INTER_AREA), np.float32)
