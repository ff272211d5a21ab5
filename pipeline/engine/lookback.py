"""Looks back in a camera's packet ring: when did this thing appear, and who put it there?

The keyframes in the ring are bisected for the moment; the seconds around it are decoded and the
people and vehicles near the place are tracked. Decodes and detects, so it runs in a look's place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.detections import Detections
from models.region_plan import PixelBox
from pipeline.acts import Scenes, act_of
from pipeline.boxes import extent
from pipeline.track import Tracker, TrackerSettings
from pipeline.types import Act, Box
from streams.decode import decode_picture, decode_pictures
from streams.errors import DecodeError
from streams.picture import Picture
from streams.ring import PacketRing
from streams.types import ImageArray, Packet, Shot

_PATCH = (24, 24)
_LEAST_STEP = 4.0
_BATCH = 4

See = Callable[[Sequence[tuple[Shot, Sequence[PixelBox]]]], list[Detections]]
"""Boxes in regions of pictures, pixels of the full frame."""


@dataclass(frozen=True, slots=True)
class LookBackSettings:
    """Limits of one look-back.

    Attributes:
        fps: Pictures per second that are detected; all are decoded.
        before_s: Decoded before the last keyframe without the thing.
        after_s: Decoded after the first keyframe with it, and on until the actor has left.
        most_s: Decoded at most.
        margin_s: Kept for the clip before the act begins and after it ends.
        around: Width and height looked at, in sizes of the thing.
        most_bytes: Packets kept for the clip of one act.
    """

    fps: float = 6.0
    before_s: float = 4.0
    after_s: float = 2.0
    most_s: float = 20.0
    margin_s: float = 3.0
    around: float = 12.0
    most_bytes: int = 12 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class LookBackOrder:
    """What to look for.

    Attributes:
        place: Box of the thing, pixels of the full frame.
        size: (width, height) of the full frame.
        seen_s: Media time at which a glance saw it first.
        patch: (24, 24) uint8 brightness of the place with the thing, see `patch_of`.
    """

    place: Box
    size: tuple[int, int]
    seen_s: float
    patch: ImageArray


@dataclass(frozen=True, slots=True, eq=False)
class FoundAct:
    """An act and the packets that show it, held so that the ring may go on."""

    act: Act
    packets: tuple[Packet, ...] = ()


def patch_of(shot: Shot, place: Box) -> ImageArray:
    """(24, 24) uint8 brightness of a place, to be compared with other pictures of it."""
    return shot.luma(_PATCH, _grown(place, 1.0, 0.0, shot.size))


class LookBack:
    """Finds acts with a detector; one instance serves many views from many threads.

    Args:
        see: Detects in regions of pictures.
        labels: Class names of the detector, by class id.
        thresholds: The card's confidence by label at which an object is there.
        settings: Limits.
    """

    def __init__(
        self,
        see: See,
        labels: Sequence[str],
        thresholds: Mapping[str, float] | None = None,
        settings: LookBackSettings | None = None,
    ) -> None:
        self._see = see
        self._labels = tuple(labels)
        self._thresholds = dict(thresholds or {})
        self._settings = settings or LookBackSettings()

    def search(self, ring: PacketRing, order: LookBackOrder, stop: threading.Event) -> FoundAct:
        """The act behind a thing; without an actor when nobody was seen at it.

        `Act.in_memory` is False when the ring begins after the thing appeared.
        """
        keys = [k for k in ring.keyframes() if k.timestamp_s < order.seen_s]
        keys = [k for k in keys if k.epoch == keys[-1].epoch]  # clips and decoders end there
        moment = self._bisect(keys, order)
        if moment is None:
            return FoundAct(Act(order.place, order.seen_s, in_memory=False))
        last_without, first_with, before = moment
        settings = self._settings
        start_s = last_without - settings.before_s
        scenes, tracker = (
            Scenes(order.place),
            Tracker(self._labels, TrackerSettings(), self._thresholds),
        )
        region = _grown(order.place, settings.around, 0.25, order.size)
        shots: list[Picture] = []
        for shot in decode_pictures(ring.span(start_s, start_s + settings.most_s), settings.fps):
            shots.append(shot)
            if len(shots) < _BATCH:
                continue
            self._take(shots, region, before, order, scenes, tracker)
            over = shot.timestamp_s > first_with + settings.after_s
            if stop.is_set() or (over and _is_over(scenes, order)):
                break
        self._take(shots, region, before, order, scenes, tracker)
        if not scenes.shown:
            return FoundAct(Act(order.place, order.seen_s, in_memory=False))
        act = act_of(scenes, order.size, order.seen_s)
        return FoundAct(act, self._held(ring, act))

    def _bisect(
        self, keys: Sequence[Packet], order: LookBackOrder
    ) -> tuple[float, float, ImageArray] | None:
        """Times of the keyframes on both sides of the appearance, and the place without the thing.

        None when already the oldest keyframe shows the thing. A place that looks the same with
        and without it, as in the dark, gives the last stretch before it was detected.
        """
        pictures = {0: _patch(keys[0], order.place)} if keys else {}
        before = pictures.get(0)
        if before is None:
            return None
        if _apart(before, order.patch) < _LEAST_STEP:
            return None
        absent, present = 0, len(keys)
        while present - absent > 1:
            middle = (absent + present) // 2
            patch = _patch(keys[middle], order.place)
            if patch is not None and _is_like(patch, order.patch, before):
                present = middle
            else:
                absent = middle
        first_s = keys[present].timestamp_s if present < len(keys) else order.seen_s
        return keys[absent].timestamp_s, first_s, before

    def _take(
        self,
        shots: list[Picture],
        region: PixelBox,
        before: ImageArray,
        order: LookBackOrder,
        scenes: Scenes,
        tracker: Tracker,
    ) -> None:
        """Detect and track in some pictures, and empty the list."""
        for shot, found in zip(shots, self._see([(s, [region]) for s in shots]), strict=True):
            shown = _is_like(patch_of(shot, order.place), order.patch, before)
            scenes.add(shot.timestamp_s, shown, tracker.update(found, shot.timestamp_s))
        shots.clear()

    def _held(self, ring: PacketRing, act: Act) -> tuple[Packet, ...]:
        """The packets of the act with some seconds around it; none when they are too many."""
        margin_s = self._settings.margin_s
        began_s = act.appeared_s if act.arrived_s is None else act.arrived_s
        ended_s = act.appeared_s if act.left_s is None else act.left_s
        packets = ring.span(began_s - margin_s, max(ended_s, act.appeared_s) + margin_s)
        small = sum(len(p.data) for p in packets) <= self._settings.most_bytes
        return tuple(packets) if small else ()


def _is_over(scenes: Scenes, order: LookBackOrder) -> bool:
    """True when nobody came, or who came has left."""
    act = act_of(scenes, order.size, order.seen_s)
    return act.actor is None or act.left_s is not None


def _patch(key: Packet, place: Box) -> ImageArray | None:
    """The place in a keyframe, None when it gives no picture."""
    try:
        return patch_of(decode_picture(key), place)
    except DecodeError:
        return None


def _apart(a: ImageArray, b: ImageArray) -> float:
    """Mean difference of two patches in brightness steps, less what is common to all of it."""
    step = a.astype(np.float32) - b
    return float(np.mean(np.abs(step - np.median(step))))


def _is_like(patch: ImageArray, now: ImageArray, before: ImageArray) -> bool:
    """True when a patch is nearer to how the place looks with the thing than without."""
    return _apart(patch, now) < _apart(patch, before)


def _grown(place: Box, times: float, least: float, size: tuple[int, int]) -> PixelBox:
    """A box around a place, `times` its larger side and at least that share of the frame."""
    x, y = (place[0] + place[2]) / 2, (place[1] + place[3]) / 2
    half = max(times * extent(place), least * size[0]) / 2
    left, top = max(0, int(x - half)) & ~1, max(0, int(y - half)) & ~1
    right, bottom = min(size[0], int(x + half) + 1), min(size[1], int(y + half) + 1)
    return left, top, max(left + 2, right & ~1), max(top + 2, bottom & ~1)
