"""The patrol of one view, readable in one loop: picture and boxes in, sightings out; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from models.detections import Detections
from pipeline.boxes import intersection, to_pixels
from pipeline.confirm import CloseUp, Confirmation, LookWant, Origin, ViewMemory
from pipeline.confirm.identity import Topic
from pipeline.geometry.calibration import Calibration
from pipeline.measures import Gauge, measured, possible
from pipeline.novelty import NoveltySettings, ShrunkNovelty
from pipeline.rules.rule import Rule, make_rule
from pipeline.rules.settings import StreetVendingSettings
from pipeline.sightlines import PEOPLE, VEHICLES, is_sure
from pipeline.tour.values import CloseView
from pipeline.tour.visits import VisitGate, patient_tracker, patient_zone
from pipeline.track import Tracker, TrackerSettings
from pipeline.types import Act, Box, CrowdCount, NovelObject, Scene, Sighting, Suspicion, Track
from pipeline.zones import Zone
from streams.types import Shot


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """What one view is watched for.

    Attributes:
        origin: Site, view and model: goes into ids and messages.
        zones: Zones with their rules.
        labels: Class names of the detector, by class id.
        clock: Time zone in which schedules and permits are read.
        tracker: Limits of the tracker.
        novelty: Limits of the detector of new and still things.
        gap_s: Longest time between two visits of a tour; 0 for a view that is always watched.
        gauge: Its calibration, None where it has none.
        thresholds: The card's confidence by label at which an object is there.
    """

    origin: Origin
    zones: tuple[Zone, ...]
    labels: tuple[str, ...]
    clock: tzinfo = UTC
    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    novelty: NoveltySettings = field(default_factory=NoveltySettings)
    gap_s: float = 0.0
    gauge: Gauge | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one picture led to.

    Attributes:
        scene: What the rules saw.
        suspicions: What they claimed.
        sightings: What is to be published.
        wants: Looks wished for, most urgent first.
    """

    scene: Scene
    suspicions: tuple[Suspicion, ...]
    sightings: tuple[Sighting, ...]
    wants: tuple[LookWant, ...]


class NoveltyPort(Protocol):
    """What finds new and still things of unknown class in the pictures of one view."""

    def update(
        self, shot: Shot, timestamp_s: float, busy: Iterable[Box]
    ) -> tuple[NovelObject, ...]: ...

    def state(self) -> bytes: ...

    def restore(self, state: bytes) -> None: ...


class ViewPipeline:
    """Keeps what one view remembers between pictures.

    Args:
        plan: What to watch for.
        memory: Rejected places of the view.
        novelty: Finds new and still things; the one on pixels by default, used only when a
            rule of the plan needs it.
    """

    def __init__(
        self,
        plan: ViewPlan,
        memory: ViewMemory | None = None,
        novelty: NoveltyPort | None = None,
    ) -> None:
        self._plan = plan
        self._gate = VisitGate() if plan.gap_s > 0 else None
        patient = patient_tracker(plan.tracker, plan.gap_s)
        self._tracker = Tracker(plan.labels, patient, plan.thresholds)
        self._tracks: tuple[Track, ...] = ()
        self._novelty: NoveltyPort | None = None
        if _needs_novelty(plan.zones):
            self._novelty = novelty or ShrunkNovelty(plan.novelty)
        zones = [patient_zone(zone, plan.gap_s) for zone in plan.zones]
        self._watches = [_Watch(zone, topic, plan) for zone, topic in _topics(zones)]
        rules = {w.topic: w.settings for w in self._watches}
        self.confirmation = Confirmation(plan.origin, rules, memory)

    def restore(self, sightings: Iterable[Sighting], background: bytes = b"") -> None:
        """Take up what an earlier run left open, or ended not long ago.

        Args:
            sightings: The last message of each.
            background: What `background` gave then; empty if none was kept.

        Raises:
            ValueError: The background is damaged; the sightings are taken up all the same.
        """
        self.confirmation.restore(sightings)
        if self._novelty is not None:
            self._novelty.restore(background)

    def successor(self, plan: ViewPlan) -> ViewPipeline:
        """A pipeline for another plan of this view that knows all that this one has confirmed."""
        made = ViewPipeline(plan, self.confirmation.memory)
        made.restore(self.confirmation.known_sightings, self.background())
        return made

    def background(self) -> bytes:
        """What the view looks like without anything new, to be kept over a restart."""
        return self._novelty.state() if self._novelty is not None else b""

    @property
    def waits(self) -> bool:
        """Whether a visit's first pictures are held back until what stood there is found again."""
        return self._gate is not None and self._gate.waits

    def arrive(self) -> None:
        """A visit of the view begins."""
        if self._gate is not None:
            self._gate.arrive()

    def leave(self) -> None:
        """A visit of the view is over."""
        if self._gate is not None:
            self._gate.leave(self._tracks)

    def judge(
        self,
        shot: Shot,
        detections: Detections,
        *,
        counts: Sequence[CrowdCount] = (),
        looking: bool = False,
        acts: Sequence[Act] = (),
    ) -> Judgement:
        """Judge one picture of the view.

        Args:
            shot: The picture and its times.
            detections: What the detector found in it, pixels of the full frame.
            counts: People counted by density, where somebody asked.
            looking: True in a look, False for a glance.
            acts: What look-backs found in the last minutes.
        """
        calibration = self._plan.gauge.at(shot.size) if self._plan.gauge else None
        if calibration is not None:
            detections = possible(calibration, detections, self._plan.labels)
        tracks = self._tracks = self._tracker.update(detections, shot.timestamp_s)
        scene = Scene(
            view=self._plan.origin.view,
            timestamp_s=shot.timestamp_s,
            captured_at=shot.captured_at,
            size=shot.size,
            tracks=tracks,
            novel=self._find_novel(shot, tracks),
            counts=tuple(counts),
            looking=looking,
            acts=tuple(acts),
        )
        if self._gate is not None and not self._gate.admit(scene):
            return Judgement(scene, (), (), self.confirmation.wants)
        watched = {w.topic for w in self._watches if w.is_watched(scene.captured_at)}
        suspicions = [s for w in self._watches for s in w.update(scene, calibration)]
        sightings = self.confirmation.update(suspicions, scene, watched)
        return Judgement(scene, tuple(suspicions), tuple(sightings), self.confirmation.wants)

    def take_close_up(self, close: CloseView, shot: Shot, detections: Detections) -> None:
        """Take what was detected in an enlarged picture, where the place lies in it.

        Args:
            close: Which place, and where the picture shows it.
            shot: The enlarged picture.
            detections: What the detector found in it, pixels of that picture.
        """
        where = to_pixels(close.shown_norm, shot.size)
        seen: dict[str, float] = {}
        for xyxy, kind, sure in zip(
            detections.xyxy, detections.class_id, detections.confidence, strict=True
        ):
            left, top, right, bottom = map(float, xyxy)
            if intersection((left, top, right, bottom), where) > 0:
                label = self._plan.labels[int(kind)]
                seen[label] = max(seen.get(label, 0.0), float(sure))
        self.confirmation.take_close_up(CloseUp(close.place_norm, shot.timestamp_s, seen))

    def _find_novel(self, shot: Shot, tracks: Sequence[Track]) -> tuple[NovelObject, ...]:
        if self._novelty is None:
            return ()
        busy = [t.xyxy for t in tracks if _is_busy(t) and t.last_seen_s >= shot.timestamp_s]
        return self._novelty.update(shot, shot.timestamp_s, busy)


def _is_busy(track: Track) -> bool:
    """People and vehicles are nothing new; what is perhaps a vehicle may be a stall."""
    return track.label in PEOPLE or (track.label in VEHICLES and is_sure(track))


class _Watch:
    """One rule in one zone, made anew whenever its hours begin or a permit ends."""

    def __init__(self, zone: Zone, topic: Topic, plan: ViewPlan) -> None:
        self.zone, self.topic, self._clock = zone, topic, plan.clock
        self.settings = next(r for r in zone.rules if r.type == topic.type)
        self._rule: Rule | None = None

    def is_watched(self, at: datetime) -> bool:
        return self.zone.is_watched(at, self._clock)

    def update(self, scene: Scene, calibration: Calibration | None) -> list[Suspicion]:
        at = scene.captured_at
        if not self.is_watched(at) or self.zone.is_permitted(self.topic.type, at, self._clock):
            self._rule = None
            return []
        if self._rule is None:
            settings = measured(self.settings, self.zone, calibration)
            self._rule = make_rule(settings, self.zone)
        return self._rule.update(scene)


def _topics(zones: Sequence[Zone]) -> list[tuple[Zone, Topic]]:
    return [(zone, Topic(rule.type, zone.id)) for zone in zones for rule in zone.rules]


def _needs_novelty(zones: Sequence[Zone]) -> bool:
    return any(
        isinstance(rule, StreetVendingSettings) and rule.use_novelty
        for zone in zones
        for rule in zone.rules
    )
