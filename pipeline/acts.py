"""Who put it there: from tracks around a place, and when the thing was first seen, to an act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.boxes import extent, gap, iou, to_norm
from pipeline.sightlines import OCCLUDERS, PEOPLE, VEHICLES
from pipeline.types import Act, Box, BoxAt, ClaimKey, Track

NEAR_S = 3.0
"""Whoever was at the place this long before the thing was seen may have brought it."""

REACH = 0.6
"""How near, in sizes of the person or vehicle, is at the place."""

STEADY_SHARE = 0.7
"""The thing is there from the picture after which it is seen in this share of the pictures."""

GONE_S = 0.8
"""Not at the place for so long, while the view was looked at: has left."""

PARKED_IOU = 0.8
"""A vehicle whose box is the same by so much in most pictures brought nothing; in some of them
somebody stands before it."""

SAME_THING = 0.5
"""Overlap from which a vehicle is the thing itself by another name."""

PERSON_FIRST_S = 1.0
"""Whom a vehicle must beat by so much: it is people who put things down."""


@dataclass(slots=True)
class Scenes:
    """What the look-back saw around a place, picture by picture, oldest first.

    Attributes:
        place: Box of the thing, pixels of the full frame.
        claim: The claim that asks.
        shown: (media time, the thing is to be seen) of each picture.
        tracks: By track id, (media time, track) of each picture it was detected in.
    """

    place: Box
    claim: ClaimKey
    shown: list[tuple[float, bool]] = field(default_factory=list)
    tracks: dict[int, list[tuple[float, Track]]] = field(default_factory=dict)

    def add(self, timestamp_s: float, is_shown: bool, tracks: Sequence[Track]) -> None:
        """Take in one picture."""
        self.shown.append((timestamp_s, is_shown))
        for track in tracks:
            if track.label in OCCLUDERS and track.last_seen_s >= timestamp_s:
                self.tracks.setdefault(track.track_id, []).append((timestamp_s, track))


def act_of(scenes: Scenes, size: tuple[int, int], seen_s: float) -> Act:
    """The act behind a thing: when it appeared, and who approached, stayed and left.

    Args:
        scenes: What was seen.
        size: (width, height) of the full frame.
        seen_s: When a glance saw the thing first; it appeared no later.
    """
    appeared_s = _appeared(scenes.shown, seen_s)
    visits = {
        track_id: visit
        for track_id, steps in scenes.tracks.items()
        if not _is_no_actor(steps, scenes)
        and (visit := _visit(steps, scenes.place, appeared_s)) is not None
    }
    if not visits:
        return Act(scenes.place, appeared_s, scenes.claim)

    def fitness(track_id: int) -> tuple[float, bool, int]:
        visit, label = visits[track_id], _label(scenes.tracks[track_id])
        late_s = 0.0 if label in PEOPLE else PERSON_FIRST_S
        return _off(visit, appeared_s) + late_s, label not in PEOPLE, -len(visit)

    doer = min(visits, key=fitness)
    steps, last_s = scenes.tracks[doer], scenes.shown[-1][0]
    arrived_s, left_s = visits[doer][0], visits[doer][-1]
    return Act(
        scenes.place,
        appeared_s,
        scenes.claim,
        _label(steps),
        arrived_s,
        left_s if last_s - left_s >= GONE_S else None,
        tuple(BoxAt(t, to_norm(k.xyxy, size), k.label, k.confidence) for t, k in steps),
    )


def is_seen_to_appear(shown: Sequence[tuple[float, bool]], appeared_s: float) -> bool:
    """Whether most pictures before a time show the place without the thing, and after it with it.

    Where a place looks almost the same with and without it, chance alone gives no such step.
    """
    before = [is_shown for t, is_shown in shown if t < appeared_s]
    after = [is_shown for t, is_shown in shown if t >= appeared_s]
    return (
        bool(before and after)
        and sum(before) <= (1.0 - STEADY_SHARE) * len(before)
        and sum(after) >= STEADY_SHARE * len(after)
    )


def _appeared(shown: Sequence[tuple[float, bool]], seen_s: float) -> float:
    """The first picture that shows the thing and after which most do."""
    kept = total = 0
    since_s = seen_s
    for timestamp_s, is_shown in reversed(shown):
        kept, total = kept + is_shown, total + 1
        if is_shown and kept >= STEADY_SHARE * total:
            since_s = min(since_s, timestamp_s)
    return since_s


def _visit(
    steps: Sequence[tuple[float, Track]], place: Box, appeared_s: float
) -> tuple[float, ...] | None:
    """Times at which a track was at the place, None when not around the appearance."""
    at = tuple(t for t, k in steps if gap(k.xyxy, place) <= REACH * extent(k.xyxy))
    near = any(appeared_s - NEAR_S <= t <= appeared_s + GONE_S for t in at)
    return at if near and at[0] <= appeared_s + GONE_S else None


def _is_no_actor(steps: Sequence[tuple[float, Track]], scenes: Scenes) -> bool:
    """A vehicle that was there from the first pictures on and has not moved, or the thing itself
    that is taken for one."""
    first_s, first = steps[0]
    if _label(steps) not in VEHICLES:
        return False
    if iou(steps[-1][1].xyxy, scenes.place) >= SAME_THING:
        return True
    if first_s > scenes.shown[0][0] + GONE_S:
        return False
    same = sum(iou(track.xyxy, first.xyxy) >= PARKED_IOU for _, track in steps)
    return same >= STEADY_SHARE * len(steps)


def _off(visit: Sequence[float], appeared_s: float) -> float:
    """Time between the appearance and the nearest moment of the visit."""
    return round(min(abs(t - appeared_s) for t in visit), 1)


def _label(steps: Sequence[tuple[float, Track]]) -> str:
    votes: Mapping[str, float] = {
        label: sum(k.confidence for _, k in steps if k.label == label)
        for label in {k.label for _, k in steps}
    }
    return max(votes, key=lambda label: votes[label])
