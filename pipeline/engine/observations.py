"""A decoded picture on its way to judgement, and the bounded queue that it waits in."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from models.detections import Detections
from pipeline.tour.values import CloseView
from pipeline.types import ViewKey
from streams.types import Shot


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One decoded picture of one view.

    Attributes:
        view: Which view.
        shot: The picture.
        looking: It belongs to a look, not to a glance.
        asked_s: Worker clock when the glance was started.
        known: Boxes that still hold because the picture has not changed, None: to be detected.
        close: It enlarges a place of the view, None for a picture of the view itself.
    """

    view: ViewKey
    shot: Shot
    looking: bool
    asked_s: float
    known: Detections | None = None
    close: CloseView | None = None


class ObservationQueue:
    """Pictures of glances and of looks, each kind with places of its own.

    Neither takes the other's: a look brings many pictures at once, and a glance that is lost
    leaves a camera unseen for a whole period. What finds no place is refused and counted.

    Args:
        glances: Most pictures of glances.
        looks: Most pictures of looks.
    """

    def __init__(self, glances: int, looks: int) -> None:
        self._glances, self._looks = glances, looks
        self._waiting: deque[Observation] = deque()
        self._changed = threading.Condition()
        self.dropped = 0

    def put(self, picture: Observation, timeout_s: float = 0.0) -> bool:
        """Queue a picture; whether there was room, or came to be within `timeout_s`."""
        most = self._looks if picture.looking else self._glances
        with self._changed:
            if not self._changed.wait_for(lambda: self._count(picture.looking) < most, timeout_s):
                self.dropped += 1
                return False
            self._waiting.append(picture)
            self._changed.notify_all()
            return True

    def take(self, most: int, timeout_s: float) -> list[Observation]:
        """Up to `most` pictures, oldest first; empty when none came within `timeout_s`."""
        with self._changed:
            if not self._waiting:
                self._changed.wait(timeout_s)
            count = min(most, len(self._waiting))
            taken = [self._waiting.popleft() for _ in range(count)]
            self._changed.notify_all()
            return taken

    def wait_for_glances(self, most: int, timeout_s: float) -> bool:
        """Whether fewer than `most` glances wait now, or do within `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count(looking=False) < most, timeout_s)

    def __len__(self) -> int:
        return len(self._waiting)

    def _count(self, looking: bool) -> int:
        return sum(picture.looking == looking for picture in self._waiting)
