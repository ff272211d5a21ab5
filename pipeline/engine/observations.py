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
    """At most `most` pictures; when full, the newest glance is refused and counted.

    Glances are refused first because the next one brings a fresher picture; a look's picture
    pushes out the oldest glance, because a look is short and was paid for already.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[Observation] = deque()
        self._changed = threading.Condition()
        self.dropped = 0

    def put(self, picture: Observation) -> Observation | None:
        """Queue a picture; the picture that had to go for it, None if there was room."""
        with self._changed:
            refused = self._make_room(picture) if len(self._waiting) >= self._most else None
            if refused is not picture:
                self._waiting.append(picture)
                self._changed.notify_all()
            if refused is not None:
                self.dropped += 1
            return refused

    def take(self, most: int, timeout_s: float) -> list[Observation]:
        """Up to `most` pictures, oldest first; empty when none came within `timeout_s`."""
        with self._changed:
            if not self._waiting:
                self._changed.wait(timeout_s)
            count = min(most, len(self._waiting))
            taken = [self._waiting.popleft() for _ in range(count)]
            self._changed.notify_all()
            return taken

    def wait_for_room(self, most: int, timeout_s: float) -> bool:
        """Whether fewer than `most` glances wait now, or do within `timeout_s`.

        Pictures of looks do not count: however many come, every view is still glanced at.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: sum(not p.looking for p in self._waiting) < most, timeout_s
            )

    def __len__(self) -> int:
        return len(self._waiting)

    def _make_room(self, picture: Observation) -> Observation:
        if picture.looking:
            for index, waiting in enumerate(self._waiting):
                if not waiting.looking:
                    del self._waiting[index]
                    return waiting
        return picture
