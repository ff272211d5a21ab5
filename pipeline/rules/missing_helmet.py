"""Missing helmet: a person in the zone whose head is bare in a clear share of the looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from pipeline.boxes import centre, covered, iou, union
from pipeline.rules.settings import MissingHelmetSettings
from pipeline.sightlines import PEOPLE, seen_now
from pipeline.types import Box, Reason, Scene, Suspicion, Track
from pipeline.zones import Zone

HEAD_PART = 0.35
"""A head's centre lies in the upper third of its person, a helmet in the hand does not."""

HEAD_WIDTH = (0.12, 1.0)
"""Width of a head as a share of its person's width; outside it is someone else's."""

BODY_HEADS = 6.5
"""A standing body is about this many heads high below the head: where a lone head's feet are."""

SHARE_WEIGHT, CONFIDENCE_WEIGHT = 0.6, 0.4

MAX_LOOKS = 1_000

ENOUGH_LOOKS, ENOUGH_S = 24, 3.0
"""Where so many looks at a head are in mind, those of the last seconds do (or the dwell and one
more). A look that began while the helmet came off had to outvote itself: 7 s to the queue for 3."""


@dataclass(frozen=True, slots=True)
class HeadLook:
    """One look at one head: when, bare or not, how surely."""

    timestamp_s: float
    is_bare: bool
    confidence: float


@dataclass(slots=True)
class Visitor:
    """A person in the zone, or a head without a visible body, and the looks at the head."""

    looks: deque[HeadLook] = field(default_factory=lambda: deque(maxlen=MAX_LOOKS))

    def bare(self) -> list[HeadLook]:
        return [look for look in self.looks if look.is_bare]

    @property
    def bare_share(self) -> float:
        """Confidence of the bare looks as a share of all: a sure look counts for more."""
        total = sum(look.confidence for look in self.looks)
        return sum(look.confidence for look in self.bare()) / total if total > 0 else 0.0


class MissingHelmetRule:
    """One claim per bare-headed person; confirmation makes one incident of them per zone.

    Looks without a visible head count neither way. Helmets that are on nobody's head, in a hand
    or on a wall, are nobody's.
    """

    def __init__(self, settings: MissingHelmetSettings, zone: Zone) -> None:
        self._settings, self._zone = settings, zone
        self._visitors: dict[int, Visitor] = {}
        self._last_s = float("-inf")

    def update(self, scene: Scene) -> list[Suspicion]:
        now_s = scene.timestamp_s
        if now_s < self._last_s:
            self._visitors.clear()
        self._last_s = now_s
        claims = []
        for track, head in self._heads(scene):
            visitor = self._visitors.setdefault(track.track_id, Visitor())
            if not visitor.looks or visitor.looks[-1].timestamp_s < now_s:
                visitor.looks.append(HeadLook(now_s, head.label == "bare_head", head.confidence))
            self._forget_old(visitor)
            if head.label == "bare_head":
                claims.append(self._claim(track, head, visitor))
        self._visitors = {k: v for k, v in self._visitors.items() if self._is_recent(v)}
        bare = float(len(claims))
        return [_with_people(claim, bare) for claim in claims]

    def _heads(self, scene: Scene) -> Iterator[tuple[Track, Track]]:
        """Pairs of a visitor's track and the track of the head seen on it now."""
        heads = seen_now(scene, {"helmet", "bare_head"})
        people = seen_now(scene, PEOPLE)
        for person in people:
            if not self._zone.has_foot(person.xyxy, scene.size):
                continue
            head = _head_of(person, heads, people)
            if head is not None:
                yield person, head
        for head in heads:
            if self._is_lone(head, people, heads) and self._stands_in(head, scene):
                yield head, head

    def _is_lone(self, head: Track, people: Sequence[Track], heads: Sequence[Track]) -> bool:
        if any(covered(head.xyxy, p.xyxy) >= 0.5 for p in people):
            return False
        # Two boxes on one head: the surer one speaks.
        return not any(
            o.confidence > head.confidence and iou(o.xyxy, head.xyxy) >= 0.4 for o in heads
        )

    def _stands_in(self, head: Track, scene: Scene) -> bool:
        left, top, right, bottom = head.xyxy
        below = bottom + BODY_HEADS * (bottom - top)
        body = (left, top, right, min(below, float(scene.size[1])))
        return self._zone.has_foot(body, scene.size)

    def _claim(self, track: Track, head: Track, visitor: Visitor) -> Suspicion:
        settings = self._settings
        bare = visitor.bare()
        share = visitor.bare_share
        confidence = sum(look.confidence for look in bare) / len(bare)
        held_s = bare[-1].timestamp_s - bare[0].timestamp_s
        ripe = (
            share >= settings.bare_share
            and len(visitor.looks) >= settings.head_looks
            and held_s >= settings.dwell_s
        )
        reasons = (
            Reason(
                "head_bare",
                SHARE_WEIGHT * share,
                {"share": round(share, 3), "looks": len(visitor.looks)},
            ),
            Reason(
                "head_seen",
                CONFIDENCE_WEIGHT * confidence,
                {"confidence": round(confidence, 3), "held_s": round(held_s, 1)},
            ),
        )
        return Suspicion(
            "missing_helmet",
            self._zone.id,
            union(track.xyxy, head.xyxy),
            bare[0].timestamp_s,
            min(1.0, sum(r.weight for r in reasons)),
            ripe,
            f"t{track.track_id}",
            reasons,
        )

    def _forget_old(self, visitor: Visitor) -> None:
        # At glances far apart the last few looks are all there is: they stay.
        looks, settings = visitor.looks, self._settings
        enough_s = max(ENOUGH_S, settings.dwell_s + 1)
        while looks:
            age_s = self._last_s - looks[0].timestamp_s
            is_old = len(looks) > settings.head_looks and age_s > settings.memory_s
            if not is_old and not (len(looks) > ENOUGH_LOOKS and age_s > enough_s):
                return
            looks.popleft()

    def _is_recent(self, visitor: Visitor) -> bool:
        return visitor.looks[-1].timestamp_s >= self._last_s - self._settings.max_gap_s


def _head_of(person: Track, heads: Sequence[Track], people: Sequence[Track]) -> Track | None:
    """The head that sits on a person: in the upper part, of a fitting width, nearest the top."""
    fitting = [h for h in heads if _sits_on(h.xyxy, person.xyxy)]
    # In a group a head lies in several boxes: it belongs to the one whose top it is nearest to.
    own = [h for h in fitting if not any(_is_nearer(h, other, person) for other in people)]
    return min(own, key=lambda h: (_off_top(h.xyxy, person.xyxy), -h.confidence), default=None)


def _sits_on(head: Box, person: Box) -> bool:
    x, y = centre(head)
    left, top, right, bottom = person
    width = max(right - left, 1.0)
    low, high = HEAD_WIDTH
    return (
        left <= x <= right
        and y <= top + HEAD_PART * (bottom - top)
        and head[3] >= top
        and low <= (head[2] - head[0]) / width <= high
    )


def _off_top(head: Box, person: Box) -> float:
    """Distance of a head from where it should be, in its own heights, in steps of a half."""
    x, _ = centre(head)
    middle = (person[0] + person[2]) / 2
    height = max(head[3] - head[1], 1.0)
    return round(2 * (abs(head[1] - person[1]) + 0.5 * abs(x - middle)) / height) / 2


def _is_nearer(head: Track, other: Track, person: Track) -> bool:
    return (
        other.track_id != person.track_id
        and _sits_on(head.xyxy, other.xyxy)
        and _off_top(head.xyxy, other.xyxy) < _off_top(head.xyxy, person.xyxy)
    )


def _with_people(claim: Suspicion, bare: float) -> Suspicion:
    return replace(claim, measures={"people_bare": bare})
