"""What other systems would raise from the same detections: four baselines, re-stated (pure).

* `every_detection`: an alarm for every picture in which a zone holds the class.
* `security_alarm`: Ultralytics `solutions.SecurityAlarm`: one mail when the number of objects
  reaches `records`, `email_sent` is never reset (ultralytics 8.4, security_alarm.py), given here
  one alarm system per zone and class; and its `RegionCounter`: every rise of the count in the
  region to the limit is an alarm.
* `polygon_zone`: supervision's `PolygonZone` (anchor: bottom centre) with a counter of consecutive
  pictures, as its dwell examples do: an alarm after `frames` pictures in a row, armed again when
  the zone is empty in one picture.
* `frigate`: an object counts as in the zone by its bottom centre in `inertia` (3) pictures in a
  row and loiters when it stays `loitering_time` (the zone's dwell) seconds; objects that alert
  are grouped into one review item, which ends after 120 s without activity
  (THRESHOLD_ALERT_ACTIVITY of frigate's review maintainer). Its tracker (Norfair) is replaced by
  ours, for the same boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.incidents.alarms import Alarm, BoxNorm
from bench.incidents.footage import TrueClip, zones_of
from bench.incidents.patrol import Seen
from pipeline.track import Tracker
from pipeline.zones import Zone

CLASSES = {
    "street_vending": ("stall", "parasol", "tricycle"),
    "garbage": ("garbage",),
    "overflowing_bin": ("overflowing_bin",),
    "missing_helmet": ("bare_head",),
    "crowding": ("person",),
}
LEAST_CONFIDENCE = 0.4
"""The default of both supervision's and Frigate's examples lies between 0.3 and 0.5."""
CONSECUTIVE_FRAMES = 30
"""A second of video at 30 fps, as in the examples; deliberately not scaled with the frame rate."""
INERTIA = 3
REVIEW_GAP_S = 120.0


@dataclass(frozen=True, slots=True)
class _Moment:
    """Boxes of one class group in one zone in one picture."""

    t_s: float
    boxes: tuple[BoxNorm, ...]


@dataclass(frozen=True, slots=True)
class _Post:
    """One zone and one type, with the moments that a baseline decides on."""

    zone: Zone
    type: str
    dwell_s: float
    needed: int
    moments: tuple[_Moment, ...]


Baseline = Callable[[TrueClip, Sequence[Seen], tuple[str, ...]], list[Alarm]]


def every_detection(clip: TrueClip, seen: Sequence[Seen], labels: tuple[str, ...]) -> list[Alarm]:
    """An alarm for every picture with a detection in the zone."""
    return [
        _alarm(post, n, moment.t_s, moment.t_s, moment)
        for post in _posts(clip, seen, labels)
        for n, moment in enumerate(post.moments)
        if len(moment.boxes) >= post.needed
    ]


def security_alarm(clip: TrueClip, seen: Sequence[Seen], labels: tuple[str, ...]) -> list[Alarm]:
    """One alarm per zone and class, ever, when the count first reaches the limit."""
    alarms = []
    for post in _posts(clip, seen, labels):
        first = next((m for m in post.moments if len(m.boxes) >= post.needed), None)
        if first is not None:
            alarms.append(_alarm(post, 0, first.t_s, None, first))
    return alarms


def region_counter(clip: TrueClip, seen: Sequence[Seen], labels: tuple[str, ...]) -> list[Alarm]:
    """An alarm whenever the count in the region rises to the limit."""
    alarms = []
    for post in _posts(clip, seen, labels):
        above = False
        for n, moment in enumerate(post.moments):
            now = len(moment.boxes) >= post.needed
            if now and not above:
                alarms.append(_alarm(post, n, moment.t_s, None, moment))
            above = now
    return alarms


def polygon_zone(clip: TrueClip, seen: Sequence[Seen], labels: tuple[str, ...]) -> list[Alarm]:
    """An alarm after a fixed number of consecutive pictures with the class in the zone."""
    alarms = []
    for post in _posts(clip, seen, labels):
        run, begin = 0, 0.0
        for n, moment in enumerate(post.moments):
            if len(moment.boxes) < post.needed:
                run = 0
                continue
            begin = moment.t_s if run == 0 else begin
            run += 1
            if run == CONSECUTIVE_FRAMES:
                alarms.append(_alarm(post, n, moment.t_s, None, moment, begin))
    return alarms


def frigate(clip: TrueClip, seen: Sequence[Seen], labels: tuple[str, ...]) -> list[Alarm]:
    """Loitering objects, grouped into review items."""
    alarms = []
    width, height = clip.truth.clip.size
    for post in _posts(clip, seen, labels):
        tracker = Tracker(labels)
        inside: dict[int, tuple[int, float]] = {}
        open_until, item, box = -1.0, None, (0.0, 0.0, 0.0, 0.0)
        for picture in seen:
            keep = _of_classes(picture, labels, post.type)
            now_s = picture.t_s
            loiterers = []
            for track in tracker.update(picture.detections.where(keep), now_s):
                if track.last_seen_s < now_s:
                    continue
                if not post.zone.has_foot(track.xyxy, (width, height)):
                    inside.pop(track.track_id, None)
                    continue
                hits, since = inside.get(track.track_id, (0, now_s))
                inside[track.track_id] = hits + 1, since
                if hits + 1 >= INERTIA and now_s - since >= post.dwell_s:
                    loiterers.append(track.xyxy)
            if len(loiterers) < post.needed:
                continue
            box = _hull([_norm(b, width, height) for b in loiterers])
            if now_s > open_until:
                item = Alarm(f"{post.zone.id}-{post.type}-{picture.index}", post.type, now_s,
                             now_s - post.dwell_s, None, box, 1.0, post.zone.id)  # fmt: skip
                alarms.append(item)
            open_until = now_s + REVIEW_GAP_S
    return alarms


BASELINES: dict[str, Baseline] = {
    "alarm on every detection": every_detection,
    "ultralytics security alarm": security_alarm,
    "ultralytics region counter": region_counter,
    "supervision polygon zone, 30 frames": polygon_zone,
    "frigate loitering and review items": frigate,
}


def _posts(clip: TrueClip, seen: Sequence[Seen], labels: tuple[str, ...]) -> list[_Post]:
    width, height = clip.truth.clip.size
    posts = []
    for zone in zones_of(clip.truth):
        for rule in zone.rules:
            needed = getattr(rule, "people", None) or 1
            moments = []
            for picture in seen:
                keep = _of_classes(picture, labels, rule.type)
                boxes = [tuple(float(v) for v in b) for b in picture.detections.xyxy[keep]]
                own = [b for b in boxes if zone.has_foot(b, (width, height))]  # type: ignore[arg-type]
                moments.append(_Moment(picture.t_s, tuple(_norm(b, width, height) for b in own)))
            posts.append(_Post(zone, rule.type, rule.dwell_s, needed, tuple(moments)))
    return posts


def _of_classes(picture: Seen, labels: tuple[str, ...], kind: str) -> np.ndarray:
    wanted = [labels.index(name) for name in CLASSES[kind] if name in labels]
    found = picture.detections
    return np.isin(found.class_id, wanted) & (found.confidence >= LEAST_CONFIDENCE)


def _norm(box: Sequence[float], width: int, height: int) -> BoxNorm:
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _hull(boxes: Sequence[BoxNorm]) -> BoxNorm:
    table = np.array(boxes)
    low, high = table[:, :2].min(axis=0), table[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _alarm(post: _Post, number: int, raised_s: float, ended_s: float | None, moment: _Moment,
           started_s: float | None = None) -> Alarm:  # fmt: skip
    started = raised_s if started_s is None else started_s
    return Alarm(f"{post.zone.id}-{post.type}-{number}", post.type, raised_s, started, ended_s,
                 _hull(moment.boxes), 1.0, post.zone.id)  # fmt: skip
