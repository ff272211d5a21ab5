"""Where every actor is, and what it does, at any second of a scenario."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sample_videos.errors import ScenarioError
from sample_videos.extras import expand
from sample_videos.scenario import ActorSpec, EventSpec, Metres2, Scenario

_HANDLING_S = 1.4
"""Bending down, letting go or grasping, and straightening up."""
_STEP_M = 0.72
_PUSH_AHEAD_M = 1.35


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ActorState:
    """One actor at one moment.

    Attributes:
        actor: The actor.
        at_m: Place on the ground; of a carried thing the carrier's.
        heading: Radians from x.
        walked_m: Way since the start of this walk, None when it stands.
        lean: Pitch of the upper body in radians.
        reach: 0..1, arms forward.
        sit: Sitting.
        head: What a person wears now.
        level: Filling of a bin.
        carrier: Id of the actor who carries it, None on the ground.
        holds: Ids of what it carries.
    """

    actor: ActorSpec
    at_m: Metres2
    heading: float
    walked_m: float | None = None
    lean: float = 0.0
    reach: float = 0.0
    sit: bool = False
    head: str = "bare"
    level: float = 0.0
    carrier: str | None = None
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Leg:
    """A straight move, or standing when both ends agree."""

    start_s: float
    end_s: float
    start_m: Metres2
    end_m: Metres2
    heading: float
    act: str = "walk"
    base_m: float = 0.0


@dataclass(slots=True)
class _Script:
    """The compiled events of one actor."""

    actor: ActorSpec
    legs: list[_Leg] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    present: list[tuple[float, bool]] = field(default_factory=list)
    heads: list[tuple[float, str]] = field(default_factory=list)
    levels: list[tuple[float, float]] = field(default_factory=list)
    carried: list[tuple[float, str | None, Metres2 | None, bool]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Handover:
    """Something changed hands: `taken` from the ground or `released` to it."""

    at_s: float
    thing: str
    actor: str
    released: bool
    place_m: Metres2 | None


def _latest(changes: Sequence[tuple[float, _T]], t_s: float, default: _T) -> _T:
    value = default
    for at_s, new in changes:
        if at_s > t_s:
            break
        value = new
    return value


class Timeline:
    """A scenario compiled to functions of time; pure, any second may be asked in any order."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        actors, events = expand(scenario)
        self._scripts = {actor.id: _Script(actor) for actor in actors}
        self.handovers: list[Handover] = []
        for script in self._scripts.values():
            script.present.append((-1.0, script.actor.at_m is not None))
            script.heads.append((-1.0, script.actor.clothes.head))
            script.levels.append((-1.0, script.actor.level))
            if script.actor.in_hand_of is not None:
                script.carried.append((-1.0, script.actor.in_hand_of, None, True))
                script.present.append((-0.5, True))
        by_actor: dict[str, list[EventSpec]] = {}
        for event in events:
            by_actor.setdefault(event.actor, []).append(event)
        for name, own in by_actor.items():
            self._compile(self._scripts[name], own)
        for script in self._scripts.values():
            script.starts = [leg.start_s for leg in script.legs]
            script.carried.sort(key=lambda change: change[0])
            script.present.sort(key=lambda change: change[0])

    @property
    def scenario(self) -> Scenario:
        """What was compiled."""
        return self._scenario

    @property
    def actors(self) -> tuple[ActorSpec, ...]:
        """All actors, those drawn from crowds and passers included."""
        return tuple(script.actor for script in self._scripts.values())

    def at(self, t_s: float) -> list[ActorState]:
        """Everybody who is in the scene at a second."""
        states = {name: self._own_state(script, t_s) for name, script in self._scripts.items()}
        return [s for s in (self._placed(name, states, t_s) for name in states) if s is not None]

    def _compile(self, script: _Script, events: Sequence[EventSpec]) -> None:
        place = script.actor.at_m
        heading = math.radians(script.actor.heading_deg)
        now = 0.0
        for event in events:
            begin = now if event.at_s is None else event.at_s
            if begin < now - 1e-6:
                raise ScenarioError(
                    f"events of actor {script.actor.id} must be in order: `{event.do}` at "
                    f"{begin} s begins before {now:.1f} s"
                )
            place, heading, now = self._event(script, event, begin, place, heading)

    def _event(self, script: _Script, event: EventSpec, begin: float, place: Metres2 | None,
               heading: float) -> tuple[Metres2 | None, float, float]:  # fmt: skip
        if event.face_deg is not None:
            heading = math.radians(event.face_deg)
        if event.do == "enter":
            place = event.to_m[0]
            script.present.append((begin, True))
            script.legs.append(_Leg(begin, begin, place, place, heading, "stand"))
            if len(event.to_m) > 1:
                return self._walk(script, event, begin, event.to_m[1:], place)
            return place, heading, begin
        if event.do == "leave":
            script.present.append((begin, False))
            return place, heading, begin
        if event.do == "wear":
            script.heads.append((begin + 0.5, event.head or "bare"))
        elif event.do == "fill":
            script.levels.append((begin, event.level or 0.0))
            return place, heading, begin
        if place is None:
            raise ScenarioError(f"actor {script.actor.id} must enter before `{event.do}`")
        if event.do in ("walk", "push"):
            before = begin
            place, heading, end = self._walk(script, event, begin, event.to_m, place)
            if event.do == "push" and event.what:
                self._pushed(script, event.what, before, end, place, heading)
            return place, heading, end
        lasts = {"take": _HANDLING_S, "drop": _HANDLING_S, "wear": 1.0}.get(event.do, event.for_s)
        if event.do in ("take", "drop") and event.what:
            heading = self._handle(script, event, begin + _HANDLING_S / 2, place, heading)
        script.legs.append(_Leg(begin, begin + lasts, place, place, heading, event.do))
        return place, heading, begin + lasts

    def _walk(self, script: _Script, event: EventSpec, begin: float, path: Sequence[Metres2],
              place: Metres2) -> tuple[Metres2, float, float]:  # fmt: skip
        now, walked, heading = begin, 0.0, 0.0
        for target in path:
            way = math.dist(place, target)
            heading = math.atan2(target[1] - place[1], target[0] - place[0])
            end = now + way / event.speed_m_s
            script.legs.append(_Leg(now, end, place, target, heading, "walk", walked))
            now, place, walked = end, target, walked + way
        if event.face_deg is not None:
            heading = math.radians(event.face_deg)
            script.legs.append(_Leg(now, now, place, place, heading, "stand"))
        return place, heading, now

    def _handle(self, script: _Script, event: EventSpec, at_s: float, place: Metres2,
                heading: float) -> float:  # fmt: skip
        thing = self._scripts[str(event.what)]
        released = event.do == "drop"
        thing.present.append((at_s, True))
        spot: Metres2 | None = None
        if released:
            ahead = (place[0] + 0.55 * math.cos(heading), place[1] + 0.55 * math.sin(heading))
            spot = event.place_m or ahead
            heading = math.atan2(spot[1] - place[1], spot[0] - place[0])
            thing.carried.append((at_s, None, spot, True))
        else:
            thing.carried.append((at_s, script.actor.id, None, True))
        self.handovers.append(Handover(at_s, thing.actor.id, script.actor.id, released, spot))
        return heading

    def _pushed(self, script: _Script, what: str, begin: float, end: float, place: Metres2,
                heading: float) -> None:  # fmt: skip
        ahead = (
            place[0] + _PUSH_AHEAD_M * math.cos(heading),
            place[1] + _PUSH_AHEAD_M * math.sin(heading),
        )
        thing = self._scripts[what]
        thing.carried.append((begin, script.actor.id, None, False))
        thing.carried.append((end, None, ahead, False))
        thing.legs.append(_Leg(end, end, ahead, ahead, heading, "stand"))
        thing.legs.sort(key=lambda leg: leg.start_s)

    def _own_state(self, script: _Script, t_s: float) -> ActorState | None:
        present = _latest(script.present, t_s, False)
        if not present:
            return None
        place = script.actor.at_m or (0.0, 0.0)
        state = ActorState(script.actor, place, math.radians(script.actor.heading_deg),
                           head=_latest(script.heads, t_s, "bare"),
                           level=_latest(script.levels, t_s, 0.0))  # fmt: skip
        index = bisect.bisect_right(script.starts, t_s) - 1
        if index < 0:
            return state
        leg = script.legs[index]
        if t_s > leg.end_s:
            return replace(state, at_m=leg.end_m, heading=leg.heading)
        share = (t_s - leg.start_s) / max(leg.end_s - leg.start_s, 1e-9)
        here = (
            leg.start_m[0] + share * (leg.end_m[0] - leg.start_m[0]),
            leg.start_m[1] + share * (leg.end_m[1] - leg.start_m[1]),
        )
        if leg.act == "walk":
            walked = leg.base_m + share * math.dist(leg.start_m, leg.end_m)
            return replace(state, at_m=here, heading=leg.heading, walked_m=walked)
        return _posed(replace(state, at_m=here, heading=leg.heading), leg.act, share, t_s)

    def _carried(
        self, script: _Script, t_s: float
    ) -> tuple[str | None, Metres2 | None, bool] | None:
        last: tuple[str | None, Metres2 | None, bool] | None = None
        for at_s, carrier, spot, by_hand in script.carried:
            if at_s > t_s:
                break
            last = (carrier, spot, by_hand)
        return last

    def _placed(
        self, name: str, states: dict[str, ActorState | None], t_s: float
    ) -> ActorState | None:
        state = states[name]
        if state is None:
            return None
        holds = tuple(
            other
            for other, script in self._scripts.items()
            if (held := self._carried(script, t_s)) is not None and held[0] == name and held[2]
        )
        carried = self._carried(self._scripts[name], t_s)
        if carried is None:
            return replace(state, holds=holds)
        carrier, spot, by_hand = carried
        if carrier is None:
            return replace(state, at_m=spot or state.at_m, holds=holds)
        bearer = states[carrier]
        if bearer is None:
            return None
        if by_hand:
            return replace(state, at_m=bearer.at_m, heading=bearer.heading, carrier=carrier)
        ahead = (
            bearer.at_m[0] + _PUSH_AHEAD_M * math.cos(bearer.heading),
            bearer.at_m[1] + _PUSH_AHEAD_M * math.sin(bearer.heading),
        )
        walked = bearer.walked_m if bearer.walked_m is not None else 0.0
        return replace(state, at_m=ahead, heading=bearer.heading, walked_m=walked, holds=holds)


def _posed(state: ActorState, act: str, share: float, t_s: float) -> ActorState:
    bow = math.sin(math.pi * min(max(share, 0.0), 1.0))
    if act in ("take", "drop"):
        return replace(state, lean=1.15 * bow, reach=0.35 * bow)
    if act == "bend":
        return replace(state, lean=0.9 * min(1.0, 4 * bow), reach=0.3)
    if act == "serve":
        return replace(
            state, lean=0.15 + 0.12 * math.sin(t_s * 0.9), reach=0.5 + 0.3 * math.sin(t_s * 1.7)
        )
    if act == "sit":
        return replace(state, sit=True, reach=0.35)
    if act == "wear":
        return replace(state, reach=1.0 * bow)
    return state


def stride_phase(walked_m: float) -> float:
    """Phase of the walk in radians after some metres."""
    return math.pi * walked_m / _STEP_M
