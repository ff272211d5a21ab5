"""Derives the incidents that are true of a scenario from its timeline and zones (pure)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from shapely import Point, Polygon

from sample_videos.scenario import Metres2, RuleTruth, Scenario, ZoneSpec
from sample_videos.timeline import ActorState, Timeline

_STEP_S = 0.1
_STALLS = ("stall", "blanket", "tricycle", "parasol")
_GARBAGE = ("bag", "heap", "carton")
_ATTENDED_M = 3.0
_SAME_HEAP_M = 2.0


@dataclass(frozen=True, slots=True)
class Happening:
    """One true incident, before it is projected to a view.

    Attributes:
        type: Incident type.
        subtype: "dumping" when somebody was seen to put it there.
        zone: The zone.
        begin_s: Begin of the unlawful state.
        end_s: Its end; None when it lasts beyond the clip.
        act_s: Second of the act, if any.
        dwell_s: Of the zone's rule.
        at_m: Place on the ground at the begin.
        things: Actors that make it up (their boxes are its place in a view).
        doers: Who did it.
    """

    type: str
    subtype: str | None
    zone: str
    begin_s: float
    end_s: float | None
    act_s: float | None
    dwell_s: float
    at_m: Metres2
    things: tuple[str, ...]
    doers: tuple[str, ...]


@dataclass(slots=True)
class _Open:
    begin_s: float
    last_s: float
    at_m: Metres2
    things: set[str] = field(default_factory=set)


def happenings(scenario: Scenario, timeline: Timeline) -> list[Happening]:
    """Every state that some zone's rule forbids and that lasts longer than the rule's dwell."""
    count = int(scenario.duration_s / _STEP_S)
    moments = [(i * _STEP_S, timeline.at(i * _STEP_S)) for i in range(count)]
    found: list[Happening] = []
    for zone in scenario.zones:
        inside = Polygon(zone.polygon_m)
        for name, rule in zone.rules.items():
            judge = _JUDGES[name]
            states = [(t, judge(scenario, rule, inside, s, t)) for t, s in moments]
            found += _spans(scenario, timeline, zone, name, rule, states)
    return sorted(found, key=lambda h: (h.begin_s, h.type))


Claim = tuple[str, Metres2, tuple[str, ...]]
"""Key of the thing claimed, its place, the actors that make it up."""


def _in(zone: Polygon, state: ActorState) -> bool:
    return bool(zone.covers(Point(state.at_m)))


def _is_person(state: ActorState) -> bool:
    return state.actor.kind == "person" or state.actor.label == "person"


def _garbage(_: Scenario, __: RuleTruth, zone: Polygon, states: Sequence[ActorState],
             ___: float) -> list[Claim]:  # fmt: skip
    lying = [s for s in states if s.actor.kind in _GARBAGE and s.carrier is None and _in(zone, s)]
    lying += [s for s in states if s.actor.label == "garbage" and _in(zone, s)]
    return [(s.actor.id, s.at_m, (s.actor.id,)) for s in lying]


def _bins(_: Scenario, __: RuleTruth, zone: Polygon, states: Sequence[ActorState],
          ___: float) -> list[Claim]:  # fmt: skip
    full = [
        s for s in states
        if ((s.actor.kind == "bin" and s.level > 1) or s.actor.label == "overflowing_bin")
        and _in(zone, s)
    ]  # fmt: skip
    return [(s.actor.id, s.at_m, (s.actor.id,)) for s in full]


def _heads(_: Scenario, __: RuleTruth, zone: Polygon, states: Sequence[ActorState],
           ___: float) -> list[Claim]:  # fmt: skip
    bare = [
        s for s in states
        if _is_person(s) and s.head != "helmet" and _in(zone, s)
    ]  # fmt: skip
    return [(s.actor.id, s.at_m, (s.actor.id,)) for s in bare]


def _crowd(scenario: Scenario, rule: RuleTruth, zone: Polygon, states: Sequence[ActorState],
           _: float) -> list[Claim]:  # fmt: skip
    inside = [s for s in states if _is_person(s) and _in(zone, s)]
    if rule.ignore_queues:
        queues = tuple(f"{c.id}-" for c in scenario.crowds if c.shape == "line")
        inside = [s for s in inside if not s.actor.id.startswith(queues)] if queues else inside
    if len(inside) < rule.people:
        return []
    x = sum(s.at_m[0] for s in inside) / len(inside)
    y = sum(s.at_m[1] for s in inside) / len(inside)
    return [("crowd", (x, y), tuple(s.actor.id for s in inside))]


def _vending(scenario: Scenario, rule: RuleTruth, zone: Polygon, states: Sequence[ActorState],
             t_s: float) -> list[Claim]:  # fmt: skip
    clock = (scenario.start + timedelta(seconds=t_s)).strftime("%H:%M")
    if any(p.start <= clock < p.end for p in rule.permits):
        return []
    people = [s for s in states if _is_person(s)]
    claims: list[Claim] = []
    for state in states:
        stands = state.actor.kind in _STALLS or state.actor.label in _STALLS
        still = stands and state.carrier is None and state.walked_m is None
        if not still or not _in(zone, state):
            continue
        near = [p for p in people if math.dist(p.at_m, state.at_m) < _ATTENDED_M]
        if near:
            claims.append((state.actor.id, state.at_m, (state.actor.id,)))
    return claims


_JUDGES: dict[
    str, Callable[[Scenario, RuleTruth, Polygon, Sequence[ActorState], float], list[Claim]]
] = {
    "garbage": _garbage,
    "overflowing_bin": _bins,
    "missing_helmet": _heads,
    "crowding": _crowd,
    "street_vending": _vending,
}
_GAP_S = {"street_vending": 20.0, "crowding": 5.0, "missing_helmet": 60.0}
"""A pause in the state that does not end the incident: the vendor steps aside, one leaves.

Missing helmets are merged per site: the next bare head within a minute is the same incident.
"""
_ZONE_WIDE = ("crowding", "missing_helmet")
_REACH_M = {"garbage": _SAME_HEAP_M, "street_vending": 3.0, "overflowing_bin": 0.5}


def _spans(scenario: Scenario, timeline: Timeline, zone: ZoneSpec, name: str, rule: RuleTruth,
           states: Sequence[tuple[float, list[Claim]]]) -> list[Happening]:  # fmt: skip
    """Claims joined over time: by key, and things of one kind that lie together by place."""
    running: list[_Open] = []
    done: list[_Open] = []
    for t_s, claims in states:
        for key, at_m, things in claims:
            _join(running, name, key, at_m, things, t_s)
        for item in list(running):
            if t_s - item.last_s > _GAP_S.get(name, 1.0):
                running.remove(item)
                done.append(item)
    out = []
    last_s = states[-1][0] if states else 0.0
    for item in itertools.chain(done, running):
        lasted = item.last_s + _STEP_S - item.begin_s
        if lasted < rule.dwell_s:
            continue
        end = None if item.last_s >= last_s - 1e-6 else item.last_s + _STEP_S
        out.append(_happening(timeline, zone, name, rule, item, end))
    return out


def _join(running: list[_Open], name: str, key: str, at_m: Metres2, things: tuple[str, ...],
          t_s: float) -> None:  # fmt: skip
    reach = _REACH_M.get(name)
    for item in running:
        same = name in _ZONE_WIDE or key in item.things
        if not same and reach is not None:
            same = math.dist(item.at_m, at_m) < reach
        if same:
            item.last_s = t_s
            item.things.update(things)
            return
    running.append(_Open(t_s, t_s, at_m, set(things)))


def _happening(timeline: Timeline, zone: ZoneSpec, name: str, rule: RuleTruth, item: _Open,
               end: float | None) -> Happening:  # fmt: skip
    releases = [
        h for h in timeline.handovers
        if h.released and h.thing in item.things and h.at_s <= item.last_s
    ] if name == "garbage" else []  # fmt: skip
    act = min((h.at_s for h in releases), default=None)
    doers = {h.actor for h in releases} if releases else set()
    if name in ("missing_helmet",):
        doers = set(item.things)
    return Happening(
        name, "dumping" if releases else None, zone.id, round(item.begin_s, 1),
        None if end is None else round(end, 1), act, rule.dwell_s, item.at_m,
        tuple(sorted(item.things)), tuple(sorted(doers)),
    )  # fmt: skip
