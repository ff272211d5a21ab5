"""One place at which something may be going on: gathering, open, or ended and remembered."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pipeline.boxes import iou
from pipeline.confirm.closeup import CloseEvidence
from pipeline.confirm.identity import Topic
from pipeline.rules.settings import RuleBase
from pipeline.types import Box, Reason, Sighting, Suspicion

MAX_LOOKS = 2_000

_USUAL = 0.5
"""Threshold to which bars are told; see `Hypothesis.is_proven`."""

DOUBT_PERIODS, DOUBT_PICTURES = 2.5, 2
"""A place stays in doubt for so many glance periods, and so many pictures that showed it, after
something there was last claimed: what two detections refute would else be judged by one of them in
every other picture."""

MOST_DOUBTS = 30
"""Places of one claim, the newest: heads that walk leave many behind."""

_SAME_PLACE = 0.3
"""Overlap from which two doubtful places are one."""

_ROUNDING = 1e-9
"""The mean of three times 0.6 is a little less than 0.6."""


class Stage(StrEnum):
    GATHERING = "gathering"
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Look:
    """What one picture said about a place; hidden ones are not kept."""

    timestamp_s: float
    supports: bool
    strength: float


@dataclass(slots=True)
class Doubt:
    """A place of which something is claimed.

    Attributes:
        place_norm: Where, 0..1.
        since_s: When it was last claimed.
        pictures: That showed the place since then.
    """

    place_norm: Box
    since_s: float
    pictures: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """What the strongest suspicion so far said."""

    xyxy_norm: Box
    since_s: float
    subtype: str | None
    reasons: tuple[Reason, ...]
    measures: Mapping[str, float]


@dataclass(slots=True)
class Hypothesis:
    """The state of one place, type and zone.

    Attributes:
        topic: Type and zone.
        place_norm: Anchor of the place, 0..1; fixed, so that places never creep together.
        claim: The claim as it stands.
        stage: gathering, open or ended.
        looks: Looks at it while gathering, unripe ones too: what was seen during the dwell is
            evidence, and need not be waited for again after it.
        is_ripe: The newest suspicion said so.
        last_look_s: Time of the last picture that counted.
        last_support_s: Time of the last picture that supported it.
        clear_since: Media time and wall clock of the first picture of the present clear run.
        clear_s: Length of the present clear run, gaps and hidden times left out.
        sent: The last sighting published, None before the first.
        look_asked_s: When it last asked for a look.
        look_until_s: When the look that it asked for is over.
        full_look_until_s: When the full look that it last asked for is over.
        look_pictures: Pictures of looks since then that showed its place.
        undecided_looks: Full looks that it had and that did not decide it.
        looked_strength: How strong it has been in them.
        had_first_look: A first hint had asked for its slow look.
        looked_s: When a picture of a look was last judged.
        is_vain: A look at this place came to nothing not long ago.
        may_go_on: The look that it asked for may be made longer, once.
        close: What a head that went closer has seen.
        doubts: Where what it is about was claimed of late: of a zone-wide one several places.
    """

    topic: Topic
    place_norm: Box
    claim: Claim
    last_look_s: float
    last_support_s: float
    stage: Stage = Stage.GATHERING
    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=MAX_LOOKS))
    clear_since: tuple[float, datetime] | None = None
    clear_s: float = 0.0
    sent: Sighting | None = None
    is_ripe: bool = False
    look_asked_s: float = float("-inf")
    look_until_s: float = float("-inf")
    full_look_until_s: float = float("-inf")
    look_pictures: int = 0
    undecided_looks: int = 0
    looked_strength: float = 0.0
    had_first_look: bool = False
    looked_s: float = float("-inf")
    is_vain: bool = False
    may_go_on: bool = False
    close: CloseEvidence = field(default_factory=CloseEvidence)
    doubts: list[Doubt] = field(default_factory=list)

    def take(self, suspicion: Suspicion, place_norm: Box) -> None:
        """Let the newest suspicion speak for the claim; its start and subtype stay known."""
        self.claim = Claim(
            place_norm,
            min(self.claim.since_s, suspicion.since_s),
            suspicion.subtype or self.claim.subtype,
            suspicion.reasons,
            suspicion.measures,
        )
        self.is_ripe = suspicion.ripe

    def support(self, timestamp_s: float) -> None:
        """One picture supported it: any clear run is over."""
        self.last_support_s = timestamp_s
        self.clear_since, self.clear_s = None, 0.0

    def miss(self, timestamp_s: float, captured_at: datetime, max_gap_s: float) -> None:
        """One picture showed the place clear; time in which nobody looked does not count."""
        if self.clear_since is None:
            self.clear_since = (timestamp_s, captured_at)
        elif timestamp_s - self.last_look_s <= max_gap_s:
            self.clear_s += timestamp_s - self.last_look_s

    def is_clear(self, rule: RuleBase) -> bool:
        """The place has been seen clear for as long as the rule asks."""
        return self.clear_since is not None and self.clear_s >= rule.clear_s

    def note_look(self, rule: RuleBase) -> None:
        """A picture of a look showed the place; with half of a full look's it has had one."""
        self.look_pictures += 1
        self.looked_strength = max(self.looked_strength, self.strength(rule))
        if self.look_pictures == max(1, round(rule.look_s * rule.look_fps / 2)):
            self.undecided_looks += 1

    def doubt(self, places_norm: Sequence[Box], now_s: float, rule: RuleBase) -> None:
        """Take in where one picture's claims are; places not claimed for a while are forgotten."""
        longest_s = DOUBT_PERIODS * rule.glance_period_s
        kept = []
        for old in self.doubts:
            old.pictures += 1
            is_recent = now_s - old.since_s <= longest_s or old.pictures <= DOUBT_PICTURES
            if is_recent and not any(iou(old.place_norm, p) >= _SAME_PLACE for p in places_norm):
                kept.append(old)
        self.doubts = [*(Doubt(place, now_s) for place in places_norm), *kept][:MOST_DOUBTS]

    def settle(self) -> None:
        """It is known what is there: looks of before count no longer."""
        self.look_until_s = self.full_look_until_s = float("-inf")
        self.look_pictures, self.undecided_looks, self.looked_strength = 0, 0, 0.0
        self.looks.clear()

    def strength(self, rule: RuleBase) -> float:
        """Mean strength of the newest supporting looks, 0 without any."""
        strengths = [look.strength for look in self.looks if look.supports][-rule.min_looks :]
        return sum(strengths) / len(strengths) if strengths else 0.0

    def share(self) -> float:
        """Share of the looks that support."""
        return sum(look.supports for look in self.looks) / len(self.looks) if self.looks else 0.0

    def is_proven(self, rule: RuleBase, bar: float) -> bool:
        """True when enough looks, over enough time, support it strongly enough.

        Args:
            rule: Settings.
            bar: How much stronger than usual it must be, where the usual is 0.5; a rule that asks
                for more has less room above, and its bar is so much lower. Below 0: weaker.
        """
        supporting = [look for look in self.looks if look.supports]
        if len(supporting) < rule.min_looks or self.share() < rule.share:
            return False
        held_s = supporting[-1].timestamp_s - supporting[0].timestamp_s
        needed = _needed(rule.open_at, bar) - _ROUNDING
        return held_s >= rule.confirm_s and self.strength(rule) >= needed

    def forget_old_looks(self, rule: RuleBase) -> None:
        """Keep the looks of the window that the settings need, whatever the rate of pictures."""
        window_s = 2 * max(rule.confirm_s, (rule.min_looks + 1) * rule.glance_period_s)
        while self.looks and self.looks[0].timestamp_s < self.looks[-1].timestamp_s - window_s:
            self.looks.popleft()


def _needed(open_at: float, bar: float) -> float:
    room = (1 - open_at) / (1 - _USUAL) if bar > 0 else 1.0
    return min(1.0, open_at + bar * room)
