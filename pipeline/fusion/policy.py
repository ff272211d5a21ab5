"""Which incident a sighting belongs to: by place within its doubt, by time, by configured overlap.

Four rules, in this order:

1. One view sees a happening once. A candidate that the same view already claims elsewhere at the
   same time is another happening, however near it is.
2. In one view, boxes that lie on each other in pictures that follow are the same happening.
3. Between calibrated views, places decide: their squared Mahalanobis distance must stay under
   the gate, and of several candidates the likeliest wins; the time at which it began says which
   of two neighbours is meant.
4. Without calibration, only views configured to overlap are joined, and only when there is no
   choice: two candidates are no answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from pipeline.boxes import iou
from pipeline.fusion.estimate import Estimate, combined, distance2
from pipeline.fusion.settings import FusionSettings, TypeGate
from pipeline.fusion.spans import Clocks, Span, TrueClocks, span_of, span_of_incident
from pipeline.ledger.types import Incident, PlacedSighting
from pipeline.types import Place, Sighting, ViewKey

_SAME_VIEW = -1000.0
"""Cost of a match in the same picture: better than any match by place."""

_RIVAL_IOU = 0.7
"""Overlap from which even two claims of one view at one time are the same thing."""

_LATE_COST = 4.0
"""Cost of following at the last possible moment, against following at once."""


_BEGINNING_COST, _BEGINNING_S = 4.0, 30.0
"""Cameras that see one thing appear say so about together: glances and clocks are some seconds
apart. One that was hidden or came by later says it at any time, so it costs no more than this."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A sighting that looks for its incident."""

    sighting: Sighting
    estimate: Estimate | None
    span: Span
    gate: TypeGate


@dataclass(frozen=True, slots=True)
class SkyGroundPolicy:
    """A `pipeline.ledger.fusion.FusionPolicy` that joins what several cameras saw.

    It decides once, for a sighting that is new. What operators merged or split is therefore
    never decided again, and after a crash the database holds all that it needs.

    Attributes:
        settings: Gates and overlaps.
        clocks: How far each camera's clock is ahead.
    """

    settings: FusionSettings = field(default_factory=FusionSettings)
    clocks: Clocks = field(default_factory=TrueClocks)

    def decide(
        self, sighting: Sighting, place: Place | None, candidates: Sequence[Incident]
    ) -> UUID | None:
        """The candidate that it joins, None to found a new incident."""
        claim = self._claim(sighting, place)
        costs = [(self._cost(claim, candidate), candidate) for candidate in candidates]
        possible = [(cost, candidate) for cost, candidate in costs if cost is not None]
        if possible:
            return min(possible, key=lambda m: (m[0], m[1].incident_id))[1].incident_id
        return self._by_overlap(claim, candidates)

    def recurrence_of(
        self, sighting: Sighting, place: Place | None, candidates: Sequence[Incident]
    ) -> UUID | None:
        """The newest candidate at the same place that was over before this one began."""
        claim = self._claim(sighting, place)
        over = [
            (span.seen_s, candidate.incident_id)
            for candidate in candidates
            if (span := span_of_incident(candidate, self.clocks)).seen_s < claim.span.start_s
            and self._where(claim, candidate) is not None
        ]
        return max(over)[1] if over else None

    def overlapping(self, view: ViewKey) -> Sequence[ViewKey]:
        """Views that are configured to see the same spot: `LedgerConfig.overlapping`."""
        linked = {
            key
            for overlap in self.settings.overlaps
            if view in overlap.keys
            for key in overlap.keys
        }
        return sorted(linked - {view})

    def _claim(self, sighting: Sighting, place: Place | None) -> _Claim:
        estimate = Estimate.of(place) if place else None
        gate = self.settings.gate(sighting.type)
        return _Claim(sighting, estimate, span_of(sighting, self.clocks), gate)

    def _cost(self, claim: _Claim, candidate: Incident) -> float | None:
        """Less is likelier; None if it cannot be the same happening."""
        late = self._lateness(claim, candidate)
        if late is None or self._is_elsewhere_at_once(claim, candidate):
            return None
        where = self._where(claim, candidate)
        if where is None:
            return None
        cost = where + self._beginning(claim, candidate)
        return cost + _LATE_COST * late if cost <= self._cost_of_a_stranger() else None

    def _beginning(self, claim: _Claim, candidate: Incident) -> float:
        """Cost of beginning at another time than every sighting of the candidate."""
        apart_s = min(
            abs(span_of(placed.sighting, self.clocks).start_s - claim.span.start_s)
            for placed in candidate.sightings
        )
        return min(_BEGINNING_COST, (apart_s / _BEGINNING_S) ** 2)

    def _lateness(self, claim: _Claim, candidate: Incident) -> float | None:
        """0 when the times overlap, up to 1 at the last moment to follow, None after it."""
        begins = (claim.sighting.view, claim.span.start_s)
        span = span_of_incident(candidate, self.clocks, begins)
        gap = claim.span.gap_s(span, self.settings.open_s)
        limit = claim.gate.follow_s + self.settings.clock_slack_s
        return gap / limit if gap <= limit else None

    def _where(self, claim: _Claim, candidate: Incident) -> float | None:
        """Cost of the place alone, None if it is another one."""
        overlap = max(self._sameness(claim, placed) for placed in candidate.sightings)
        if overlap > 0:
            return _SAME_VIEW * overlap
        theirs = combined(candidate.sightings)
        if claim.estimate is None or theirs is None:
            return None
        squared, spread, metres = distance2(claim.estimate, theirs, claim.gate.wander_m)
        if squared > self.settings.gate_chi2 or metres > claim.gate.reach_m:
            return None
        cost = squared + spread
        return cost if cost <= self._cost_of_a_stranger() else None

    def _cost_of_a_stranger(self) -> float:
        """Cost from which another happening that nobody reported yet is likelier than this one.

        Minus twice the log of a uniform density, to compare with that of the Gaussian: a doubtful
        place says little about being the same where happenings stand close.
        """
        return 2 * math.log(self.settings.ground_per_happening_m2 / (2 * math.pi))

    def _sameness(self, claim: _Claim, placed: PlacedSighting) -> float:
        """IoU of two boxes of one view that can be one happening, else 0.

        A view that claims two things in one zone at once has told them apart already, so their
        boxes must all but coincide.
        """
        other = placed.sighting
        if other.view != claim.sighting.view:
            return 0.0
        overlap = iou(other.xyxy_norm, claim.sighting.xyxy_norm)
        rivals = other.zone_id == claim.sighting.zone_id and self._is_at_once(claim, placed)
        if overlap < (_RIVAL_IOU if rivals else self.settings.min_iou):
            return 0.0
        return 0.0 if self._is_apart(claim, placed) else overlap

    def _is_apart(self, claim: _Claim, placed: PlacedSighting) -> bool:
        """Whether the map says that two boxes, one behind the other, stand in different places."""
        if claim.estimate is None or placed.place is None:
            return False
        theirs = Estimate.of(placed.place)
        squared, spread, metres = distance2(claim.estimate, theirs, claim.gate.wander_m)
        far = squared > self.settings.gate_chi2 or metres > claim.gate.reach_m
        return far or squared + spread > self._cost_of_a_stranger()

    def _is_elsewhere_at_once(self, claim: _Claim, candidate: Incident) -> bool:
        """Whether the claim's own view saw the candidate in another spot at the same time."""
        return any(
            placed.sighting.view == claim.sighting.view
            and self._is_at_once(claim, placed)
            and self._sameness(claim, placed) == 0.0
            for placed in candidate.sightings
        )

    def _is_at_once(self, claim: _Claim, placed: PlacedSighting) -> bool:
        span = span_of(placed.sighting, self.clocks)
        return span.gap_s(claim.span, self.settings.open_s) == 0.0

    def _by_overlap(self, claim: _Claim, candidates: Sequence[Incident]) -> UUID | None:
        """The only candidate of an overlapping view that could be it, None if not just one."""
        linked = [
            candidate.incident_id
            for candidate in candidates
            if self._is_linked(claim.sighting, candidate)
            and self._lateness(claim, candidate) is not None
            and not self._is_elsewhere_at_once(claim, candidate)
            and not self._is_placed_apart(claim, candidate)
        ]
        return linked[0] if len(linked) == 1 else None

    def _is_linked(self, sighting: Sighting, candidate: Incident) -> bool:
        seen_by = {placed.sighting.view for placed in candidate.sightings}
        return any(
            sighting.view in overlap.keys
            and (not overlap.types or sighting.type in overlap.types)
            and not seen_by.isdisjoint(overlap.keys - {sighting.view})
            for overlap in self.settings.overlaps
        )

    def _is_placed_apart(self, claim: _Claim, candidate: Incident) -> bool:
        """Both have places, and the places did not match."""
        return claim.estimate is not None and combined(candidate.sightings) is not None
