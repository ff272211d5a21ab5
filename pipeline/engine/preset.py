"""One preset of an eagle-eye under watch: judged only while the head really stands there."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from models.detections import Detections
from pipeline.boxes import intersection
from pipeline.confirm import LookWant
from pipeline.engine.watch import WatchedView
from pipeline.types import Box, ViewKey
from streams.types import Frame, Shot

_CLOSE_UPS = 3
"""Kept besides the newest; pictures are large."""

_CLOSE_UP_S = 1800.0


class Host(Protocol):
    """The eagle-eye that a preset belongs to."""

    def take(self, shot: Shot) -> Frame | None:
        """The picture laid over the view that it shows, None while nothing may be judged."""
        ...

    def is_at(self, view: ViewKey) -> bool:
        """Whether the head stands at the view."""
        ...

    def want(self, view: ViewKey, place_norm: Box, priority: float) -> None:
        """Ask for a closer look at a place."""
        ...


class PresetView(WatchedView):
    """A view that an eagle-eye visits: its pictures come from there, not from the scheduler."""

    is_scheduled = False
    host: Host
    _close_ups: Sequence[tuple[Box, Frame]] = ()

    @property
    def waits(self) -> bool:
        """Whether more pictures are needed soon: a visit's first ones are still held back."""
        return self.pipeline.waits

    def arrive(self) -> None:
        """A visit begins."""
        with self._judging:
            self.pipeline.arrive()

    def leave(self) -> None:
        """A visit is over."""
        with self._judging:
            self.pipeline.leave()

    def closer(self, place_norm: Box, frame: Frame) -> None:
        """Keep an enlarged picture of a place: the newest of each look."""
        self._close_ups = [(b, f) for b, f in self._close_ups if b != place_norm]
        self._close_ups = [*self._close_ups[-_CLOSE_UPS:], (place_norm, frame)]

    def close_up(self, place_norm: Box) -> Frame | None:
        """The newest enlarged picture that shows the place, not older than `_CLOSE_UP_S`."""
        for box, frame in reversed(self._close_ups):
            is_new = self._judged_s - frame.timestamp_s <= _CLOSE_UP_S
            if is_new and intersection(box, place_norm) > 0:
                return frame
        return None

    def look(self, look_s: float, look_fps: float, stop: threading.Event) -> Iterator[Shot]:
        """As for any view, but no longer than the visit."""
        for shot in super().look(look_s, look_fps, stop):
            shown = self.host.take(shot)
            if not self.host.is_at(self.key):
                return
            if shown is not None:
                yield shown

    def judge(
        self, shot: Shot, detections: Detections, looking: bool
    ) -> tuple[LookWant, ...] | None:
        """As for any view; what deserves a look most also deserves a closer one."""
        wants = super().judge(shot, detections, looking)
        if wants:
            self.host.want(self.key, wants[0].xyxy_norm, wants[0].priority)
        return wants
