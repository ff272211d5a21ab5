"""The values of a tour: where it is, what a picture means to the patrol, what is wrong, wishes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from pipeline.types import Box, ViewKey

ImageArray = npt.NDArray[np.uint8]

_AIM = 1.5
"""Heads do not aim exactly: so many times its size is where the place may lie."""


class Stage(StrEnum):
    TRAVELLING = "travelling"
    SETTLING = "settling"
    WATCHING = "watching"
    CLOSE_LOOK = "close_look"
    BY_HAND = "by_hand"
    CLOSED = "closed"


class FaultKind(StrEnum):
    """What can be wrong with a preset or a head; a health event, never an incident."""

    WRONG_VIEW = "wrong_view"
    LOST_PRESET = "lost_preset"
    NEVER_STILL = "never_still"
    HEAD_SILENT = "head_silent"
    HEAD_REFUSED = "head_refused"


@dataclass(frozen=True, slots=True, eq=False)
class TourFault:
    """A health event of a tour, with both pictures.

    Attributes:
        view: View that was expected.
        kind: What is wrong.
        timestamp_s: When, media time.
        detail: In words.
        picture: (H, W, 3) uint8, BGR, what is seen; None if there is none.
        reference: What should be seen; None if there is none.
        instead: View that is seen instead, None if unknown.
    """

    view: ViewKey
    kind: FaultKind
    timestamp_s: float
    detail: str
    picture: ImageArray | None = None
    reference: ImageArray | None = None
    instead: str | None = None


@dataclass(frozen=True, slots=True)
class CloseView:
    """Where a place of a view lies in an enlarged picture of it.

    Attributes:
        place_norm: The place, 0..1 of the view.
        shown_norm: The same in the enlarged picture, as far as heads aim well; 0..1.
    """

    place_norm: Box
    shown_norm: Box

    @classmethod
    def of(cls, place_norm: Box, closer: float) -> CloseView:
        """After a head brought the middle of a place to the middle, so many times larger."""
        half_x, half_y = (
            min(0.5, 0.5 * closer * side * _AIM)
            for side in (place_norm[2] - place_norm[0], place_norm[3] - place_norm[1])
        )
        return cls(place_norm, (0.5 - half_x, 0.5 - half_y, 0.5 + half_x, 0.5 + half_y))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one picture means to the rest of the patrol.

    Attributes:
        view: View that it shows, None while nothing may be judged.
        image: The picture laid over the view's reference, so that zones fit; None with the view.
        arrived: True for the first judgeable picture of a visit.
        left: View whose visit ended with this picture, None if none did.
        close: What the enlarged picture shows, None in a normal visit.
        faults: Health events.
    """

    view: ViewKey | None = None
    image: ImageArray | None = None
    arrived: bool = False
    left: ViewKey | None = None
    close: CloseView | None = None
    faults: tuple[TourFault, ...] = ()


@dataclass(frozen=True, slots=True)
class CloseLook:
    """A wish to look closer: where, and how urgent."""

    view_id: str
    xyxy_norm: Box
    priority: float = 0.0
