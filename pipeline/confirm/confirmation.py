"""Turns the suspicions of one view into sightings: start, update, end, each once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from pipeline.boxes import extent, gap, intersection, iou, to_norm, to_pixels
from pipeline.confirm import messages
from pipeline.confirm.closeup import CloseEvidence, CloseUp
from pipeline.confirm.hypothesis import Claim, Hypothesis, Look, Stage
from pipeline.confirm.identity import Origin, Topic
from pipeline.confirm.looks import LookWant, VainLooks, wish
from pipeline.confirm.memory import Rejection, ViewMemory
from pipeline.rules.settings import RuleBase
from pipeline.sightlines import is_hidden
from pipeline.types import Box, Phase, Scene, Sighting, Suspicion

MAX_HYPOTHESES = 500
"""Bound per view; the ones that were supported longest ago go first, open ones last."""


class Confirmation:
    """Gathers evidence by place, with hysteresis.

    A claim opens when enough of the looks over enough time support it strongly; it stays open
    on weaker support, and ends when the place has been *seen* clear for long enough: neither
    a person in front nor a camera that is offline ends anything. The same place within the
    reopen time continues the same sighting.

    Args:
        origin: Site, view and model for ids and messages.
        rules: Settings by type and zone.
        memory: Rejected places of the view.
    """

    def __init__(
        self,
        origin: Origin,
        rules: Mapping[Topic, RuleBase],
        memory: ViewMemory | None = None,
    ) -> None:
        self._origin, self._rules = origin, dict(rules)
        self.memory = memory or ViewMemory()
        self._known: list[Hypothesis] = []
        self._restored: list[Sighting] = []
        self._vain = VainLooks()
        self._wants: tuple[LookWant, ...] = ()

    @property
    def wants(self) -> tuple[LookWant, ...]:
        """Looks wished for after the last update, most urgent first."""
        return self._wants

    @property
    def undecided(self) -> bool:
        """True while a claim that the last picture supported waits for more evidence."""
        return any(
            h.stage is not Stage.OPEN and h.last_support_s >= h.last_look_s for h in self._known
        )

    @property
    def doubtful_places(self) -> tuple[Box, ...]:
        """Places of claims that gather evidence, 0..1: what is found there is asked for twice.

        Those of the severest rules come first, then what was claimed last, then the surest.
        """
        rows = [
            (-rule.severity, -doubt.since_s, doubt.place_norm)
            for h in self._known
            if h.stage is not Stage.OPEN and (rule := self._rules[h.topic]).detects_twice
            for doubt in h.doubts
        ]
        return tuple(place for *_, place in sorted(rows, key=lambda row: row[:2]))

    @property
    def open_sightings(self) -> tuple[Sighting, ...]:
        """The last message of each sighting that is open now."""
        return tuple(h.sent for h in self._known if h.stage is Stage.OPEN and h.sent)

    @property
    def open_places(self) -> tuple[Box, ...]:
        """Anchors of what is open now, 0..1; no two of one type and zone are one place."""
        return tuple(h.place_norm for h in self._known if h.stage is Stage.OPEN)

    @property
    def known_sightings(self) -> tuple[Sighting, ...]:
        """The last message of each sighting that is open or may reopen, as `restore` takes them."""
        return tuple(h.sent for h in self._known if h.sent is not None) + tuple(self._restored)

    def restore(self, sightings: Iterable[Sighting]) -> None:
        """Take up sightings of an earlier run: open ones, and ended ones that may reopen.

        Args:
            sightings: The last message of each.
        """
        self._restored.extend(sightings)

    def update(
        self,
        suspicions: Sequence[Suspicion],
        scene: Scene,
        watched: Collection[Topic] | None = None,
    ) -> list[Sighting]:
        """What is new after this scene.

        Args:
            suspicions: Of all rules of the view.
            scene: The same scene that the rules saw.
            watched: Topics whose rules could speak; all by default. A zone outside its hours is
                not watched: its incidents neither hold nor end. One whose rule is silenced by a
                permit *is* watched: what was unlawful has ended.
        """
        out = self._take_up(scene)
        supported = self._distribute(suspicions, scene)
        for hypothesis in list(self._known):
            rule = self._rules[hypothesis.topic]
            if watched is not None and hypothesis.topic not in watched:
                hypothesis.last_look_s = scene.timestamp_s
                continue
            spoken = supported.get(id(hypothesis), [])
            out += self._judge(hypothesis, rule, spoken, scene)
            hypothesis.last_look_s = scene.timestamp_s
            if scene.looking:
                hypothesis.looked_s = scene.timestamp_s
        self._forget(scene.timestamp_s)
        self._wants = self._wishes(scene.timestamp_s)
        return out

    def take_close_up(self, picture: CloseUp) -> None:
        """Let an enlarged picture speak for or against the claims about its place.

        It decides nothing by itself: the next picture of the view is judged by another bar.
        """
        for hypothesis in self._known:
            rule = self._rules[hypothesis.topic]
            places = (hypothesis.claim.xyxy_norm, hypothesis.place_norm)
            if rule.close_classes and any(intersection(p, picture.place_norm) > 0 for p in places):
                hypothesis.close.take(picture, rule.close_classes, refutes=rule.close_refutes)

    def _distribute(
        self, suspicions: Sequence[Suspicion], scene: Scene
    ) -> dict[int, list[Suspicion]]:
        """Give each suspicion to the hypothesis of its place, making new ones."""
        spoken: dict[int, list[Suspicion]] = {}
        for suspicion in sorted(suspicions, key=lambda s: (-s.strength, s.xyxy)):
            topic = Topic(suspicion.type, suspicion.zone_id)
            if topic not in self._rules:
                continue
            place = to_norm(suspicion.xyxy, scene.size)
            hypothesis = self._at(topic, place, scene)
            if hypothesis is None:
                now_s = scene.timestamp_s
                claim = Claim(place, suspicion.since_s, None, (), {})
                hypothesis = Hypothesis(topic, place, claim, now_s, now_s)
                hypothesis.is_vain = self._vain.know(topic, place, now_s)
                self._known.append(hypothesis)
            spoken.setdefault(id(hypothesis), []).append(suspicion)
        return spoken

    def _at(self, topic: Topic, place: Box, scene: Scene) -> Hypothesis | None:
        """The hypothesis of a place, open ones before ended before gathering ones."""
        rule = self._rules[topic]
        box = to_pixels(place, scene.size)

        def fits(known: Box) -> bool:
            other = to_pixels(known, scene.size)
            reach = rule.merge_distance * max(extent(box), extent(other))
            return rule.zone_wide or gap(box, other) <= reach

        near = [
            h
            for h in self._known
            if h.topic == topic and (fits(h.place_norm) or fits(h.claim.xyxy_norm))
        ]
        order = {Stage.OPEN: 2, Stage.ENDED: 1, Stage.GATHERING: 0}
        return max(near, key=lambda h: (order[h.stage], iou(h.place_norm, place)), default=None)

    def _judge(
        self, hypothesis: Hypothesis, rule: RuleBase, spoken: Sequence[Suspicion], scene: Scene
    ) -> list[Sighting]:
        strongest = max(spoken, key=lambda s: (s.ripe, s.strength), default=None)
        if strongest is not None:
            if hypothesis.stage is Stage.ENDED and not hypothesis.looks:
                hypothesis.claim = Claim(hypothesis.place_norm, strongest.since_s, None, (), {})
            hypothesis.take(strongest, to_norm(strongest.xyxy, scene.size))
        elif self._is_hidden(hypothesis, rule, scene):
            return []
        places = [to_norm(s.xyxy, scene.size) for s in spoken]
        hypothesis.doubt(places, scene.timestamp_s, rule)
        if hypothesis.stage is Stage.OPEN:
            return self._follow(hypothesis, rule, strongest, scene)
        return self._gather(hypothesis, rule, strongest, scene)

    def _gather(
        self, hypothesis: Hypothesis, rule: RuleBase, said: Suspicion | None, scene: Scene
    ) -> list[Sighting]:
        now_s = scene.timestamp_s
        if now_s - hypothesis.last_look_s > rule.max_gap_s:
            hypothesis.looks.clear()
        if said is None:
            hypothesis.miss(now_s, scene.captured_at, rule.max_gap_s)
        else:
            hypothesis.support(now_s)
        if said is not None or hypothesis.looks:
            strength = said.strength if said is not None else 0.0
            hypothesis.looks.append(Look(now_s, said is not None, strength))
            hypothesis.forget_old_looks(rule)
        if scene.looking:
            hypothesis.note_look(rule)
        if (
            said is None
            or not said.ripe
            or not hypothesis.is_proven(rule, self._bar(hypothesis, scene))
        ):
            return []
        again = hypothesis.sent is not None
        make = messages.update if again else messages.start
        return [self._open(hypothesis, make(hypothesis, rule, self._origin, scene))]

    def _open(self, hypothesis: Hypothesis, sighting: Sighting) -> Sighting:
        hypothesis.stage, hypothesis.sent = Stage.OPEN, sighting
        hypothesis.close.is_told = True
        hypothesis.settle()
        return sighting

    def _follow(
        self, hypothesis: Hypothesis, rule: RuleBase, said: Suspicion | None, scene: Scene
    ) -> list[Sighting]:
        sent = hypothesis.sent
        if sent is None:
            return []
        if said is None or said.strength < rule.keep_at:
            hypothesis.miss(scene.timestamp_s, scene.captured_at, rule.max_gap_s)
            if not hypothesis.is_clear(rule):
                return []
            hypothesis.stage, hypothesis.had_first_look = Stage.ENDED, False
            hypothesis.sent = messages.end(hypothesis, "seen_clear", scene)
            return [hypothesis.sent]
        hypothesis.support(scene.timestamp_s)
        rested_s = (scene.captured_at - sent.observed_at).total_seconds()
        if messages.has_news(hypothesis) and rested_s >= rule.update_every_s:
            hypothesis.sent = messages.update(hypothesis, rule, self._origin, scene)
            hypothesis.close.is_told = True
            return [hypothesis.sent]
        return []

    def _is_hidden(self, hypothesis: Hypothesis, rule: RuleBase, scene: Scene) -> bool:
        """A zone is never hidden as a whole; a place is when somebody stands in front of it."""
        if rule.zone_wide:
            return False
        return is_hidden(to_pixels(hypothesis.claim.xyxy_norm, scene.size), scene)

    def _bar(self, hypothesis: Hypothesis, scene: Scene) -> float:
        """How much stronger than usual the claim must be, by verdicts and by a close look."""
        topic = hypothesis.topic
        claim = Rejection(topic.type, topic.zone_id, hypothesis.place_norm, scene.captured_at)
        return self.memory.bar(claim) + hypothesis.close.bar

    def _take_up(self, scene: Scene) -> list[Sighting]:
        """Make hypotheses of restored sightings; those whose rule is gone end here."""
        ended = []
        for sighting in self._restored:
            topic = Topic(sighting.type, sighting.zone_id)
            claim = Claim(
                sighting.xyxy_norm,
                sighting.started_s,
                sighting.subtype,
                sighting.reasons,
                sighting.measures,
            )
            since_s = self._media_time(sighting, scene)
            hypothesis = Hypothesis(topic, sighting.xyxy_norm, claim, scene.timestamp_s, since_s)
            hypothesis.sent = sighting
            if sighting.phase is Phase.ENDED:
                hypothesis.stage = Stage.ENDED
            elif topic not in self._rules:
                ended.append(messages.end(hypothesis, "rule_removed", scene))
            else:
                hypothesis.stage = Stage.OPEN
            if topic in self._rules:
                self._known.append(hypothesis)
        self._restored.clear()
        return ended

    @staticmethod
    def _media_time(sighting: Sighting, scene: Scene) -> float:
        at = sighting.ended_at or sighting.observed_at
        return scene.timestamp_s - (scene.captured_at - at).total_seconds()

    def _forget(self, now_s: float) -> None:
        known: list[Hypothesis] = []
        for hypothesis in self._known:
            if hypothesis.is_clear(self._rules[hypothesis.topic]):
                hypothesis.settle()
            if not self._is_over(hypothesis, now_s):
                known.append(hypothesis)
            elif hypothesis.stage is Stage.GATHERING:
                self._vain.note(hypothesis, now_s)
        self._known = known
        for hypothesis in self._known:
            if hypothesis.close.is_old(now_s):
                hypothesis.close = CloseEvidence()
        if len(self._known) > MAX_HYPOTHESES:
            self._known.sort(key=lambda h: (h.stage is Stage.OPEN, h.last_support_s))
            del self._known[: len(self._known) - MAX_HYPOTHESES]

    def _is_over(self, hypothesis: Hypothesis, now_s: float) -> bool:
        rule = self._rules[hypothesis.topic]
        if hypothesis.stage is Stage.GATHERING:
            return hypothesis.is_clear(rule)
        if hypothesis.stage is Stage.ENDED and not hypothesis.looks:
            return now_s - hypothesis.last_support_s > rule.clear_s + rule.reopen_s
        return False

    def _wishes(self, now_s: float) -> tuple[LookWant, ...]:
        wants = [w for h in self._known if (w := wish(h, self._rules[h.topic], now_s)) is not None]
        return tuple(sorted(wants, key=lambda w: -w.priority))
