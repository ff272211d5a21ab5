"""Runs the patrol's own decisions over a clip: glances, looks, looks back; no pacing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from bench.incidents.alarms import Alarm, alarms_of
from bench.incidents.attention import Attention
from bench.incidents.back import ClipBack
from bench.incidents.decoding import Decoded, Look, all_decoding_s, patrol_decoding_s
from bench.incidents.footage import TrueClip, pictures, zones_of
from bench.incidents.sight import Sight
from models.detections import Detections
from pipeline.boxes import to_pixels
from pipeline.confirm import Origin
from pipeline.types import Act, Box, CrowdCount, NovelObject, Sighting, ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from pipeline.zones import Zone
from streams.types import Frame, ImageArray, Shot


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a view is looked at.

    Attributes:
        fps: Pictures per second; None: glances at the rules' own period.
        looks: Full attention and looks back when a rule asks for them, as the patrol gives them.
    """

    fps: float | None = None
    looks: bool = True

    @property
    def name(self) -> str:
        """For reports."""
        glances = "patrol" if self.fps is None else f"{self.fps:g} fps"
        return glances if self.looks or self.fps is not None else f"{glances}, no looks"


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """All that was made of one picture before any rule: baselines and sweeps judge it again.

    Attributes:
        index: Number of the picture.
        t_s: Second of the clip.
        size: (width, height) in pixels.
        detections: What the detector found, for baselines.
        asked: The same after places in doubt were detected twice: what the patrol judged.
        novel: New and still things.
        counts: People counted per zone.
        looking: It belonged to a look.
        acts: What look-backs had found by then.
    """

    index: int
    t_s: float
    size: tuple[int, int]
    detections: Detections
    asked: Detections
    novel: tuple[NovelObject, ...] = ()
    counts: tuple[CrowdCount, ...] = ()
    looking: bool = False
    acts: tuple[Act, ...] = ()


@dataclass(slots=True, eq=False)
class Patrolled:
    """What the patrol did on a clip.

    Attributes:
        alarms: Incidents raised.
        sightings: Its messages.
        seen: Judged pictures.
        cpu_s: CPU seconds: decoding, detecting, judging.
        decode_s: Of them decoding, as `bench.incidents.decoding` reckons it.
    """

    alarms: list[Alarm]
    sightings: list[Sighting]
    seen: list[Seen]
    cpu_s: float
    decode_s: float


@dataclass(frozen=True, slots=True)
class PatrolOptions:
    """What is varied between runs.

    Attributes:
        pace: How often.
        overrides: Rule settings by incident type ("*" for all), laid over the clip's own.
        least_confidence: Detections below are dropped before the tracker sees them.
    """

    pace: Pace = Pace()
    overrides: dict[str, dict[str, object]] = field(default_factory=dict)
    least_confidence: float = 0.0


def patrol(clip: TrueClip, sight: Sight, options: PatrolOptions) -> Patrolled:
    """Watch a clip as one view of a site."""
    zones = zones_of(clip.truth, options.overrides)
    pipeline = ViewPipeline(_plan(clip, sight, zones))
    attention = _attention(zones, options.pace)
    out = Patrolled([], [], [], 0.0, 0.0)
    packets: list[Decoded] = []
    looks: list[Look] = []
    shown = pictures(clip.path, clip.truth.clip.hold_s, attention.is_due, packets.append)
    sight.open(clip)
    began = time.process_time()
    with ClipBack(clip, sight) as back:
        for index, t_s, image in shown:
            frame = _frame(clip, t_s, image)
            before = time.process_time()
            once, detect_s = sight.see(index, image)
            once = once.where(once.confidence >= options.least_confidence)
            doubtful = pipeline.confirmation.doubtful_places
            places = [to_pixels(place, frame.size) for place in doubtful]
            found, again_s = sight.ask_again(index, image, once, places)
            found = found.where(found.confidence >= options.least_confidence)
            out.cpu_s += detect_s + again_s - (time.process_time() - before)
            counts = sight.count(frame, zones, found)
            looking, acts = attention.is_looking(t_s), back.acts(frame.timestamp_s)
            judgement = pipeline.judge(frame, found, counts=counts, looking=looking, acts=acts)
            attention.took(t_s, judgement.wants)
            if attention.is_looking(t_s):
                looks.append(Look(t_s, attention.look_until_s, attention.look_fps))
            if attention.looks:
                back.ask(frame, judgement)
            out.sightings += judgement.sightings
            novel = judgement.scene.novel
            out.seen.append(Seen(index, t_s, frame.size, once, found, novel, counts, looking, acts))
    spent_s = time.process_time() - began - all_decoding_s(packets)
    out.decode_s = _decoding_s(packets, out.seen, looks, attention, options.pace)
    out.cpu_s += spent_s + back.saved_s + out.decode_s
    out.alarms = alarms_of(out.sightings, clip.start_s)
    return out


def _decoding_s(
    packets: Sequence[Decoded],
    seen: Iterable[Seen],
    looks: Sequence[Look],
    attention: Attention,
    pace: Pace,
) -> float:
    """Everything at a pace of its own, else what glances and looks would decode."""
    if pace.fps is not None:
        return all_decoding_s(packets)
    glances = [moment.t_s for moment in seen if not moment.looking]
    return patrol_decoding_s(packets, glances, looks, attention.period_s)


def judge_again(
    clip: TrueClip, sight: Sight, seen: Iterable[Seen], options: PatrolOptions
) -> list[Alarm]:
    """What other rule settings raise from the same pictures, without decoding or detecting.

    The choice of pictures, and of places that were detected twice, is taken over: other settings
    might have looked longer, or elsewhere.
    """
    zones = zones_of(clip.truth, options.overrides)
    novelty = _KnownNovelty()
    pipeline = ViewPipeline(_plan(clip, sight, zones), novelty=novelty)
    sightings: list[Sighting] = []
    for moment in seen:
        novelty.now = moment.novel
        kept = moment.asked.confidence >= options.least_confidence
        frame = _frame(clip, moment.t_s, _blank(moment.size))
        judgement = pipeline.judge(
            frame,
            moment.asked.where(kept),
            counts=moment.counts,
            looking=moment.looking,
            acts=moment.acts,
        )
        sightings += judgement.sightings
    return alarms_of(sightings, clip.start_s)


class _KnownNovelty:
    """Answers what was found when the pictures were there."""

    def __init__(self) -> None:
        self.now: tuple[NovelObject, ...] = ()

    def update(
        self, shot: Shot, timestamp_s: float, busy: Iterable[Box]
    ) -> tuple[NovelObject, ...]:
        return self.now

    def state(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None:
        """There is nothing to take up."""


def _plan(clip: TrueClip, sight: Sight, zones: tuple[Zone, ...]) -> ViewPlan:
    origin = Origin("bench", ViewKey(clip.clip_id, clip.truth.view), sight.model_id)
    clock = clip.truth.clip.start.tzinfo or UTC
    return ViewPlan(origin, zones, sight.labels, clock, thresholds=sight.thresholds)


def _frame(clip: TrueClip, t_s: float, image: ImageArray) -> Frame:
    now_s = clip.start_s + t_s
    return Frame(clip.clip_id, now_s, datetime.fromtimestamp(now_s, UTC), image)


def _blank(size: tuple[int, int]) -> ImageArray:
    return np.broadcast_to(np.zeros(1, np.uint8), (size[1], size[0], 3))


def _attention(zones: Sequence[Zone], pace: Pace) -> Attention:
    periods = [rule.glance_period_s for zone in zones for rule in zone.rules]
    period_s = 1 / pace.fps if pace.fps else min(periods, default=10.0)
    return Attention(period_s, pace.looks and pace.fps is None)
