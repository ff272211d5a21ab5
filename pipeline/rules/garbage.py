"""Garbage: a bag, a heap or rubbish that lies in the zone for longer than the dwell."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.boxes import covered, extent, gap, iou
from pipeline.rules.settings import GarbageSettings
from pipeline.rules.standing import (
    Standing,
    StandingLimits,
    StandingMemory,
    hint,
    learn_act,
    standing_items,
)
from pipeline.sightlines import PEOPLE, VEHICLES, is_sure, seen_now
from pipeline.types import Act, Box, ClaimKey, Reason, Scene, Suspicion, Track
from pipeline.zones import Zone

BINS = frozenset({"bin", "overflowing_bin"})
ACTORS = PEOPLE | VEHICLES

AT_BIN_SHARE = 0.5
"""Garbage with half of its box in a bin's box is the bin's; a bin that the detector was not sure
of, perhaps the heap by another name, silences nothing."""

ON_GROUND = 0.1
"""Garbage whose foot is no higher above a bin's than this share of the bin's height lies on the
ground before it, and is not the bin's."""

SAME_THING = 0.5
"""Overlap with a bin or a vehicle from which garbage is the thing itself by another name."""

SAME_PLACE = 0.25
"""Gap, in sizes, up to which a bag is the bag of before; neighbours merge in confirmation."""

ATTENDED_PATIENCE = 3.0
"""Luggage whose owner stays with it must lie for so many times the dwell."""

PARKED_S = 60.0
"""A vehicle that stood for so long before a thing appeared, or from the first picture on, did not
bring it: bags lie beside parked cars, and would be luggage for as long as those stay."""

CONFIDENCE_WEIGHT, DWELL_WEIGHT, ACT_WEIGHT, ATTENDED_WEIGHT = 0.6, 0.3, 0.1, -0.25


class GarbageRule:
    """Standing garbage by place; who was there when it appeared makes it dumping.

    Dwell is a difference of timestamps, not a count of frames: a camera that falls to 0.5 fps
    alarms at the same second as one at 25 fps. While the one who put it there stays with it, it
    is luggage and not yet garbage.
    """

    def __init__(self, settings: GarbageSettings, zone: Zone) -> None:
        self._settings, self._zone = settings, zone
        self._places = StandingMemory(
            StandingLimits(SAME_PLACE, settings.clear_s, settings.max_gap_s)
        )
        self._begun_s: float | None = None
        self._actors: dict[int, tuple[frozenset[int], float | None]] = {}
        self._acts: dict[int, Act] = {}

    def update(self, scene: Scene) -> list[Suspicion]:
        if self._begun_s is None:
            self._begun_s = scene.timestamp_s
        bins = [t.xyxy for t in scene.tracks if t.label in BINS and is_sure(t)]
        garbage = [
            t
            for t in seen_now(scene, {"garbage"})
            if self._zone.has_thing(t.xyxy, scene.size)
            and not (self._settings.ignore_at_bins and _is_in(t, bins))
        ]
        seen = self._places.update(standing_items(garbage), scene)
        self._actors = {k: v for k, v in self._actors.items() if k in self._places.keys}
        self._acts = {k: v for k, v in self._acts.items() if k in self._places.keys}
        for place in seen:
            claim = ClaimKey("garbage", self._zone.id, _subject(place))
            learn_act(self._acts, place, claim, place.box, scene)
        claims = [self._claim(place, scene) for place in seen]
        return claims + [
            hint(t, "garbage", self._zone.id, "garbage_seen", CONFIDENCE_WEIGHT)
            for t in garbage
            if t.hits == 1
        ]

    def _claim(self, place: Standing, scene: Scene) -> Suspicion:
        settings = self._settings
        doers, left_s = self._who(place, scene)
        act = self._acts.get(place.key)
        put_down = left_s is not None
        needed_s = settings.dwell_s
        if doers and left_s is None:
            needed_s *= ATTENDED_PATIENCE
        elif left_s is not None:
            needed_s = min(needed_s, settings.dumping_dwell_s + left_s - place.since_s)
        held = min(1.0, place.dwell_s / needed_s) if needed_s > 0 else 1.0
        reasons = [
            Reason(
                "garbage_seen",
                CONFIDENCE_WEIGHT * place.confidence,
                {"confidence": round(place.confidence, 3), "looks": place.looks},
            ),
            Reason("stands_still", DWELL_WEIGHT * held, {"dwell_s": round(place.dwell_s, 1)}),
        ]
        if doers and not put_down:
            reasons.append(Reason("attended", ATTENDED_WEIGHT, {"people": len(doers)}))
        elif act is not None and act.actor is not None:
            stayed_s = (act.left_s or scene.timestamp_s) - (act.arrived_s or act.appeared_s)
            detail: dict[str, float | int | str] = {
                "actor": act.actor,
                "stayed_s": round(stayed_s, 1),
            }
            reasons.append(Reason("act_seen", ACT_WEIGHT, detail))
        elif put_down:
            reasons.append(Reason("left_by", ACT_WEIGHT, {"actor": f"t{min(doers)}"}))
        if act is not None and not act.in_memory:
            reasons.append(Reason("act_out_of_memory", 0.0))
        return Suspicion(
            "garbage",
            self._zone.id,
            place.box,
            place.since_s,
            min(1.0, max(0.0, sum(r.weight for r in reasons))),
            place.dwell_s >= needed_s,
            _subject(place),
            tuple(reasons),
            {"dwell_s": round(place.dwell_s, 1)},
            "dumping" if put_down else None,
            look_back=self._settings.look_back and act is None and self._was_watched(place),
            absent_s=place.absent_s,
        )

    def _was_watched(self, place: Standing) -> bool:
        """The place was seen without it for long enough: it was not there from the start."""
        begun_s = place.since_s if self._begun_s is None else self._begun_s
        return place.since_s - begun_s >= self._settings.watched_before_s

    def _who(self, place: Standing, scene: Scene) -> tuple[frozenset[int], float | None]:
        """Who was at the place when the thing appeared, and when the last of them left.

        A track of the look-back has no number here: it is 0.
        """
        act = self._acts.get(place.key)
        if act is not None and act.actor is not None:
            return self._who_did(act, place, scene)
        actors, left_s = self._actors.get(place.key, (None, None))
        if actors is None:
            actors = self._at_appearance(place, scene)
        if actors and left_s is None:
            here = {t.track_id for t in seen_now(scene, ACTORS) if self._is_at(t, place)}
            left_s = None if actors & here else scene.timestamp_s
        self._actors[place.key] = (actors, left_s)
        return actors, left_s

    def _who_did(
        self, act: Act, place: Standing, scene: Scene
    ) -> tuple[frozenset[int], float | None]:
        """Like `_who`, for an act: who stayed on until the present is still there."""
        _, left_s = self._actors.get(place.key, (frozenset(), None))
        if left_s is None:
            here = any(
                self._is_at(t, place) and not self._is_no_actor(t, place)
                for t in seen_now(scene, ACTORS)
            )
            left_s = act.left_s if act.left_s is not None else None if here else scene.timestamp_s
        self._actors[place.key] = frozenset({0}), left_s
        return self._actors[place.key]

    def _at_appearance(self, place: Standing, scene: Scene) -> frozenset[int]:
        settings = self._settings
        if not self._was_watched(place):
            return frozenset()
        since_s = place.since_s - settings.near_s
        return frozenset(
            t.track_id
            for t in scene.tracks
            if t.label in ACTORS
            and t.last_seen_s >= since_s
            and t.first_seen_s <= place.since_s
            and self._is_at(t, place)
            and not self._is_no_actor(t, place)
        )

    def _is_no_actor(self, track: Track, place: Standing) -> bool:
        """A parked vehicle, or the heap itself that is taken for one."""
        if track.label not in VEHICLES:
            return False
        if iou(track.xyxy, place.box) >= SAME_THING:
            return True
        if track.still_since_s is None:
            return False
        always = self._begun_s is not None and track.still_since_s <= self._begun_s
        return always or place.since_s - track.still_since_s >= PARKED_S

    def _is_at(self, track: Track, place: Standing) -> bool:
        return gap(track.xyxy, place.box) <= self._settings.reach * extent(track.xyxy)


def _subject(place: Standing) -> str:
    return f"g{place.key}"


def _is_in(track: Track, bins: Sequence[Box]) -> bool:
    def holds(at: Box) -> bool:
        ground = at[3] - ON_GROUND * (at[3] - at[1])
        if iou(track.xyxy, at) >= SAME_THING:
            return True
        return track.xyxy[3] < ground and covered(track.xyxy, at) >= AT_BIN_SHARE

    return any(holds(at) for at in bins)
