"""What a preset remembers between visits, so that dwell counts across them and ends are seen.

The rules' own memories live on between visits: one tracker, one set of rules and one confirmation
per view, as for any camera. What a tour changes is the time between pictures: minutes instead of
seconds. `patient` tells the trackers and rules so; `VisitGate` holds back the first pictures of
a visit while something that stood there last time has not been found again, so that one missed
detection on arrival is not taken for an empty place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pipeline.boxes import iou
from pipeline.rules.settings import RuleBase
from pipeline.sightlines import OCCLUDERS
from pipeline.track.settings import TrackerSettings
from pipeline.types import Box, Scene, Track
from pipeline.zones import Zone

R = TypeVar("R", bound=RuleBase)

_SAME_PLACE = 0.3
_GATE_PICTURES = 3


def patient_rule(rule: R, gap_s: float) -> R:
    """The rule for a view that is looked at every `gap_s` seconds at worst."""
    return rule.model_copy(update={"max_gap_s": max(rule.max_gap_s, gap_s)})


def patient_zone(zone: Zone, gap_s: float) -> Zone:
    """The zone with rules that wait for the next visit."""
    return zone.model_copy(update={"rules": tuple(patient_rule(r, gap_s) for r in zone.rules)})


def patient_tracker(settings: TrackerSettings, gap_s: float) -> TrackerSettings:
    """The tracker for such a view: what stood still is waited for until the next visit."""
    return replace(settings, still_lost_s=max(settings.still_lost_s, 1.5 * gap_s))


@dataclass(slots=True)
class VisitGate:
    """Decides which scenes of a visit may be judged.

    Attributes:
        pictures: How many pictures of a visit may be held back.
    """

    pictures: int = _GATE_PICTURES
    _stood: tuple[tuple[str, Box], ...] = ()
    _held: int = field(default=0)
    _open: bool = True

    @property
    def waits(self) -> bool:
        """Whether scenes are held back now."""
        return not self._open

    def arrive(self) -> None:
        """A visit begins."""
        self._held, self._open = 0, not self._stood

    def leave(self, tracks: Iterable[Track]) -> None:
        """A visit ends with these tracks; what stands is expected next time, but for traffic."""
        self._stood = tuple(
            (t.label, t.xyxy)
            for t in tracks
            if t.still_since_s is not None and t.label not in OCCLUDERS
        )

    def admit(self, scene: Scene) -> bool:
        """Whether the rules may see the scene: all is found again, or it was waited long enough."""
        if self._open:
            return True
        self._held += 1
        seen = [t for t in scene.tracks if t.last_seen_s >= scene.timestamp_s]
        missing = any(
            all(t.label != label or iou(t.xyxy, box) < _SAME_PLACE for t in seen)
            for label, box in self._stood
        )
        self._open = not missing or self._held > self.pictures
        return self._open
