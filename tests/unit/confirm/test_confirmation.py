"""Confirmation: hysteresis, flicker, hiding, gaps, end, reopening and restart."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from pipeline.confirm import Rejection, ViewMemory
from pipeline.confirm.identity import Topic
from pipeline.confirm.looks import worth
from pipeline.rules.settings import CrowdingSettings, GarbageSettings, MissingHelmetSettings
from pipeline.types import Box, Phase, Suspicion

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ELSEWHERE = (400.0, 100.0, 440.0, 140.0)


def phases(sightings):
    return [s.phase for s in sightings]


class TestStart:
    def test_after_confirm_s_and_min_looks(self, feed, suspicion):
        sightings = feed().run(lambda t: [suspicion()], 20)
        assert phases(sightings) == [Phase.STARTED]
        assert sightings[0].timestamp_s == pytest.approx(4)
        assert sightings[0].sequence == 0

    def test_not_on_too_few_looks(self, feed, suspicion):
        settings = GarbageSettings(confirm_s=2, min_looks=5)
        assert feed(settings).run(lambda t: [suspicion()], 3) == []

    def test_not_while_unripe(self, feed, suspicion):
        assert feed().run(lambda t: [suspicion(ripe=False)], 50) == []

    def test_not_when_weak(self, feed, suspicion):
        assert feed().run(lambda t: [suspicion(strength=0.45)], 50) == []

    def test_flicker_below_the_share_does_not_start(self, feed, suspicion):
        def flicker(t):
            return [suspicion()] if t % 3 == 0 else []

        assert feed().run(flicker, 200) == []

    def test_flicker_above_the_share_does(self, feed, suspicion):
        def flicker(t):
            return [] if t % 4 == 3 else [suspicion()]

        assert phases(feed().run(flicker, 200)) == [Phase.STARTED]

    def test_looks_before_a_gap_do_not_count(self, feed, suspicion):
        view = feed()
        assert view.run(lambda t: [suspicion()], 3) == []
        assert view.run(lambda t: [suspicion()], 1003, from_s=1000) == []
        assert phases(view.run(lambda t: [suspicion()], 1010, from_s=1004)) == [Phase.STARTED]

    def test_suspicions_without_a_rule_are_ignored(self, feed, suspicion):
        assert feed().run(lambda t: [replace(suspicion(), zone_id="other")], 20) == []

    def test_says_when_it_began_on_the_wall_clock(self, feed, suspicion):
        sighting = feed().run(lambda t: [suspicion(since_s=-60.0)], 20)[0]
        assert sighting.started_at == NOON - timedelta(seconds=60)
        assert sighting.confirmed_at == NOON + timedelta(seconds=4)

    def test_id_is_derived(self, feed, suspicion):
        one, two = (feed().run(lambda t: [suspicion()], 20)[0] for _ in range(2))
        assert one == two
        other = feed().run(lambda t: [suspicion(xyxy=ELSEWHERE)], 20)[0]
        assert other.sighting_id != one.sighting_id


class TestOpen:
    def test_weak_and_unripe_support_keeps_it_open(self, feed, suspicion):
        view = feed()
        view.run(lambda t: [suspicion()], 10)
        weak = suspicion(strength=0.35, ripe=False)
        assert view.run(lambda t: [weak], 200, from_s=11) == []

    def test_flicker_keeps_it_open(self, feed, suspicion):
        view = feed()
        view.run(lambda t: [suspicion()], 10)
        assert view.run(lambda t: [suspicion()] if t % 8 == 0 else [], 300, from_s=11) == []

    def test_another_box_at_the_place_is_the_same(self, feed, suspicion):
        def wandering(t):
            dx = 12.0 * (t % 3)
            return [suspicion(xyxy=(100 + dx, 100.0, 140 + dx, 140.0))]

        assert phases(feed().run(wandering, 100)) == [Phase.STARTED]

    def test_another_place_is_another_happening(self, feed, suspicion):
        sightings = feed().run(lambda t: [suspicion(), suspicion(xyxy=ELSEWHERE)], 20)
        assert phases(sightings) == [Phase.STARTED, Phase.STARTED]
        assert len({s.sighting_id for s in sightings}) == 2

    def test_update_when_the_subtype_becomes_known(self, feed, suspicion):
        view = feed(GarbageSettings(update_every_s=5))
        view.run(lambda t: [suspicion()], 10)
        dumped = suspicion(subtype="dumping")
        updates = view.run(lambda t: [dumped], 60, from_s=11)
        assert [(s.phase, s.subtype, s.sequence) for s in updates] == [
            (Phase.UPDATED, "dumping", 1)
        ]
        assert updates[0].severity == 3

    def test_updates_are_rate_limited(self, feed, suspicion):
        rule = CrowdingSettings(people=10, confirm_s=2, update_every_s=30)
        view = feed(rules={Topic("crowding", "z"): rule})

        def growing(t):
            measures = {"level": t, "people": 10 * t}
            return [replace(suspicion(), type="crowding", measures=measures)]

        sightings = view.run(growing, 100)
        times = [s.timestamp_s for s in sightings]
        assert all(b - a >= 30 for a, b in itertools.pairwise(times))
        assert [s.sequence for s in sightings] == list(range(len(sightings)))
        assert len(sightings) >= 3


class TestEnd:
    def test_after_being_seen_clear(self, feed, suspicion):
        view = feed()
        sightings = view.run(lambda t: [suspicion()] if t < 50 else [], 100)
        assert phases(sightings) == [Phase.STARTED, Phase.ENDED]
        assert sightings[1].ended_at == NOON + timedelta(seconds=50)
        assert sightings[1].timestamp_s == pytest.approx(60)
        assert sightings[1].sequence == 1

    def test_same_end_at_slow_glances(self, feed, suspicion):
        sightings = feed().run(lambda t: [suspicion()] if t < 50 else [], 100, step_s=2)
        assert sightings[1].timestamp_s == pytest.approx(60)

    def test_hidden_is_not_clear(self, feed, suspicion, someone):
        view = feed()
        view.run(lambda t: [suspicion()], 10)
        assert view.run(lambda t: [], 500, from_s=11, tracks=lambda t: [someone(t)]) == []
        assert phases(view.run(lambda t: [], 520, from_s=501)) == [Phase.ENDED]

    def test_someone_behind_the_place_hides_nothing(self, feed, suspicion, someone):
        view = feed()
        view.run(lambda t: [suspicion()], 10)

        def behind(t):
            return [someone(t, (80.0, 20.0, 160.0, 125.0))]

        assert phases(view.run(lambda t: [], 40, from_s=11, tracks=behind)) == [Phase.ENDED]

    def test_offline_is_not_clear(self, feed, suspicion):
        view = feed()
        view.run(lambda t: [suspicion()], 10)
        assert view.run(lambda t: [], 1000, from_s=1000) == []
        assert view.run(lambda t: [suspicion()], 1001, from_s=1001) == []

    def test_gaps_add_nothing_to_a_clear_run(self, feed, suspicion):
        view = feed(GarbageSettings(clear_s=10, max_gap_s=20))
        view.run(lambda t: [suspicion()], 10)
        for start in (100.0, 200.0, 300.0):
            assert view.run(lambda t: [], start + 2, from_s=start) == []

    def test_not_watched_neither_holds_nor_ends(self, feed, suspicion):
        from pipeline.types import Scene, ViewKey

        view = feed()
        view.run(lambda t: [suspicion()], 10)
        for now_s in range(11, 500):
            at = NOON + timedelta(seconds=now_s)
            dark = Scene(ViewKey("cam"), float(now_s), at, (640, 360), ())
            assert view.confirmation.update([], dark, watched=()) == []
        assert phases(view.run(lambda t: [], 600, from_s=500)) == [Phase.ENDED]


class TestReopen:
    def test_soon_again_is_the_same_happening(self, feed, suspicion):
        def script(t):
            return [suspicion(since_s=t)] if t < 50 or t > 90 else []

        sightings = feed().run(script, 150)
        assert phases(sightings) == [Phase.STARTED, Phase.ENDED, Phase.UPDATED]
        assert len({s.sighting_id for s in sightings}) == 1
        assert [s.sequence for s in sightings] == [0, 1, 2]
        assert sightings[2].ended_at is None
        assert "reopened" in {r.code for r in sightings[2].reasons}

    def test_reopening_needs_confirming_too(self, feed, suspicion):
        def script(t):
            return [suspicion()] if t < 50 or t == 90 else []

        assert phases(feed().run(script, 150)) == [Phase.STARTED, Phase.ENDED]

    def test_much_later_is_another_happening(self, feed, suspicion):
        def script(t):
            return [suspicion(since_s=t)] if t < 50 or t > 300 else []

        sightings = feed().run(script, 350)
        assert phases(sightings) == [Phase.STARTED, Phase.ENDED, Phase.STARTED]
        assert len({s.sighting_id for s in sightings}) == 2


class TestRestart:
    def test_open_goes_on(self, feed, suspicion):
        sent = feed().run(lambda t: [suspicion()], 10)
        again = feed()
        again.confirmation.restore(sent)
        assert again.run(lambda t: [suspicion(since_s=30, ripe=False)], 200, from_s=30) == []
        assert [s.sighting_id for s in again.confirmation.open_sightings] == [sent[0].sighting_id]

    def test_open_ends_when_it_is_gone(self, feed, suspicion):
        sent = feed().run(lambda t: [suspicion()], 10)
        again = feed()
        again.confirmation.restore(sent)
        ended = again.run(lambda t: [], 100, from_s=30)
        assert [(s.phase, s.sequence) for s in ended] == [(Phase.ENDED, 1)]
        assert ended[0].sighting_id == sent[0].sighting_id

    def test_another_confirmation_of_the_view_takes_up_what_is_known(self, feed, suspicion):
        before = feed()
        sent = before.run(lambda t: [suspicion()] if t < 20 else [], 50)
        before.confirmation.restore([replace(sent[0], sighting_id=uuid4())])  # not taken up yet
        known = before.confirmation.known_sightings
        assert [s.phase for s in known] == [Phase.ENDED, Phase.STARTED]
        again = feed()
        again.confirmation.restore(known[:1])
        sightings = again.run(lambda t: [suspicion(since_s=t)], 80, from_s=60)
        assert phases(sightings) == [Phase.UPDATED]
        assert sightings[0].sighting_id == sent[0].sighting_id

    def test_ended_may_reopen(self, feed, suspicion):
        sent = feed().run(lambda t: [suspicion()] if t < 20 else [], 50)
        again = feed()
        again.confirmation.restore(sent[-1:])
        sightings = again.run(lambda t: [suspicion(since_s=t)], 80, from_s=60)
        assert [(s.phase, s.sequence) for s in sightings] == [(Phase.UPDATED, 2)]
        assert sightings[0].sighting_id == sent[0].sighting_id

    def test_a_rule_taken_out_of_the_site_ends_its_sightings(self, feed, suspicion):
        sent = feed().run(lambda t: [suspicion()], 10)
        again = feed(rules={Topic("crowding", "z"): CrowdingSettings()})
        again.confirmation.restore(sent)
        ended = again.run(lambda t: [], 31, from_s=30)
        assert [s.phase for s in ended] == [Phase.ENDED]
        assert [r.code for r in ended[0].reasons] == [
            *(r.code for r in sent[-1].reasons),
            "rule_removed",
        ]


class TestMemory:
    def rejected(self, days=0.0, **changes):
        where = (100 / 640, 100 / 360, 140 / 640, 140 / 360)
        known = Rejection("garbage", "z", where, NOON - timedelta(days=days))
        return replace(known, **changes)

    def test_rejected_places_need_more(self, feed, suspicion):
        claims = [suspicion(strength=0.6)]
        memory = ViewMemory((self.rejected(),))
        assert feed(memory=memory).run(lambda t: claims, 50) == []
        assert phases(feed().run(lambda t: claims, 50)) == [Phase.STARTED]

    def test_strong_evidence_still_counts(self, feed, suspicion):
        memory = ViewMemory((self.rejected(),) * 10)
        sightings = feed(memory=memory).run(lambda t: [suspicion(strength=0.95)], 50)
        assert phases(sightings) == [Phase.STARTED]

    @pytest.mark.parametrize("open_at", [0.5, 0.55, 0.75])
    def test_no_rule_is_silenced_for_good(self, feed, suspicion, open_at):
        memory = ViewMemory((self.rejected(),) * 10)
        rule = GarbageSettings(open_at=open_at, confirm_s=4)
        sure, unsure = (
            feed(rule, memory=memory).run(lambda t, s=s: [suspicion(strength=s)], 50)
            for s in (0.96, 0.88)
        )
        assert (phases(sure), unsure) == ([Phase.STARTED], [])

    def test_it_decays(self):
        claim = self.rejected()
        fresh = ViewMemory((self.rejected(),)).bar(claim)
        old = ViewMemory((self.rejected(days=7),)).bar(claim)
        assert old == pytest.approx(fresh / 2)

    def test_other_places_types_and_zones_are_free(self):
        memory = ViewMemory((self.rejected(),))
        assert memory.bar(self.rejected(xyxy_norm=(0.6, 0.6, 0.7, 0.7))) == 0
        assert memory.bar(self.rejected(zone_id="other")) == 0
        assert memory.bar(self.rejected(type="crowding")) == 0


class TestWants:
    def test_a_ripe_claim_wants_a_look_until_it_is_decided(self, feed, suspicion):
        view = feed()
        view.run(lambda t: [suspicion()], 2)
        assert [w.topic for w in view.confirmation.wants] == [Topic("garbage", "z")]
        view.run(lambda t: [suspicion()], 10, from_s=3)
        assert view.confirmation.wants == ()

    def test_a_look_that_decides_nothing_is_followed_by_a_rest(self, feed, suspicion):
        view = feed(GarbageSettings(look_s=5, look_rest_s=20))
        wanted = []
        for now_s in range(60):
            view.looking = bool(view.confirmation.wants)
            view.run(lambda t: [suspicion(strength=0.4)], float(now_s), from_s=float(now_s))
            wanted.append(bool(view.confirmation.wants))
        assert wanted[:5] == [True] * 5
        assert not any(wanted[5:25])
        assert wanted[25]

    def test_what_no_look_decides_is_looked_at_ever_less(self, feed, suspicion):
        view = feed(GarbageSettings(look_s=5, look_fps=1, look_rest_s=20))
        begun = look_beginnings(view, lambda t: suspicion(strength=0.4), 2_000, granted=True)
        rests = [later - earlier - 5 for earlier, later in itertools.pairwise(begun)]
        assert rests == [20, 40, 80, 160] + [320] * 5

    def test_after_a_look_that_was_never_granted_is_no_rest(self, feed, suspicion):
        view = feed(GarbageSettings(look_s=5, look_fps=1, look_rest_s=20))
        for now_s in range(0, 200, 10):
            view.run(lambda t: [suspicion(strength=0.4)], float(now_s), from_s=float(now_s))
            assert [w.look_s for w in view.confirmation.wants] == [5]
        begun = look_beginnings(
            view, lambda t: suspicion(strength=0.4), 250, granted=True, from_s=200
        )
        assert begun == [200, 225]

    def test_a_claim_that_is_gone_before_its_look_wants_none(self, feed, suspicion):
        view = feed(GarbageSettings(look_s=5, look_rest_s=20))
        view.run(lambda t: [suspicion(strength=0.4)], 0.0)
        view.run(lambda t: [], 10.0, from_s=10.0)
        assert view.confirmation.wants == ()

    def test_a_first_look_that_was_never_granted_is_asked_for_again(self, feed, suspicion):
        view = feed(GarbageSettings(dwell_s=60))
        for now_s in range(0, 50, 10):
            view.run(lambda t: [suspicion(strength=0.2, ripe=False)], now_s, from_s=now_s)
            assert [w.look_s for w in view.confirmation.wants] == [2.5]
        view.looking = True
        view.run(lambda t: [suspicion(strength=0.2, ripe=False)], 43, from_s=41)
        assert view.confirmation.wants == ()

    def test_a_claim_that_ripens_does_not_wait_for_a_slow_look_that_never_began(
        self, feed, suspicion
    ):
        view = feed(GarbageSettings(dwell_s=60, look_s=6))
        view.run(lambda t: [suspicion(strength=0.2, ripe=False)], 0.0)
        view.run(lambda t: [suspicion(strength=0.4)], 1.0, from_s=1.0)
        assert [w.look_s for w in view.confirmation.wants] == [6]

    def test_the_few_pictures_of_a_slow_look_make_no_rest_longer(self, feed, suspicion):
        view = feed(GarbageSettings(look_s=5, look_fps=4, look_rest_s=20))
        begun = look_beginnings(view, lambda t: suspicion(strength=0.4), 100, granted=True)
        assert begun == [0, 25, 50, 75, 100]

    def test_who_comes_after_others_is_looked_at_as_soon(self, feed, suspicion):
        settings = MissingHelmetSettings(look_s=5, look_fps=1, look_rest_s=20, open_at=0.9)
        view = feed(rules={Topic("missing_helmet", "z"): settings})
        begun = look_beginnings(
            view,
            lambda t: replace(suspicion(strength=0.4), type="missing_helmet"),
            300,
            granted=True,
        )
        rests = {later - earlier for earlier, later in itertools.pairwise(begun)}
        assert rests == {29}  # 9 s of looking, as it goes on once, and the rest

    def test_what_flickers_by_little_more_than_grown_rests_longer_too(self, feed, suspicion):
        view = feed(GarbageSettings(look_s=5, look_fps=1, look_rest_s=20, open_at=0.9))
        begun = look_beginnings(
            view, lambda t: suspicion(strength=0.4 if t % 50 < 25 else 0.6), 600, granted=True
        )
        assert len(begun) < 10

    def test_a_claim_that_has_grown_rests_as_after_its_first_look(self, feed, suspicion):
        view = feed(GarbageSettings(look_s=5, look_fps=1, look_rest_s=20, open_at=0.9))
        begun = look_beginnings(
            view, lambda t: suspicion(strength=0.4 if t < 200 else 0.6), 260, granted=True
        )
        assert begun == [0, 25, 70, 155, 201]

    def test_what_was_decided_begins_anew_when_it_comes_back(self, feed, suspicion):
        view = feed(GarbageSettings(look_s=5, look_fps=1, look_rest_s=20, clear_s=10, reopen_s=900))
        look_beginnings(view, lambda t: suspicion(strength=0.4), 100, granted=True)
        view.run(lambda t: [suspicion()], 130, from_s=101)
        assert view.confirmation.open_sightings
        view.run(lambda t: [], 160, from_s=131)
        assert not view.confirmation.open_sightings
        begun = look_beginnings(
            view, lambda t: suspicion(strength=0.4), 230, granted=True, from_s=170
        )
        assert begun == [170, 195]

    def test_what_flickers_at_a_place_gets_one_first_look(self, feed, suspicion):
        view = feed(GarbageSettings(dwell_s=60, clear_s=10, glance_period_s=2))

        here: Box = (100.0, 100.0, 140.0, 140.0)
        elsewhere: Box = (400.0, 100.0, 440.0, 140.0)

        def hint_wants_a_look(now_s: float, xyxy: Box) -> bool:
            hint = suspicion(since_s=now_s, xyxy=xyxy, strength=0.2, ripe=False)
            view.run(lambda t: [hint], now_s, from_s=now_s)
            wanted = view.looking = bool(view.confirmation.wants)
            view.run(lambda t: [], now_s + 20, from_s=now_s + 1)
            view.looking = False
            return wanted

        assert hint_wants_a_look(0.0, here)
        assert not hint_wants_a_look(30.0, here)
        assert hint_wants_a_look(60.0, elsewhere)
        assert not hint_wants_a_look(560.0, here)
        assert hint_wants_a_look(640.0, here)

    def test_a_first_look_that_was_never_granted_counts_for_nothing(self, feed, suspicion):
        view = feed(GarbageSettings(dwell_s=60, clear_s=10, glance_period_s=2))
        for now_s in (0.0, 40.0):
            hint = suspicion(since_s=now_s, strength=0.2, ripe=False)
            view.run(lambda t, hint=hint: [hint], now_s, from_s=now_s)
            assert view.confirmation.wants
            view.run(lambda t: [], now_s + 20, from_s=now_s + 1)

    def test_glances_that_come_as_often_make_a_slow_look_needless(self, feed, suspicion):
        view = feed(GarbageSettings(dwell_s=60))
        view.run(lambda t: [suspicion(strength=0.2, ripe=False)], 0.0)
        wants = view.confirmation.wants
        assert worth(wants, 10.0) == wants != ()
        assert worth(wants, 2.0) == ()

    def test_of_what_is_soon_gone_a_look_that_ends_on_support_goes_on_once(self, feed, suspicion):
        settings = MissingHelmetSettings(look_s=5, look_fps=2, look_rest_s=20, open_at=0.9)
        topic = Topic("missing_helmet", "z")
        view = feed(rules={topic: settings})
        wanted = []
        for step in range(60):
            now_s = step / 2
            claim = replace(suspicion(strength=0.4), type="missing_helmet")
            view.looking = bool(view.confirmation.wants)
            view.run(lambda t, claim=claim: [claim], now_s, from_s=now_s)
            wanted.append(bool(view.confirmation.wants))
        assert all(wanted[:16])
        assert not any(wanted[18:56])

    def test_an_unripe_claim_wants_one_slow_look(self, feed, suspicion):
        view = feed()
        view.run(lambda t: [suspicion(ripe=False)], 0)
        assert [w.look_fps for w in view.confirmation.wants] == [1.0]
        view.looking = True
        view.run(lambda t: [suspicion(ripe=False)], 5, from_s=1)
        assert view.confirmation.wants == ()


def look_beginnings(
    view: Any,
    claim: Callable[[float], Suspicion],
    until_s: int,
    *,
    granted: bool,
    from_s: int = 0,
) -> list[int]:
    """Seconds at which a look is wanted that was not wanted before; granted ones are had."""
    begun, wanted = [], False
    for now_s in range(from_s, until_s + 1):
        view.looking = granted and wanted
        view.run(lambda t: [claim(t)], float(now_s), from_s=float(now_s))
        wants = bool(view.confirmation.wants)
        if wants and not wanted:
            begun.append(now_s)
        wanted = wants
    return begun


class TestDoubtfulPlaces:
    def test_a_claim_is_doubtful_until_it_is_confirmed(self, feed, suspicion):
        view = feed()
        view.run(lambda t: [suspicion(ripe=False)], 2)
        place = view.confirmation.doubtful_places
        assert place == (pytest.approx((100 / 640, 100 / 360, 140 / 640, 140 / 360)),)
        view.run(lambda t: [suspicion()], 20, from_s=3)
        assert view.confirmation.open_sightings
        assert view.confirmation.doubtful_places == ()

    def test_it_stays_in_doubt_when_a_picture_does_not_support_it(self, feed, suspicion):
        """Else what two detections refute would be judged by one of them in every other picture."""
        view = feed()
        view.run(lambda t: [suspicion()] if t < 2 else [], 4)
        assert len(view.confirmation.doubtful_places) == 1
        view.run(lambda t: [], 30, from_s=5)
        assert view.confirmation.doubtful_places == ()

    def test_what_has_ended_is_in_doubt_when_it_seems_to_come_back(self, feed, suspicion):
        view = feed()
        view.run(lambda t: [suspicion()] if t < 10 else [], 50)
        assert view.confirmation.doubtful_places == ()
        view.run(lambda t: [suspicion()], 51, from_s=51)
        assert len(view.confirmation.doubtful_places) == 1

    def test_places_are_in_doubt_for_two_pictures_however_far_apart_they_are(self, feed, suspicion):
        view = feed(rules={Topic("garbage", "z"): GarbageSettings(glance_period_s=2, clear_s=400)})
        counts = []
        for step in range(5):
            claims = [] if step else [suspicion(ripe=False)]
            view.run(lambda t, c=claims: c, 40 * step, from_s=40 * step)
            counts.append(len(view.confirmation.doubtful_places))
        assert counts == [1, 1, 1, 0, 0]

    def test_each_head_of_a_zone_wide_claim_stays_in_doubt(self, feed, suspicion):
        """Else two workers in turn would each be believed after one detection."""
        head = replace(suspicion(ripe=False), type="missing_helmet")
        other = replace(head, xyxy=ELSEWHERE)
        view = feed(rules={Topic("missing_helmet", "z"): MissingHelmetSettings()})
        for step in range(6):
            view.run(lambda t, s=step: [head if s % 2 else other], step, from_s=step)
        lefts = [round(place[0] * 640) for place in view.confirmation.doubtful_places]
        assert lefts == [100, 400]

    def test_of_equal_claims_the_newest_comes_first(self, feed, suspicion):
        view = feed()
        view.run(lambda t: [suspicion(xyxy=ELSEWHERE) if t else suspicion()], 1)
        lefts = [round(place[0] * 640) for place in view.confirmation.doubtful_places]
        assert lefts == [400, 100]

    def test_the_severest_claim_comes_first_and_crowds_are_counted_as_planned(
        self, feed, suspicion
    ):
        rules = {
            Topic(r.type, "z"): r
            for r in (GarbageSettings(), MissingHelmetSettings(), CrowdingSettings())
        }
        claims = [
            suspicion(),
            replace(suspicion(xyxy=ELSEWHERE), type="missing_helmet"),
            replace(suspicion(xyxy=(0.0, 0.0, 640.0, 360.0)), type="crowding"),
        ]
        view = feed(rules=rules)
        view.run(lambda t: claims, 0)
        lefts = [round(place[0] * 640) for place in view.confirmation.doubtful_places]
        assert lefts == [400, 100]
