"""Novelty on pictures that are converted no larger than it looks at them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipeline.novelty.detector import NoveltyDetector
from pipeline.novelty.settings import NoveltySettings
from pipeline.types import Box, NovelObject
from streams.types import Shot


class ShrunkNovelty:
    """A `NoveltyDetector` whose boxes are in pixels of the full picture."""

    def __init__(self, settings: NoveltySettings) -> None:
        self._width_px = settings.width_px
        self._detector = NoveltyDetector(settings)

    def update(
        self, shot: Shot, timestamp_s: float, busy: Iterable[Box]
    ) -> tuple[NovelObject, ...]:
        """See `NoveltyDetector.update`; boxes in pixels of the full picture."""
        width, height = shot.size
        scale = min(1.0, self._width_px / width)
        if self._detector.is_due(timestamp_s):
            small = shot.averaged((round(width * scale), max(1, round(height * scale))))
            found = self._detector.update(small, timestamp_s, [_scaled(b, scale) for b in busy])
        else:
            found = self._detector.known(timestamp_s)
        return tuple(replace(thing, xyxy=_scaled(thing.xyxy, 1 / scale)) for thing in found)

    def state(self) -> bytes:
        """See `NoveltyDetector.state`."""
        return self._detector.state()

    def restore(self, state: bytes) -> None:
        """See `NoveltyDetector.restore`."""
        self._detector.restore(state)


def _scaled(box: Box, factor: float) -> Box:
    left, top, right, bottom = (value * factor for value in box)
    return left, top, right, bottom
