"""One followed thing: its motion, its votes for a label, and since when it stands still."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from pipeline.boxes import area, blend, centre, covered, distance, extent
from pipeline.track.settings import TrackerSettings
from pipeline.types import Box, Track, TrackState

ANCHOR_LOOKS = 8
"""Boxes that are averaged into an anchor before it is fixed; a drifting anchor would follow."""

VELOCITY_TAU_S = 0.4
"""Memory of the velocity estimate."""

VELOCITY_SPAN_S = 0.2
"""Box noise swamps displacements over less than about this."""

KNOWN_HITS = 3
"""Detections after which the velocity is an estimate and no longer one difference."""


@dataclass(slots=True)
class Anchor:
    """Where a thing stands, since when, and from how many boxes that is known."""

    box: Box
    since_s: float
    looks: int = 1

    def holds(self, box: Box, jitter: float) -> bool:
        """True when a box is this place again, or what an obstacle leaves visible of it."""
        if distance(self.box, box) <= jitter * max(extent(self.box), 1.0):
            return True
        small, large = sorted((self.box, box), key=area)
        return covered(small, large) >= 0.85 and area(small) >= 0.35 * area(large)

    def add(self, box: Box) -> None:
        """Average one more box in while the anchor is young."""
        self.looks += 1
        if self.looks <= ANCHOR_LOOKS:
            self.box = blend(self.box, box, 1.0 / self.looks)


@dataclass(slots=True)
class Body:
    """The mutable state behind one `Track`."""

    track_id: int
    box: Box
    confidence: float
    first_seen_s: float
    last_seen_s: float
    anchor: Anchor
    hits: int = 1
    velocity: tuple[float, float] = (0.0, 0.0)
    away: Anchor | None = None
    votes: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def label(self) -> str:
        """The class with the most confidence behind it; the older one when equal."""
        return max(self.votes, key=self.votes.__getitem__)

    def is_still(self, settings: TrackerSettings) -> bool:
        """True when it has stood at its anchor for long enough to say so.

        A single box off the anchor does not make a standing thing a moving one.
        """
        held_s = self.last_seen_s - self.anchor.since_s
        return self.anchor.looks >= 2 and held_s >= settings.still_s

    def predict(self, timestamp_s: float, settings: TrackerSettings) -> Box:
        """Where it should be, by constant velocity for at most the settings' reach."""
        if self.is_still(settings):
            return self.box
        after_s = min(timestamp_s - self.last_seen_s, settings.reach_s)
        dx, dy = self.velocity[0] * after_s, self.velocity[1] * after_s
        left, top, right, bottom = self.box
        return left + dx, top + dy, right + dx, bottom + dy

    def reach(self, timestamp_s: float, settings: TrackerSettings) -> float:
        """How far from the predicted place it may be, in its sizes.

        What noise allows at once plus what speed allows in the time since; less when it
        moves at a known velocity, and no further growth after `reach_s`.
        """
        known = self.hits >= KNOWN_HITS and not self.is_still(settings)
        speed = settings.turn_speed if known else settings.speed
        after_s = min(timestamp_s - self.last_seen_s, settings.reach_s)
        return settings.jump + speed * after_s

    def hit(
        self, box: Box, label: str, confidence: float, timestamp_s: float, jitter: float
    ) -> None:
        """Take in a detection that was matched to it."""
        self._move(box, timestamp_s)
        self.box, self.confidence, self.last_seen_s = box, confidence, timestamp_s
        self.hits += 1
        self.votes[label] += confidence
        self._stand(box, timestamp_s, jitter)

    def _move(self, box: Box, timestamp_s: float) -> None:
        after_s = timestamp_s - self.last_seen_s
        if after_s <= 0:
            return
        (x0, y0), (x1, y1) = centre(self.box), centre(box)
        span_s = max(after_s, VELOCITY_SPAN_S) if self.hits == 1 else after_s
        trust = 1.0 if self.hits == 1 else after_s / (after_s + VELOCITY_TAU_S)
        vx, vy = self.velocity
        self.velocity = (
            vx + trust * ((x1 - x0) / span_s - vx),
            vy + trust * ((y1 - y0) / span_s - vy),
        )

    def _stand(self, box: Box, timestamp_s: float, jitter: float) -> None:
        # One box off the anchor is noise; a second one at the same new place, or anywhere
        # else off the anchor, is a move.
        if self.anchor.holds(box, jitter):
            self.anchor.add(box)
            self.away = None
        elif self.away is None:
            self.away = Anchor(box, timestamp_s)
        elif self.away.holds(box, jitter):
            self.away.add(box)
            self.anchor, self.away = self.away, None
        else:
            self.anchor, self.away = Anchor(box, timestamp_s), None

    def track(self, timestamp_s: float, settings: TrackerSettings) -> Track:
        """Its value for the rules."""
        if self.hits < settings.confirm_hits:
            state = TrackState.TENTATIVE
        elif self.last_seen_s < timestamp_s:
            state = TrackState.LOST
        else:
            state = TrackState.CONFIRMED
        still_since_s = self.anchor.since_s if self.is_still(settings) else None
        return Track(
            self.track_id,
            self.label,
            self.box,
            self.confidence,
            self.first_seen_s,
            self.last_seen_s,
            still_since_s,
            self.hits,
            state,
        )
