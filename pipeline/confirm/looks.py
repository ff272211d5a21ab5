"""When an undecided claim wants more than glances, and how much."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.boxes import iou
from pipeline.confirm.hypothesis import Hypothesis, Stage
from pipeline.confirm.identity import Topic
from pipeline.rules.settings import RuleBase
from pipeline.types import Box

SLOW_LOOK_FPS = 1.0
"""Pace of a look that only waits for a dwell to end."""

OFTEN = 2.0
"""Glances at most so many pictures of a slow look apart make it needless: it costs a hundred."""

FIRST_LOOK_S = 2.5
"""Length of the slow look at a first hint: a thing must hold for a second to be still."""


GOES_ON_BEFORE_S = 1.5
"""A look is made longer so long before its end."""

MOST_DOUBLINGS = 4
"""The rest after a full look that decided nothing doubles with each of them, so often at most:
what the detector will always be unsure of, a poster, a pile of crates, costs ever less."""

GROWN = 0.1
"""A claim so much stronger than in all its looks rests as after the first."""

VAIN_PLACES, VAIN_S, SAME_PLACE = 64, 600.0, 0.3
"""How many places are known where a look was in vain, for how long, and from which overlap."""


@dataclass(frozen=True, slots=True)
class LookWant:
    """A wish for full attention: why, how urgently, and since when the claim holds."""

    topic: Topic
    xyxy_norm: Box
    priority: float
    look_fps: float
    look_s: float
    since_s: float


class VainLooks:
    """Places of one view where a first look came to nothing: what flickers there needs no other."""

    def __init__(self) -> None:
        self._places: deque[tuple[Topic, Box, float]] = deque(maxlen=VAIN_PLACES)

    def note(self, hypothesis: Hypothesis, now_s: float) -> None:
        """A claim has gone as it came."""
        if hypothesis.looked_s > float("-inf") and not hypothesis.is_vain:
            self._places.append((hypothesis.topic, hypothesis.place_norm, now_s))

    def know(self, topic: Topic, place_norm: Box, now_s: float) -> bool:
        """Whether a look at this place was in vain not long ago."""
        return any(
            known == topic and now_s - at_s < VAIN_S and iou(place, place_norm) >= SAME_PLACE
            for known, place, at_s in self._places
        )


def worth(wants: Sequence[LookWant], glance_period_s: float) -> tuple[LookWant, ...]:
    """The wants without slow looks where glances come about as often."""
    often = glance_period_s * SLOW_LOOK_FPS <= OFTEN
    return tuple(w for w in wants if not often or w.look_fps > SLOW_LOOK_FPS)


def wish(hypothesis: Hypothesis, rule: RuleBase, now_s: float) -> LookWant | None:
    """A look while undecided, for a while, then a rest.

    Of what will soon be gone, a look that ends on support goes on once. Two slow looks come
    before: one at the first hint, which tells at once whether the thing stands and who is there,
    and one when it will be ripe before the next glance. Without them a dwell would begin, and
    end, up to a glance period late. Where nobody had time for a look, it is wanted again.
    """
    if hypothesis.stage is Stage.OPEN or rule.look_s <= 0:
        return None
    hasty = hypothesis.is_ripe or rule.looks_when_unripe
    if hypothesis.last_support_s >= now_s:
        if hypothesis.looked_s <= hypothesis.look_asked_s:
            _take_back(hypothesis, hasty, now_s)
        if _goes_on(hypothesis, rule, now_s):
            hypothesis.look_until_s, hypothesis.may_go_on = now_s + rule.look_s, False
            hypothesis.full_look_until_s = hypothesis.look_until_s
        elif now_s >= hypothesis.look_until_s:
            _begin(hypothesis, rule, now_s)
    left_s = hypothesis.look_until_s - now_s
    if left_s <= 0:
        return None
    return LookWant(
        hypothesis.topic,
        hypothesis.claim.xyxy_norm,
        rule.severity - (0.0 if hasty else 0.5),
        rule.look_fps if hasty else min(rule.look_fps, SLOW_LOOK_FPS),
        left_s,
        hypothesis.claim.since_s,
    )


def _take_back(hypothesis: Hypothesis, hasty: bool, now_s: float) -> None:
    """A look of which no picture came is over: it was none. A full one waits for no slow one."""
    is_full = hypothesis.full_look_until_s == hypothesis.look_until_s
    if now_s < hypothesis.look_until_s and (is_full or not hasty):
        return
    if is_full:
        hypothesis.full_look_until_s = float("-inf")
    else:
        hypothesis.had_first_look = False
    hypothesis.look_until_s = float("-inf")


def _begin(hypothesis: Hypothesis, rule: RuleBase, now_s: float) -> None:
    ripens_in_s = rule.dwell_s - (now_s - hypothesis.claim.since_s)
    if hypothesis.is_ripe or rule.looks_when_unripe:
        if now_s < hypothesis.full_look_until_s + _rest_s(hypothesis, rule):
            return
        length_s = rule.look_s
        hypothesis.full_look_until_s = now_s + length_s
        hypothesis.look_pictures = 0
        hypothesis.may_go_on = rule.looks_when_unripe
    elif 0 < ripens_in_s <= rule.glance_period_s:
        length_s = ripens_in_s + 2 / SLOW_LOOK_FPS
    elif not (hypothesis.had_first_look or hypothesis.is_vain):
        length_s, hypothesis.had_first_look = FIRST_LOOK_S, True
    else:
        return
    hypothesis.look_asked_s, hypothesis.look_until_s = now_s, now_s + length_s


def _rest_s(hypothesis: Hypothesis, rule: RuleBase) -> float:
    """Between two full looks: longer each time, unless the claim has grown.

    Where a look is wanted before a claim is ripe, its subject leaves: who comes later is another.
    """
    has_grown = hypothesis.strength(rule) >= hypothesis.looked_strength + GROWN
    if has_grown or rule.looks_when_unripe:
        return rule.look_rest_s
    return rule.look_rest_s * 2.0 ** min(max(0, hypothesis.undecided_looks - 1), MOST_DOUBLINGS)


def _goes_on(hypothesis: Hypothesis, rule: RuleBase, now_s: float) -> bool:
    """Whether a picture near a look's end supports the claim.

    Judged pictures come after those being read: asked in the last instant, it would be too late.
    """
    left_s = hypothesis.look_until_s - now_s
    return hypothesis.may_go_on and 0 <= left_s <= max(1 / rule.look_fps, GOES_ON_BEFORE_S)
