"""Close looks of an eagle-eye: which are wanted, and how the head turns towards one."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.boxes import iou
from pipeline.tour.values import CloseLook
from pipeline.types import Box
from streams.ptz.head import ViewStep

MAX_WANTS = 20
"""Close looks that may wait; the oldest goes first when one more comes, and is counted."""

SAME_PLACE_IOU = 0.3
"""Overlap from which two wishes are for the same place."""

FILLS = 0.6
"""Share of the enlarged picture that what is looked at may fill."""


@dataclass(slots=True)
class CloseLooks:
    """Close looks that wait for a visit of their view, one per place.

    Attributes:
        dropped: Those that found no room.
    """

    dropped: int = 0
    _waiting: list[CloseLook] = field(default_factory=list)

    def add(self, look: CloseLook) -> None:
        """Ask for a closer look; nothing happens where the place is asked for already."""
        for known in self._waiting:
            if (
                known.view_id == look.view_id
                and iou(known.xyxy_norm, look.xyxy_norm) > SAME_PLACE_IOU
            ):
                return
        if len(self._waiting) >= MAX_WANTS:
            del self._waiting[0]
            self.dropped += 1
        self._waiting.append(look)

    def take(self, view_id: str) -> CloseLook | None:
        """The most urgent one of a view, which waits no longer."""
        mine = [look for look in self._waiting if look.view_id == view_id]
        if not mine:
            return None
        best = max(mine, key=lambda look: look.priority)
        self._waiting.remove(best)
        return best


def step_towards(xyxy_norm: Box, closer: float) -> ViewStep:
    """The step that brings a place to the middle, up to `closer` times as large."""
    x1, y1, x2, y2 = xyxy_norm
    room = FILLS / max(x2 - x1, y2 - y1, 1e-3)
    return ViewStep((x1 + x2) / 2 - 0.5, (y1 + y2) / 2 - 0.5, max(1.0, min(closer, room)))
