"""Street vending: an attended occupation fires; a stall detector alone, or a person alone, not."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime

import pytest

from pipeline.rules.settings import StreetVendingSettings
from pipeline.rules.standing import Standing
from pipeline.rules.street_vending import Trade
from pipeline.types import Act, ClaimKey, Phase, Track

STALL = (280.0, 200.0, 380.0, 290.0)
PARASOL = (270.0, 130.0, 390.0, 205.0)
VENDOR = (390.0, 170.0, 430.0, 290.0)
CAR = (260.0, 190.0, 420.0, 290.0)


def move(box, dx, dy=0.0):
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def script(*things, begin=10.0, end=1e9):
    return lambda t: list(things) if begin <= t < end else []


def stopping(t):
    """Passers-by who each stop at the stall for five seconds."""
    turn, phase = divmod(t, 10.0)
    if phase < 5 and turn >= 2:
        return [("person", (240.0, 180.0, 275.0, 295.0))]
    return []


class TestStreetVending:
    @pytest.mark.parametrize("kind", ["stall", "parasol"])
    def test_attended_stall_fires(self, play, kind):
        sightings = play("street_vending").run(script((kind, STALL), ("person", VENDOR)), 120)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert 70 <= sightings[0].timestamp_s <= 80

    def test_new_and_still_thing_with_a_person_who_stays_fires(self, play):
        sightings = play("street_vending").run(script(("novel", STALL), ("person", VENDOR)), 120)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        codes = {r.code for r in sightings[0].reasons}
        assert {"novel_still", "attended"} <= codes

    @pytest.mark.parametrize("side", [0.0, 20.0, 40.0])
    def test_a_small_new_thing_beside_somebody_is_no_stall(self, play, side):
        """A speck or a case on the ground, smaller than who stands beside it."""
        speck = (VENDOR[0] - side - 12, VENDOR[3] - side - 12, VENDOR[0], VENDOR[3])
        assert play("street_vending").run(script(("novel", speck), ("person", VENDOR)), 300) == []

    def test_a_small_thing_that_the_detector_calls_a_stall_fires(self, play):
        small = (360.0, 240.0, 388.0, 290.0)
        sightings = play("street_vending").run(
            script(("stall", small), ("novel", small), ("person", VENDOR)), 120
        )
        assert [s.phase for s in sightings] == [Phase.STARTED]
        sizes = {r.code: r.detail.get("size") for r in sightings[0].reasons}
        assert sizes["novel_still"] == pytest.approx(28 * 50 / (40 * 120), abs=0.01)
        assert sizes["stall_still"] is None

    def test_weights_of_the_trace_add_up_to_the_strength(self, play):
        view = play("street_vending")
        view.run(script(("stall", STALL), ("person", VENDOR)), 120)
        claim = view.judged[-1].suspicions[0]
        assert sum(r.weight for r in claim.reasons) == pytest.approx(claim.strength)

    def test_passers_by_who_stop_make_it_stronger(self, play):
        def busy(t):
            return [("novel", STALL), ("person", VENDOR), *stopping(t)]

        view = play("street_vending")
        quiet = view.run(script(("novel", STALL), ("person", VENDOR)), 120)
        crowded = play("street_vending").run(busy, 120)
        assert crowded[0].confidence > quiet[0].confidence
        assert "passers_by" in {r.code for r in crowded[0].reasons}

    @pytest.mark.parametrize(
        "things",
        [
            pytest.param([("stall", STALL)], id="stall detector alone"),
            pytest.param([("stall", STALL), ("parasol", PARASOL)], id="two detectors alone"),
            pytest.param([("novel", STALL)], id="new thing alone"),
            pytest.param([("person", VENDOR)], id="a person merely standing"),
            pytest.param([("car", CAR), ("person", VENDOR)], id="parked car and its driver"),
            pytest.param(
                [("novel", CAR), ("car", CAR), ("person", VENDOR)], id="parked car, also as new"
            ),
            pytest.param([("novel", STALL), ("two_wheeler", STALL), ("person", VENDOR)], id="bike"),
            pytest.param([("novel", STALL), ("bin", STALL), ("person", VENDOR)], id="bin"),
            pytest.param([("novel", STALL), ("garbage", STALL), ("person", VENDOR)], id="bags"),
        ],
    )
    def test_does_not_fire(self, play, things):
        assert play("street_vending").run(script(*things), 300) == []

    @pytest.mark.parametrize("name", ["garbage", "bin", "car"])
    def test_a_stall_faintly_taken_for_something_else_fires(self, play, name):
        def faint(t):
            return [(name, STALL, 0.35)] if int(t) % 2 else []

        def mistaken(t):
            return [("novel", STALL), ("person", VENDOR), *stopping(t), *faint(t)]

        sightings = play("street_vending").run(mistaken, 120)
        assert [s.phase for s in sightings] == [Phase.STARTED]

    def test_what_a_customer_leaves_to_see_of_a_stall_is_no_second_one(self, play):
        wide, shadow = (150.0, 200.0, 380.0, 290.0), (450.0, 230.0, 500.0, 280.0)
        left, right = (150.0, 200.0, 240.0, 290.0), (330.0, 200.0, 380.0, 290.0)

        def bought_at(t):
            here = [("person", VENDOR), ("novel", shadow)]
            if t >= 40 and t % 20 < 15:
                buyer = ("person", (250.0, 190.0, 320.0, 300.0))
                return [*here, buyer, ("novel", left), ("novel", right)]
            return [*here, ("novel", wide)]

        sightings = play("street_vending").run(bought_at, 240)
        assert [s.phase for s in sightings if s.sequence == 0] == [Phase.STARTED]

    def test_a_stall_pushed_along_does_not_fire(self, play):
        def pushed(t):
            return [("stall", move(STALL, 20 * t - 250)), ("person", move(VENDOR, 20 * t - 250))]

        assert play("street_vending").run(pushed, 40, fps=5) == []

    def test_different_people_at_a_new_thing_are_no_vendor(self, play):
        def bus_stop(t):
            waiting = [VENDOR] if t % 30 < 10 else [move(VENDOR, -150)] if t % 30 < 20 else []
            return [("novel", STALL), *(("person", box) for box in waiting)]

        assert play("street_vending", dwell_s=60).run(bus_stop, 300) == []

    @pytest.mark.parametrize("sure", [0.2, 0.3, 0.4])
    def test_a_sign_on_a_busy_path_is_no_stall(self, play, sure):
        """Somebody is always passing it, and the detector half takes it for a stall."""

        def path(t):
            passers = [(x, move(VENDOR, x)) for x in (-150 + 40 * (t % 6), 120 - 40 * (t % 5))]
            return [("stall", STALL, sure), *(("person", box) for _, box in passers)]

        assert play("street_vending", dwell_s=30).run(path, 900) == []

    def test_a_car_at_it_speaks_for_a_delivery(self, play):
        things = [("novel", STALL), ("person", VENDOR), ("car", (80.0, 180.0, 270.0, 290.0))]
        view = play("street_vending")
        view.run(script(*things), 120)
        weights = {r.code: r.weight for r in view.judged[-1].suspicions[0].reasons}
        assert weights["vehicle_at_it"] < 0

    def test_what_is_perhaps_a_car_takes_nothing_off(self, play):
        perhaps = ("car", (80.0, 180.0, 270.0, 290.0), 0.4)
        view = play("street_vending")
        view.run(script(("novel", STALL), ("person", VENDOR), perhaps), 120)
        codes = {r.code for r in view.judged[-1].suspicions[0].reasons}
        assert "attended" in codes
        assert "vehicle_at_it" not in codes

    def test_a_vendor_who_is_often_hidden_stays(self, play):
        def bending(t):
            return [("novel", STALL), *([("person", VENDOR)] if t % 4 < 2 else [])]

        sightings = play("street_vending").run(bending, 120)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        (attended,) = (r for r in sightings[0].reasons if r.code == "attended")
        assert attended.detail["share"] > 0.9

    @pytest.mark.parametrize(
        ("last_s", "blind_s", "stood_s"),
        [
            pytest.param(40.0, 0.0, 30.0, id="at-once"),
            pytest.param(30.0, 0.0, 30.0, id="after-a-glance"),
            pytest.param(30.0, 20.0, 10.0, id="while-nobody-looked"),
        ],
    )
    def test_who_stood_there_before_the_thing_was_noticed_has_stayed(
        self, last_s, blind_s, stood_s
    ):
        place = Standing(1, "novel", STALL, 10.0, 40.0, STALL, STALL, blind_s=blind_s)
        vendor = Track(7, "person", VENDOR, 0.9, 0.0, 40.0, 0.0, 5)
        walker = replace(vendor, track_id=8, still_since_s=None)
        trade = Trade(1.0, last_s)
        trade.update([vendor, walker], place, 40.0, StreetVendingSettings(dwell_s=30))
        assert trade.near[7].share == pytest.approx(1 - math.exp(-stood_s / 30))
        assert trade.near[8].share == pytest.approx(1 - math.exp(-(40 - last_s) / 30))

    def test_who_is_hidden_after_a_second_has_not_stopped(self):
        place = Standing(1, "novel", STALL, 10.0, 40.0, STALL, STALL)
        passer = Track(7, "person", VENDOR, 0.9, 0.0, 41.0, 40.0, 2)
        keeper = Track(8, "person", VENDOR, 0.9, 0.0, 44.0, 0.0, 9)
        trade, settings = Trade(1.0, 40.0), StreetVendingSettings(dwell_s=30)
        for now_s in (40.0, 41.0, 42.0, 43.0, 44.0):
            here = [
                replace(passer, last_seen_s=min(now_s, 41.0)),
                replace(keeper, last_seen_s=now_s),
            ]
            trade.update(here, place, now_s, settings)
        assert trade.stopped == set()
        assert trade.keeper() == 8

    def test_fires_once_and_ends(self, play):
        view = play("street_vending")
        sightings = view.run(script(("stall", STALL), ("person", VENDOR), end=400), 600)
        assert [s.phase for s in sightings] == [Phase.STARTED, Phase.ENDED]

    @pytest.mark.parametrize("fps", [25.0, 5.0, 1.0, 0.5])
    def test_same_second_at_every_rate(self, play, fps):
        things = script(("stall", STALL), ("person", VENDOR))
        sightings = play("street_vending", dwell_s=30).run(things, 60, fps=fps)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s == pytest.approx(40, abs=1 / fps)

    def test_gap_in_the_tracks(self, play):
        def blinking(t):
            seen = script(("stall", STALL), ("person", VENDOR))(t)
            return [] if 40 <= t < 46 else seen

        assert [s.phase for s in play("street_vending").run(blinking, 150)] == [Phase.STARTED]

    def test_a_vendor_who_wanders_off_for_a_while(self, play):
        def wandering(t):
            return [("stall", STALL), *([("person", VENDOR)] if t % 30 < 20 else [])]

        assert [s.phase for s in play("street_vending").run(wandering, 300)] == [Phase.STARTED]

    def test_customers_in_front_do_not_end_it(self, play):
        customer = (270.0, 190.0, 390.0, 320.0)

        def busy(t):
            if t > 120 and t % 60 < 50:
                return [("person", customer)]
            return [("stall", STALL), ("person", VENDOR)]

        assert [s.phase for s in play("street_vending").run(busy, 600)] == [Phase.STARTED]

    def test_permit_makes_it_lawful(self, play):
        zone = {"permits": [{"hours": [{"from": "06:00", "to": "13:00"}]}]}
        things = script(("stall", STALL), ("person", VENDOR))
        assert play("street_vending", zone=zone).run(things, 300) == []

    def test_dwell_begins_when_the_permit_ends(self, play):
        zone = {"permits": [{"hours": [{"from": "06:00", "to": "12:05"}]}]}
        things = script(("stall", STALL), ("person", VENDOR))
        sightings = play("street_vending", zone=zone).run(things, 500)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s == pytest.approx(364, abs=5)

    def test_open_incident_ends_when_it_becomes_lawful(self, play):
        zone = {"permits": [{"hours": [{"from": "12:05", "to": "13:00"}]}]}
        things = script(("stall", STALL), ("person", VENDOR))
        sightings = play("street_vending", zone=zone).run(things, 500)
        assert [s.phase for s in sightings] == [Phase.STARTED, Phase.ENDED]

    def test_restart(self, play):
        things = script(("stall", STALL), ("person", VENDOR), begin=0)
        first = play("street_vending").run(things, 120)
        later = datetime.fromisoformat("2026-03-02T12:04:00+00:00")
        assert play("street_vending", start=later, restored=first).run(things, 300) == []

    def test_needs_no_stall_class(self, play):
        settings = {"use_novelty": False}
        things = script(("novel", STALL), ("person", VENDOR))
        assert play("street_vending", **settings).run(things, 120) == []


class TestLookBack:
    """Who set it up is looked for once, where it is sure that something new stands there."""

    NEW = staticmethod(script(("stall", STALL), ("person", VENDOR), begin=20))

    def asked(self, view):
        return [s.look_back for s in view.judged[-1].suspicions]

    def test_a_new_stall_asks_and_knows_the_last_picture_without_it(self, play):
        view = play("street_vending")
        view.run(self.NEW, 40, fps=0.2)
        (claim,) = view.judged[-1].suspicions
        assert claim.look_back
        assert claim.absent_s == 15.0

    @pytest.mark.parametrize(
        "things",
        [
            pytest.param(script(("stall", STALL), ("person", VENDOR), begin=0), id="always there"),
            pytest.param(script(("stall", STALL), begin=20), id="nobody at it"),
            pytest.param(
                script(("stall", STALL, 0.3), ("person", VENDOR), begin=20), id="hardly seen"
            ),
        ],
    )
    def test_nothing_is_asked(self, play, things):
        view = play("street_vending")
        view.run(things, 40, fps=0.2)
        assert self.asked(view) == [False]

    def test_a_site_may_switch_it_off(self, play):
        view = play("street_vending", look_back=False)
        view.run(self.NEW, 40, fps=0.2)
        assert self.asked(view) == [False]

    def test_an_act_is_taken_up_once_and_dates_the_stall(self, play):
        view = play("street_vending", dwell_s=60)
        view.run(self.NEW, 40, fps=0.2)
        view.acts = [Act(STALL, 16.5, view.judged[-1].suspicions[0].key, "person", 14.0)]
        sightings = view.run(self.NEW, 120, from_s=41)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].started_s == pytest.approx(16.5)
        assert "set_up_seen" in {r.code for r in sightings[0].reasons}
        assert self.asked(view) == [False]

    def test_the_act_of_a_bag_beside_it_is_not_the_stall_s(self, play):
        view = play("street_vending")
        view.run(self.NEW, 40, fps=0.2)
        view.acts = [Act(STALL, 16.5, ClaimKey("garbage", "z", "v1"), "person", 14.0)]
        view.run(self.NEW, 60, from_s=41)
        (claim,) = view.judged[-1].suspicions
        assert claim.since_s == 20.0
        assert claim.look_back
