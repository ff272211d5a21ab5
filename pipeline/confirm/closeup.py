"""What a closer look says of a claim that is not decided: it moves the bar, and is in the trace."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pipeline.types import Box, Reason

LEAST_PICTURES = 3
"""Enlarged pictures that make a close look say anything."""

CONFIRMED, REFUTED = -0.1, 0.25
"""What it adds to the strength that a claim must have. Seen from nearby, a thing that is there is
seen; so its absence says more than its presence, which the wide view has claimed already."""

_SHOWN_SHARE = 0.5
_ONE_LOOK_S = 60.0
_HOLDS_S = 1800.0


@dataclass(frozen=True, slots=True)
class CloseUp:
    """What one enlarged picture of a place shows.

    Attributes:
        place_norm: The place, 0..1 of the view.
        timestamp_s: Media time.
        seen: Best confidence by class of what was detected at the place.
    """

    place_norm: Box
    timestamp_s: float
    seen: Mapping[str, float]


@dataclass(slots=True)
class CloseEvidence:
    """The newest close look at one place.

    Attributes:
        is_told: A message has said what it showed.
    """

    is_told: bool = False
    _pictures: int = 0
    _shown: int = 0
    _best: float = 0.0
    _newest_s: float = float("-inf")

    def take(self, picture: CloseUp, classes: Collection[str], *, refutes: bool) -> None:
        """Count one picture: does it show one of the classes that the claim is about?

        Args:
            picture: What it shows.
            classes: Classes that support the claim.
            refutes: Whether a picture without them speaks against it.
        """
        if picture.timestamp_s - self._newest_s > _ONE_LOOK_S:
            self._pictures = self._shown = 0
            self._best, self.is_told = 0.0, False
        self._newest_s = picture.timestamp_s
        best = max((picture.seen.get(name, 0.0) for name in classes), default=0.0)
        self._best = max(self._best, best)
        self._shown += best > 0
        self._pictures += best > 0 or refutes

    def is_old(self, now_s: float) -> bool:
        """What it showed so long ago says nothing of now."""
        return now_s - self._newest_s > _HOLDS_S

    @property
    def bar(self) -> float:
        """How much stronger than usual the claim must be; below 0: how much weaker it may be."""
        if self._pictures < LEAST_PICTURES:
            return 0.0
        return CONFIRMED if self._share >= _SHOWN_SHARE else REFUTED

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What it showed, empty while it says nothing."""
        bar = self.bar
        if bar == 0.0:
            return ()
        detail = {"looks": self._pictures, "share": round(self._share, 3)}
        if bar > 0:
            return (Reason("close_look_empty", -bar, detail),)
        return (Reason("close_look", -bar, {**detail, "confidence": round(self._best, 3)}),)

    @property
    def is_news(self) -> bool:
        """It says something that no message has told."""
        return not self.is_told and self.bar != 0.0

    @property
    def _share(self) -> float:
        return self._shown / self._pictures
