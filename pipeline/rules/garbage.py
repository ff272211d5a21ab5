"""Garbage: a bag, a heap or rubbish that lies in the zone for longer than the dwell."""

from __future__ import annotations

from pipeline.boxes import covered, extent, gap
from pipeline.rules.settings import GarbageSettings
from pipeline.rules.standing import Standing, StandingLimits, StandingMemory, standing_items
from pipeline.sightlines import PEOPLE, VEHICLES, seen_now
from pipeline.types import Reason, Scene, Suspicion, Track
from pipeline.zones import Zone

BINS = frozenset({"bin", "overflowing_bin"})
ACTORS = PEOPLE | VEHICLES

AT_BIN_SHARE = 0.5
"""Garbage with half of its box in a bin's box is the bin's."""

SAME_PLACE = 0.25
"""Gap, in sizes, up to which a bag is the bag of before; neighbours merge in confirmation."""

ATTENDED_PATIENCE = 3.0
"""Luggage whose owner stays with it must lie for so many times the dwell."""

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

    def update(self, scene: Scene) -> list[Suspicion]:
        if self._begun_s is None:
            self._begun_s = scene.timestamp_s
        bins = [t.xyxy for t in scene.tracks if t.label in BINS]
        garbage = [
            t
            for t in seen_now(scene, {"garbage"})
            if self._zone.has_thing(t.xyxy, scene.size)
            and not (self._settings.ignore_at_bins and _is_in(t, bins))
        ]
        seen = self._places.update(standing_items(garbage), scene)
        self._actors = {k: v for k, v in self._actors.items() if k in self._places.keys}
        claims = [self._claim(place, scene) for place in seen]
        return claims + [self._hint(t) for t in garbage if t.hits == 1]

    def _hint(self, track: Track) -> Suspicion:
        """Something that may be garbage has just appeared: worth a look, no more."""
        weight = CONFIDENCE_WEIGHT * track.confidence
        reason = Reason("garbage_seen", weight, {"confidence": round(track.confidence, 3)})
        return Suspicion(
            "garbage",
            self._zone.id,
            track.xyxy,
            track.first_seen_s,
            weight,
            ripe=False,
            subject=f"t{track.track_id}",
            reasons=(reason,),
        )

    def _claim(self, place: Standing, scene: Scene) -> Suspicion:
        settings = self._settings
        act, left_s = self._who(place, scene)
        needed_s = settings.dwell_s
        if act and left_s is None:
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
        if act and left_s is None:
            reasons.append(Reason("attended", ATTENDED_WEIGHT, {"people": len(act)}))
        elif act:
            reasons.append(Reason("left_by", ACT_WEIGHT, {"actor": f"t{min(act)}"}))
        return Suspicion(
            "garbage",
            self._zone.id,
            place.box,
            place.since_s,
            min(1.0, max(0.0, sum(r.weight for r in reasons))),
            place.dwell_s >= needed_s,
            f"g{place.key}",
            tuple(reasons),
            {"dwell_s": round(place.dwell_s, 1)},
            "dumping" if act and left_s is not None else None,
        )

    def _who(self, place: Standing, scene: Scene) -> tuple[frozenset[int], float | None]:
        """Tracks that were at the place when the thing appeared, and when the last of them left."""
        actors, left_s = self._actors.get(place.key, (None, None))
        if actors is None:
            actors = self._at_appearance(place, scene)
        if actors and left_s is None:
            here = {t.track_id for t in seen_now(scene, ACTORS) if self._is_at(t, place)}
            left_s = None if actors & here else scene.timestamp_s
        self._actors[place.key] = (actors, left_s)
        return actors, left_s

    def _at_appearance(self, place: Standing, scene: Scene) -> frozenset[int]:
        settings = self._settings
        if self._begun_s is None or place.since_s - self._begun_s < settings.watched_before_s:
            return frozenset()
        since_s = place.since_s - settings.near_s
        return frozenset(
            t.track_id
            for t in scene.tracks
            if t.label in ACTORS
            and t.last_seen_s >= since_s
            and t.first_seen_s <= place.since_s
            and self._is_at(t, place)
        )

    def _is_at(self, track: Track, place: Standing) -> bool:
        return gap(track.xyxy, place.box) <= self._settings.reach * extent(track.xyxy)


def _is_in(track: Track, boxes: list[tuple[float, float, float, float]]) -> bool:
    return any(covered(track.xyxy, box) >= AT_BIN_SHARE for box in boxes)
