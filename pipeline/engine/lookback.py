"""Looks back in a camera's packet ring: when did this thing appear, and who put it there?

The keyframes in the ring are bisected for the moment; the seconds around it are decoded and the
people and vehicles near the place are tracked. Decodes and detects, so it runs in a look's place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import structlog

from models.detections import Detections
from models.region_plan import PixelBox
from pipeline.acts import Scenes, act_of, is_seen_to_appear
from pipeline.boxes import extent
from pipeline.track import Tracker, TrackerSettings
from pipeline.types import Act, Box, ClaimKey, Suspicion
from streams.decode import decode_picture, decode_pictures
from streams.errors import DecodeError
from streams.picture import Picture
from streams.ring import PacketRing
from streams.types import ImageArray, Packet, Shot

log = structlog.get_logger(__name__)

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
        claim: The claim that asks.
        place: Box of the thing, pixels of the full frame.
        size: (width, height) of the full frame.
        seen_s: Media time at which a glance saw it first.
        patch: (24, 24) uint8 brightness of the place with the thing, see `patch_of`.
        absent_s: Media time at which the place was last judged without it, None if not known.
    """

    claim: ClaimKey
    place: Box
    size: tuple[int, int]
    seen_s: float
    patch: ImageArray
    absent_s: float | None = None

    @classmethod
    def of(cls, claim: Suspicion, shot: Shot) -> LookBackOrder:
        """What a claim about a picture wishes to know."""
        patch = patch_of(shot, claim.xyxy)
        return cls(claim.key, claim.xyxy, shot.size, claim.since_s, patch, claim.absent_s)

    def nobody(self, in_memory: bool = True) -> FoundAct:
        """The answer when nobody was seen."""
        return FoundAct(Act(self.place, self.seen_s, self.claim, in_memory=in_memory))


@dataclass(frozen=True, slots=True, eq=False)
class FoundAct:
    """An act and the packets that show it, held so that the ring may go on."""

    act: Act
    packets: tuple[Packet, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the packets."""
        return sum(len(packet.data) for packet in self.packets)


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    """Between which times a thing appeared.

    Attributes:
        last_without_s: The place was without it.
        first_with_s: It was there.
        before: The place without it, see `patch_of`.
        is_seen: Pictures say so; detections alone may have missed what was there all the time.
    """

    last_without_s: float
    first_with_s: float
    before: ImageArray
    is_seen: bool


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

        `Act.in_memory` is False when no picture held reaches back to the place without it.
        """
        keys = [k for k in ring.keyframes() if k.timestamp_s < order.seen_s]
        keys = [k for k in keys if k.epoch == keys[-1].epoch]  # clips and decoders end there
        oldest = _oldest(keys, order.place)
        if oldest is None:  # keyframes that give no picture say nothing of how far back they go
            return order.nobody(in_memory=bool(keys))
        moment = self._bisect(keys, order, *oldest)
        if moment is None:
            return order.nobody(in_memory=False)
        settings, before = self._settings, moment.before
        start_s = moment.last_without_s - settings.before_s
        scenes, tracker = (
            Scenes(order.place, order.claim),
            Tracker(self._labels, TrackerSettings(), self._thresholds),
        )
        region = _grown(order.place, settings.around, 0.25, order.size)
        shots: list[Picture] = []
        epoch = keys[-1].epoch
        packets = ring.span(start_s, start_s + settings.most_s, epoch)
        for shot in decode_pictures(packets, settings.fps):
            shots.append(shot)
            if len(shots) < _BATCH:
                continue
            self._take(shots, region, before, order, scenes, tracker)
            over = shot.timestamp_s > moment.first_with_s + settings.after_s
            if stop.is_set() or (over and (_is_sellers(order) or _is_over(scenes, order))):
                break
        self._take(shots, region, before, order, scenes, tracker)
        act = act_of(scenes, order.size, order.seen_s) if scenes.shown else None
        if act is None or not (moment.is_seen or is_seen_to_appear(scenes.shown, act.appeared_s)):
            return order.nobody()
        return FoundAct(act, self._held(ring, act, epoch))

    def _bisect(
        self, keys: Sequence[Packet], order: LookBackOrder, first: int, before: ImageArray
    ) -> _Moment | None:
        """The keyframes on both sides of the appearance; `first` is the oldest to be seen.

        A place that looks the same with and without it, as in the dark, gives the last stretch
        before it was detected. None when the keyframes do not reach back to the place without it.
        """
        if _apart(before, order.patch) < _LEAST_STEP:
            return self._undetected(keys[0].timestamp_s, order, before)
        absent, present = first, len(keys)
        while present - absent > 1:
            middle = (absent + present) // 2
            patch = _patch(keys[middle], order.place)
            if patch is not None and _is_like(patch, order.patch, before):
                present = middle
            else:
                absent = middle
        first_s = keys[present].timestamp_s if present < len(keys) else order.seen_s
        return _Moment(keys[absent].timestamp_s, first_s, before, is_seen=True)

    def _undetected(
        self, oldest_s: float, order: LookBackOrder, before: ImageArray
    ) -> _Moment | None:
        """The stretch in which it appeared by what was detected, its end if it is too long."""
        if order.absent_s is None or oldest_s > order.absent_s:
            return None
        settings = self._settings
        longest_s = settings.most_s - settings.before_s - settings.after_s
        last_without_s = max(order.absent_s, order.seen_s - longest_s)
        return _Moment(last_without_s, order.seen_s, before, is_seen=False)

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

    def _held(self, ring: PacketRing, act: Act, epoch: int) -> tuple[Packet, ...]:
        """The packets of the act with some seconds around it.

        Of too many the end goes first, and the beginning where they would end before the thing
        has appeared.
        """
        margin_s, most_bytes = self._settings.margin_s, self._settings.most_bytes
        began_s = act.appeared_s if act.arrived_s is None else act.arrived_s
        ended_s = act.appeared_s if act.left_s is None else act.left_s
        end_s = max(ended_s, act.appeared_s) + margin_s
        packets = ring.span(began_s - margin_s, end_s, epoch)
        kept = _first_bytes(packets, most_bytes)
        if len(kept) == len(packets):
            return kept
        near_s = max(began_s, act.appeared_s - margin_s)
        for start_s in (began_s, near_s, act.appeared_s):
            kept = _first_bytes(ring.span(start_s, end_s, epoch), most_bytes)
            if kept and kept[-1].timestamp_s >= act.appeared_s:
                break
        log.info("act trimmed", camera=packets[0].camera_id, packets=len(kept), of=len(packets))
        return kept


def _first_bytes(packets: Sequence[Packet], most: int) -> tuple[Packet, ...]:
    """The packets from the first on that have at most so many bytes together."""
    sizes = accumulate(len(p.data) for p in packets)
    return tuple(p for p, total in zip(packets, sizes, strict=True) if total <= most)


def _is_sellers(order: LookBackOrder) -> bool:
    """Who set up a stall stays with it: nobody waits for them to leave."""
    return order.claim.type == "street_vending"


def _is_over(scenes: Scenes, order: LookBackOrder) -> bool:
    """True when nobody came, or who came has left."""
    act = act_of(scenes, order.size, order.seen_s)
    return act.actor is None or act.left_s is not None


def _oldest(keys: Sequence[Packet], place: Box) -> tuple[int, ImageArray] | None:
    """Which keyframe is the oldest that gives a picture, and the place in it; None: none does."""
    for number, key in enumerate(keys):
        patch = _patch(key, place)
        if patch is not None:
            return number, patch
    return None


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
