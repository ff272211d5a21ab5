"""When sightings and incidents lasted, on clocks that were put right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from pipeline.ledger.types import Incident
from pipeline.types import Phase, Sighting, ViewKey


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


def span_of_incident(
    incident: Incident, clocks: Clocks, begins: tuple[ViewKey, float] | None = None
) -> Span:
    """When an incident lasted: from its first sighting to its last.

    An open sighting says nothing while nothing changes, so one whose end was lost would keep its
    incident open for ever. It is over when most of its views saw the place clear, and no other
    showed it since. A view that begins another sighting has lost its earlier ones: against as many
    others that are silent it is believed.

    Args:
        incident: With its sightings.
        clocks: To put times right.
        begins: View that begins another sighting, and when; None if none does.
    """
    spans = [
        (p.sighting.view, _closed(span_of(p.sighting, clocks), p.sighting.view, begins))
        for p in incident.sightings
    ]
    start = min(span.start_s for _, span in spans)
    seen = max(span.seen_s for _, span in spans)
    latest = dict(sorted(spans, key=lambda item: (item[0], item[1].start_s)))
    still = [span for span in latest.values() if span.open]
    cleared = [span.seen_s for span in latest.values() if not span.open]
    if begins is not None and begins[0] in latest:
        outvoted = len(cleared) >= len(still)
    else:
        outvoted = len(cleared) > len(still) and all(s.seen_s <= max(cleared) for s in still)
    return Span(start, seen, bool(still) and not outvoted)


def _closed(span: Span, view: ViewKey, begins: tuple[ViewKey, float] | None) -> Span:
    if begins is None or begins[0] != view or span.start_s >= begins[1]:
        return span
    return replace(span, open=False)
