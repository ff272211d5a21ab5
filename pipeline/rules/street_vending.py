"""Street vending: an attended occupation of the pavement, whatever it is that stands there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.sureness import AT_THRESHOLD
from pipeline.boxes import area, covered, extent, gap, iou
from pipeline.rules.settings import StreetVendingSettings
from pipeline.rules.standing import (
    Item,
    Standing,
    StandingLimits,
    StandingMemory,
    learn_act,
    standing_items,
)
from pipeline.sightlines import CARS, PEOPLE, is_sure, seen_now
from pipeline.types import Act, Box, ClaimKey, NovelObject, Reason, Scene, Suspicion, Track
from pipeline.zones import Zone

OCCUPATIONS = frozenset({"stall", "parasol", "tricycle"})
NOVEL = "novel"

EXPLAINED_BY = frozenset(
    {"car", "truck_bus", "two_wheeler", "tricycle", "bin", "overflowing_bin", "garbage", "person"}
)
"""Something new and still counts the less as unknown, the surer the detector names it one of
these. It never counts for nothing: a stall of unknown make is often taken for a heap or a bin."""

EXPLAINED_SHARE = 0.3

NAMED = AT_THRESHOLD
"""Confidence from which a named occupation may be kept by several people in turn: on a busy path
somebody passes a lamp post all the time."""

KEPT_SHARE = 0.5
"""Share of the time, over one dwell, that one person must stay with a thing of unknown class.

A person who is there from the first picture on has 1 - 1/e = 0.63 after one dwell."""

STAYS_S = 3.0
"""Who stood still there so lately and was seen nowhere else since is still there: stalls and
customers hide who keeps them, and far away the detector misses people in every other picture."""

MAX_PASSERS_BY = 2
MAX_NEAR = 200


@dataclass(slots=True)
class Presence:
    """One person's track at one place.

    Attributes:
        first_s: First time there.
        last_s: Last time there, seen or hidden.
        seen_s: Last time seen there.
        area_px: Of the person's box, as last seen there.
        share: Of the time lately.
    """

    first_s: float
    last_s: float
    seen_s: float
    area_px: float
    share: float = 0.0


@dataclass(slots=True)
class Trade:
    """What goes on at one place: who is there, and for how much of the time.

    Shares are exponential means over one dwell, weighted by time and not by pictures.

    Attributes:
        attended: Share of the time with anybody at it.
        last_s: Time of the last picture counted.
        near: People's tracks that have been at it.
        stopped: Tracks that stopped at it, the one that stays apart.
    """

    attended: float
    last_s: float
    near: dict[int, Presence] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)

    def update(
        self, here: Sequence[Track], place: Standing, now_s: float, settings: StreetVendingSettings
    ) -> None:
        """Take in the people who are at the place now; who stood there before has stayed."""
        after_s = min(now_s - self.last_s, settings.max_gap_s)
        trust = 1.0 - math.exp(-after_s / settings.dwell_s) if settings.dwell_s > 0 else 1.0
        self.attended += trust * (float(bool(here)) - self.attended)
        self.last_s = now_s
        for presence in self.near.values():
            presence.share -= trust * presence.share
        for person in here:
            seen_s, size = person.last_seen_s, area(person.xyxy)
            known = self.near.get(person.track_id)
            if known is None:
                stayed = _stayed(person, place, now_s, settings.dwell_s)
                self.near[person.track_id] = Presence(
                    now_s, now_s, seen_s, size, max(stayed, trust)
                )
            else:
                known.share += trust
                known.last_s, known.seen_s, known.area_px = now_s, seen_s, size
        while len(self.near) > MAX_NEAR:
            self.near.pop(next(iter(self.near)))
        self.stopped |= {
            track_id
            for track_id, presence in self.near.items()
            if presence.seen_s - presence.first_s >= settings.pause_s
        }
        if (keeper := self.keeper()) is not None:
            self.stopped.discard(keeper)

    def keeper(self) -> int | None:
        """The track that has been at it for most of the time."""
        return max(self.near, key=lambda k: (self.near[k].share, -k), default=None)

    def kept(self) -> float:
        """Share of the time that the keeper has been at it."""
        return max((presence.share for presence in self.near.values()), default=0.0)

    def size_of(self, thing: Box) -> float | None:
        """Area of a thing in areas of its keeper, who stands on the same ground; None without."""
        keeper = self.keeper()
        return None if keeper is None else area(thing) / max(self.near[keeper].area_px, 1.0)


class StreetVendingRule:
    """Gathers evidence by place; a stall detector alone never makes it ripe.

    An occupation is (a) a stall, parasol or tricycle standing still, or (b) something new and
    still of unknown class, which counts the less the smaller it is beside the one who keeps it.
    Either must be attended; (b), and (a) while the detector is not sure, by one and the same
    person. People who stop there add to it, a car at it takes off.
    """

    def __init__(self, settings: StreetVendingSettings, zone: Zone) -> None:
        self._settings, self._zone = settings, zone
        self._places = StandingMemory(
            StandingLimits(settings.merge_distance, settings.clear_s, settings.max_gap_s)
        )
        self._trades: dict[int, Trade] = {}
        self._acts: dict[int, Act] = {}

    def update(self, scene: Scene) -> list[Suspicion]:
        seen = self._places.update(self._occupations(scene), scene)
        keys = self._places.keys
        self._trades = {k: v for k, v in self._trades.items() if k in keys}
        self._acts = {k: v for k, v in self._acts.items() if k in keys}
        for place in seen:
            claim = ClaimKey("street_vending", self._zone.id, _subject(place))
            learn_act(self._acts, place, claim, place.footprint, scene)
        return [self._claim(place, scene) for place in seen]

    def _occupations(self, scene: Scene) -> list[Item]:
        named = [
            t for t in seen_now(scene, OCCUPATIONS) if self._zone.has_thing(t.xyxy, scene.size)
        ]
        items = standing_items(named)
        if self._settings.use_novelty:
            known = [t for t in scene.tracks if t.label in EXPLAINED_BY]
            items += [
                Item(NOVEL, n.xyxy, n.since_s, 1.0 - _explained(n.xyxy, known))
                for n in scene.novel
                if self._counts(n, scene)
            ]
        return items

    def _counts(self, novel: NovelObject, scene: Scene) -> bool:
        return novel.last_seen_s >= scene.timestamp_s and self._zone.has_thing(
            novel.xyxy, scene.size
        )

    def _claim(self, place: Standing, scene: Scene) -> Suspicion:
        settings = self._settings
        here = [t for t in _about(scene) if self._is_at(t, place.footprint)]
        trade = self._trades.setdefault(place.key, Trade(float(bool(here)), scene.timestamp_s))
        trade.update(here, place, scene.timestamp_s, settings)
        reasons = (*self._what(place, trade), *self._who(place, trade, scene))
        attended = trade.attended >= settings.attended_share
        if _named(place) < NAMED:
            attended = attended and trade.kept() >= KEPT_SHARE
        return Suspicion(
            "street_vending",
            self._zone.id,
            place.footprint,
            place.since_s,
            min(1.0, max(0.0, sum(r.weight for r in reasons))),
            attended and place.dwell_s >= settings.dwell_s,
            _subject(place),
            reasons,
            {
                "dwell_s": round(place.dwell_s, 1),
                "attended_share": round(trade.attended, 3),
                "passers_by": float(len(trade.stopped)),
            },
            look_back=self._is_worth_a_look_back(place, trade),
            absent_s=place.absent_s,
        )

    def _is_worth_a_look_back(self, place: Standing, trade: Trade) -> bool:
        """A stall surely stands where none was before, and somebody was at it.

        What only pixels tell is no reason: shadows, boards and parked cars are new, too, and
        each search decodes seconds of video.
        """
        if not self._settings.look_back or place.key in self._acts or place.absent_s is None:
            return False
        return _named(place) >= NAMED and bool(trade.near)

    def _what(self, place: Standing, trade: Trade) -> list[Reason]:
        """What stands there; where it has no name, its size tells a stall from a speck."""
        settings = self._settings
        weights = {
            "stall": settings.stall_weight,
            "parasol": settings.parasol_weight,
            "tricycle": settings.tricycle_weight,
            NOVEL: settings.novel_weight,
        }
        reasons = []
        for kind, sure in sorted(place.kinds.items()):
            weight = weights[kind] * min(1.0, sure / AT_THRESHOLD)
            detail = {"dwell_s": round(place.dwell_s, 1), "confidence": round(sure, 3)}
            if kind == NOVEL and (size := trade.size_of(place.anchor)) is not None:
                weight *= min(1.0, size / settings.novel_size)
                detail["size"] = round(size, 2)
            reasons.append(Reason(f"{kind}_still", weight, detail))
        return reasons

    def _who(self, place: Standing, trade: Trade, scene: Scene) -> list[Reason]:
        """What people do at a thing says as much as it is sure that there is one."""
        settings = self._settings
        reasons = []
        sure = min(1.0, max(place.kinds.values(), default=0.0) / AT_THRESHOLD)
        if trade.near:
            share = min(1.0, trade.attended / max(settings.attended_share, 1e-6))
            reasons.append(
                Reason(
                    "attended",
                    settings.attended_weight * share * sure,
                    {"share": round(trade.attended, 3), "kept": round(trade.kept(), 3)},
                )
            )
        if trade.stopped:
            counted = min(len(trade.stopped), MAX_PASSERS_BY)
            reasons.append(
                Reason(
                    "passers_by",
                    settings.passers_by_weight * counted * sure,
                    {"people": len(trade.stopped)},
                )
            )
        act = self._acts.get(place.key)
        if act is not None and act.actor is not None:
            stayed_s = (act.left_s or scene.timestamp_s) - (act.arrived_s or act.appeared_s)
            reasons.append(
                Reason("set_up_seen", 0.0, {"actor": act.actor, "stayed_s": round(stayed_s, 1)})
            )
        if act is not None and not act.in_memory:
            reasons.append(Reason("act_out_of_memory", 0.0))
        cars = [t for t in seen_now(scene, CARS) if is_sure(t)]
        if any(gap(t.xyxy, place.footprint) <= 0.2 * extent(t.xyxy) for t in cars):
            reasons.append(Reason("vehicle_at_it", -settings.vehicle_penalty))
        return reasons

    def _is_at(self, person: Track, place: Box) -> bool:
        """True when a person stands at a place: near in the picture and on the same ground."""
        height = person.xyxy[3] - person.xyxy[1]
        reach = self._settings.reach * height
        on_ground = place[1] <= person.xyxy[3] <= place[3] + reach
        return on_ground and gap(person.xyxy, place) <= reach


def _about(scene: Scene) -> list[Track]:
    """The people seen now, and those who stood still a moment ago, where they were seen last."""
    now_s = scene.timestamp_s
    return [
        t
        for t in scene.tracks
        if t.label in PEOPLE
        and t.last_seen_s >= (now_s if t.still_since_s is None else now_s - STAYS_S)
    ]


def _stayed(person: Track, place: Standing, now_s: float, dwell_s: float) -> float:
    """Share of the time lately for which somebody has stood still at a place with something."""
    if person.still_since_s is None or dwell_s <= 0:
        return 0.0
    stood_s = min(now_s - max(person.still_since_s, place.since_s), place.dwell_s)
    return 1.0 - math.exp(-max(stood_s, 0.0) / dwell_s)


def _named(place: Standing) -> float:
    """How surely the detector names an occupation there, 0..1."""
    return max((place.kinds.get(kind, 0.0) for kind in OCCUPATIONS), default=0.0)


def _subject(place: Standing) -> str:
    return f"v{place.key}"


def _explained(box: Box, known: Sequence[Track]) -> float:
    """How surely the detector names what covers enough of a box, 0..1."""
    covering = (
        t.confidence
        for t in known
        if covered(box, t.xyxy) >= EXPLAINED_SHARE or iou(box, t.xyxy) >= EXPLAINED_SHARE
    )
    return max(covering, default=0.0)
