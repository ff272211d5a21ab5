"""Memory of what stands where: survives lost tracks, new ids, people in front, and gaps."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

from pipeline.boxes import area, covered, extent, gap, intersection, iou, union
from pipeline.sightlines import OCCLUDERS, hides, seen_now
from pipeline.types import Act, Box, ClaimKey, IncidentType, Reason, Scene, Suspicion, Track

MEAN_LOOKS = 20
"""Seconds with a look over which the sureness of a class is averaged."""

WEIGH_EVERY_S = 0.9
"""A place seen with something or without counts so often, however many pictures show it: about
once a second, as slow looks come, unevenly."""

PICTURES_KNOWN = 64
"""Pictures of which it is known what they hid: a look's, and a few glances."""

SAME_ACT = 0.5
"""Gap, in sizes, up to which an act is that of a thing."""

HELD_SHARE = 0.7
"""Share of a place's anchor within a thing from which the thing holds it."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something seen standing in one picture: what, where, since when, how surely."""

    label: str
    xyxy: Box
    since_s: float
    confidence: float


@dataclass(slots=True)
class Standing:
    """One place with something standing at it.

    Attributes:
        key: Unique in the memory that holds it.
        label: Class of the item that began it.
        box: Last box around all that stands there, pixels.
        footprint: The box around all that was seen there of late: what is hidden in one look
            shows in another.
        recent: Time and box of each thing of those looks.
        anchor: The largest single thing seen that holds the first one; what is matched, so that
            a place grows to what stands there and never creeps along with what moves.
        since_s: Media time from which it stands there.
        absent_s: Media time of the last picture before that which showed the place, None if none.
        last_seen_s: Media time at which it was last seen there.
        kinds: Sureness of each class there, mean over seconds with a look; 0 in one that showed the
            place unhidden and without it, so that what flickers is believed less.
        blind_s: Time within since..last seen in which nobody looked at the view.
        empty_s: Time for which the place has been seen without it, unhidden.
        looks: Pictures in which it was seen.
        weighed: Seconds in which its place was seen, with it or without.
        weighed_s: Media time of the last of them.
    """

    key: int
    label: str
    box: Box
    since_s: float
    last_seen_s: float
    footprint: Box
    anchor: Box
    absent_s: float | None = None
    recent: deque[tuple[float, Box]] = field(default_factory=deque)
    blind_s: float = 0.0
    empty_s: float = 0.0
    looks: int = 0
    weighed: int = 0
    weighed_s: float = float("-inf")
    kinds: dict[str, float] = field(default_factory=dict)

    @property
    def confidence(self) -> float:
        """Of the class that is surest."""
        return max(self.kinds.values(), default=0.0)

    @property
    def dwell_s(self) -> float:
        """For how long it was there while somebody looked."""
        return max(0.0, self.last_seen_s - self.since_s - self.blind_s)


@dataclass(frozen=True, slots=True)
class StandingLimits:
    """Limits of the memory, taken from a rule's settings.

    Attributes:
        merge_distance: Gap between a thing and a place's anchor, in sizes of the larger, up to
            which they are one place.
        forget_s: Time seen empty after which a place is forgotten.
        max_gap_s: A longer time without a picture counts neither as standing nor as empty.
    """

    merge_distance: float
    forget_s: float
    max_gap_s: float


class StandingMemory:
    """Places of one zone with something standing, fed with what each picture shows."""

    def __init__(self, limits: StandingLimits) -> None:
        self._limits = limits
        self._keys = itertools.count(1)
        self._places: list[Standing] = []
        self._begun_s = 0.0
        self._last_s: float | None = None
        self._hidden: deque[tuple[float, list[Box]]] = deque(maxlen=PICTURES_KNOWN)

    @property
    def keys(self) -> frozenset[int]:
        """Keys of all places kept in mind."""
        return frozenset(place.key for place in self._places)

    def update(self, items: Sequence[Item], scene: Scene) -> list[Standing]:
        """The places at which something is seen standing now; others are kept in mind.

        Nothing stands for longer than this memory exists: what was there before it counts from
        its first scene on, so that a dwell begins when a permit ends.
        """
        now_s = scene.timestamp_s
        if self._last_s is None or now_s < self._last_s:
            self._begun_s, self._last_s, self._places = now_s, now_s, []
            self._hidden.clear()
        after_s, self._last_s = now_s - self._last_s, now_s
        blind = after_s > self._limits.max_gap_s
        if blind:
            for place in self._places:
                place.blind_s += after_s
        in_front = occluders(scene)
        self._hidden.append((now_s, in_front))
        seen: dict[int, list[Item]] = {}
        for item in sorted(items, key=lambda i: (-area(i.xyxy), i.xyxy)):
            place = self._place_for(item)
            place.recent.append((now_s, item.xyxy))
            if covered(place.anchor, item.xyxy) >= HELD_SHARE:
                place.anchor = max(place.anchor, item.xyxy, key=area)
            seen.setdefault(place.key, []).append(item)
        for place in self._places:
            if place.key in seen:
                _see(place, seen[place.key], now_s, self._limits.forget_s)
            elif not blind and not hides(place.box, in_front):
                place.empty_s += after_s
                _miss(place, scene)
        self._places = [p for p in self._places if p.empty_s <= self._limits.forget_s]
        return [p for p in self._places if p.key in seen]

    def _place_for(self, item: Item) -> Standing:
        def fits(place: Standing) -> bool:
            reach = self._limits.merge_distance * max(extent(place.anchor), extent(item.xyxy))
            return gap(place.anchor, item.xyxy) <= reach

        near = [p for p in self._places if fits(p)]
        if near:
            return max(near, key=lambda p: (iou(p.anchor, item.xyxy), -p.key))
        since_s = max(item.since_s, self._begun_s)
        box = item.xyxy
        absent_s = self._absent_s(box, since_s)
        place = Standing(next(self._keys), item.label, box, since_s, since_s, box, box, absent_s)
        self._places.append(place)
        return place

    def _absent_s(self, box: Box, since_s: float) -> float | None:
        """The last picture before a thing stood there that nobody hid the place in."""
        shown = (t for t, who in reversed(self._hidden) if t < since_s and not hides(box, who))
        return next(shown, None)


def _see(place: Standing, items: Sequence[Item], now_s: float, recent_s: float) -> None:
    """Take in what one picture shows at a place."""
    place.looks += 1
    _weigh(place, items, now_s)
    place.box = reduce(union, (item.xyxy for item in items))
    while now_s - place.recent[0][0] > recent_s:
        place.recent.popleft()
    place.footprint = reduce(union, (box for _, box in place.recent))
    place.last_seen_s, place.empty_s = now_s, 0.0


def _miss(place: Standing, scene: Scene) -> None:
    """Take in a picture that shows a place, and nothing at it.

    A thing whose track has just begun anew, or whose box jumped, stands nowhere yet, but is seen.
    """
    shown = any(intersection(t.xyxy, place.box) > 0 for t in seen_now(scene, place.kinds.keys()))
    if not shown:
        _weigh(place, (), scene.timestamp_s)


def _weigh(place: Standing, items: Sequence[Item], now_s: float) -> None:
    """Take a picture into the mean, whatever it shows; the next one after about a second."""
    if now_s - place.weighed_s < WEIGH_EVERY_S:
        return
    place.weighed, place.weighed_s = place.weighed + 1, now_s
    trust = 1.0 / min(place.weighed, MEAN_LOOKS)
    for kind in place.kinds.keys() | {item.label for item in items}:
        sure = max((i.confidence for i in items if i.label == kind), default=0.0)
        before = place.kinds.get(kind, 0.0)
        place.kinds[kind] = before + trust * (sure - before)


def occluders(scene: Scene) -> list[Box]:
    """Boxes of people and vehicles seen now."""
    return [t.xyxy for t in seen_now(scene, OCCLUDERS)]


def standing_items(tracks: Sequence[Track]) -> list[Item]:
    """The tracks that stand still, as items."""
    return [
        Item(t.label, t.xyxy, t.still_since_s, t.confidence)
        for t in tracks
        if t.still_since_s is not None
    ]


def learn_act(
    acts: dict[int, Act], place: Standing, claim: ClaimKey, box: Box, scene: Scene
) -> None:
    """Take up what a look-back for a claim found of the thing in a box: it stands since then.

    Keys begin anew when a zone is drawn anew: what lies elsewhere is another thing's act.
    """
    reach = SAME_ACT * extent(box)
    found = (a for a in scene.acts if a.claim == claim and gap(a.xyxy, box) <= reach)
    act = next(found, None)
    if place.key not in acts and act is not None:
        acts[place.key] = act
        place.since_s = min(place.since_s, act.appeared_s)


def hint(
    track: Track, incident: IncidentType, zone_id: str, reason: str, weight: float
) -> Suspicion:
    """Something that may become an incident is seen for the first time: worth a look, no more.

    Args:
        track: What is seen.
        incident: Incident type it may become.
        zone_id: Zone whose rule asks for the look.
        reason: Code of the reason, that of the rule's claim for what it sees.
        weight: What full confidence counts, 0..1, as in the rule's claim.
    """
    strength = weight * track.confidence
    detail = {"confidence": round(track.confidence, 3)}
    return Suspicion(
        incident,
        zone_id,
        track.xyxy,
        track.first_seen_s,
        strength,
        ripe=False,
        subject=f"t{track.track_id}",
        reasons=(Reason(reason, strength, detail),),
    )
