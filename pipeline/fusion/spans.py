"""When sightings and incidents lasted, on clocks that were put right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pipeline.ledger.types import Incident
from pipeline.types import Phase, Sighting


class Clocks(Protocol):
    """How far each camera's clock is ahead."""

    def offset_s(self, camera_id: str) -> float:
        """Seconds to take off the camera's times; 0 when nothing is known."""
        ...


class TrueClocks:
    """Clocks that are all right."""

    def offset_s(self, camera_id: str) -> float:
        """Always 0."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of corrected time in Unix seconds; an open one has not been seen to end.

    Attributes:
        start_s: First support.
        seen_s: Last picture that showed it, or its end.
        open: No picture saw the place clear yet.
    """

    start_s: float
    seen_s: float
    open: bool

    def end_s(self, open_s: float) -> float:
        """Until when it may last; an open span is trusted `open_s` beyond its last picture."""
        return self.seen_s + (open_s if self.open else 0.0)

    def gap_s(self, other: Span, open_s: float) -> float:
        """Seconds between the two, 0 if they overlap."""
        later = max(self.start_s, other.start_s)
        return max(0.0, later - min(self.end_s(open_s), other.end_s(open_s)))


def span_of(sighting: Sighting, clocks: Clocks) -> Span:
    """When a sighting lasted, on the corrected clock of its camera."""
    offset = clocks.offset_s(sighting.view.camera_id)
    last = sighting.ended_at or sighting.observed_at
    return Span(
        sighting.started_at.timestamp() - offset,
        max(last, sighting.started_at).timestamp() - offset,
        sighting.phase is not Phase.ENDED,
    )


def span_of_incident(incident: Incident, clocks: Clocks) -> Span:
    """When an incident lasted: from its first sighting to its last."""
    spans = [span_of(placed.sighting, clocks) for placed in incident.sightings]
    return Span(
        min(span.start_s for span in spans),
        max(span.seen_s for span in spans),
        any(span.open for span in spans),
    )
