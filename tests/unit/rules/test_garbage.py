"""Garbage: fires after the dwell, once, at any rate of pictures, and ends when seen gone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from pipeline.types import Act, ClaimKey, Phase

BAG = (300.0, 300.0, 340.0, 340.0)
PERSON = (290.0, 200.0, 350.0, 350.0)
CAR = (345.0, 220.0, 545.0, 345.0)


def move(box, dx, dy=0.0):
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def bag(begin=10.0, end=1e9):
    return lambda t: [("garbage", BAG)] if begin <= t < end else []


class TestGarbage:
    def test_fires_after_the_dwell(self, play):
        sightings = play("garbage", dwell_s=60).run(bag(), 120)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert 70 <= sightings[0].timestamp_s <= 80
        assert sightings[0].started_s == pytest.approx(10)

    def test_says_why(self, play):
        sighting = play("garbage").run(bag(), 120)[0]
        weights = {r.code: r.weight for r in sighting.reasons}
        assert weights["garbage_seen"] > 0
        assert weights["stands_still"] > 0
        assert sum(weights.values()) == pytest.approx(sighting.confidence, abs=0.02)

    def test_does_not_fire_before_the_dwell(self, play):
        assert play("garbage", dwell_s=60).run(bag(10, 65), 200) == []

    def test_a_bag_carried_through_does_not_fire(self, play):
        def carried(t):
            return [("garbage", move(BAG, -300 + 8 * t)), ("person", move(PERSON, -300 + 8 * t))]

        assert play("garbage", dwell_s=20).run(carried, 80, fps=5) == []

    def test_outside_the_zone_does_not_fire(self, play):
        corner = {"polygon": [[0, 0], [0.2, 0], [0.2, 0.2], [0, 0.2]]}
        assert play("garbage", zone=corner).run(bag(), 200) == []

    def test_at_a_bin_it_belongs_to_the_bin(self, play):
        def at_bin(t):
            return [*bag()(t), ("bin", (290.0, 280.0, 350.0, 350.0))]

        assert play("garbage").run(at_bin, 200) == []
        assert play("garbage", ignore_at_bins=False).run(at_bin, 200) != []

    @pytest.mark.parametrize("fps", [1.0, 5.0, 0.1])
    def test_what_flickers_unsurely_does_not_fire(self, play, fps):
        """A third of the pictures shows the place without it, and nobody stands before it."""

        def flickering(t):
            return [("garbage", BAG, 0.4)] if t % 30 < 20 else []

        def steady(t):
            return [("garbage", BAG, 0.4)]

        assert play("garbage", open_at=0.5).run(flickering, 600, fps=fps) == []
        assert len(play("garbage", open_at=0.5).run(steady, 600, fps=fps)) == 1

    @pytest.mark.parametrize("fps", [1.0, 5.0, 8.0])
    @pytest.mark.parametrize("fires", [True, False])
    def test_pictures_without_it_weigh_as_much_at_every_pace(self, play, fps, fires):
        """Every fifth picture misses it, or four of five do."""

        def seen(t):
            number = round(t * fps)
            misses = number % 5 == 0 if fires else number % 5 != 0
            return [] if misses else [("garbage", BAG, 0.5)]

        found = play("garbage", dwell_s=20, open_at=0.5).run(seen, 300, fps=fps)
        assert bool(found) is fires

    def test_before_a_bin_on_the_ground_it_counts(self, play):
        def before_it(t):
            return [*bag()(t), ("bin", (280.0, 200.0, 360.0, 338.0))]

        assert len(play("garbage").run(before_it, 200)) == 1

    def test_a_bin_by_another_name_is_a_bin(self, play):
        def twice(t):
            return [*bag()(t), ("bin", (298.0, 296.0, 342.0, 341.0))]

        assert play("garbage").run(twice, 200) == []

    def test_a_bin_that_was_hardly_seen_silences_nothing(self, play):
        """A heap that was once called a bin, unsurely, is still a heap."""

        def once_a_bin(t):
            bin_ = ("overflowing_bin", (290.0, 280.0, 350.0, 350.0), 0.4)
            return [*bag()(t), *([bin_] if t <= 12 else [])]

        assert play("garbage", dwell_s=30).run(once_a_bin, 100) != []

    def test_fires_once_and_ends_when_seen_gone(self, play):
        sightings = play("garbage").run(bag(10, 200), 400)
        assert [s.phase for s in sightings] == [Phase.STARTED, Phase.ENDED]
        ended_at = sightings[1].ended_at
        assert ended_at is not None
        assert (ended_at - sightings[1].started_at).total_seconds() == pytest.approx(190, abs=1)

    @pytest.mark.parametrize("fps", [25.0, 5.0, 1.0, 0.5])
    def test_same_second_at_every_rate(self, play, fps):
        sightings = play("garbage", dwell_s=30).run(bag(10, 1e9), 60, fps=fps)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s == pytest.approx(40, abs=1 / fps)

    def test_glances_of_ten_seconds_confirm_after_min_looks(self, play):
        sightings = play("garbage", dwell_s=30).run(bag(10), 100, fps=0.1)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s == pytest.approx(40)

    def test_a_first_sight_asks_for_a_short_slow_look(self, play):
        view = play("garbage", dwell_s=60)
        view.run(bag(), 30, fps=0.1)
        wants = view.judged[-3].wants
        assert [(w.topic.type, w.look_fps, w.look_s) for w in wants] == [("garbage", 1.0, 2.5)]
        assert view.judged[0].wants == ()

    def test_a_dwell_about_to_end_asks_for_a_slow_look(self, play):
        view = play("garbage", dwell_s=35)
        view.run(bag(), 40, fps=0.1)
        assert [(w.look_fps, w.look_s) for w in view.judged[-1].wants] == [(1.0, 7.0)]

    def test_gap_in_the_track(self, play):
        def blinking(t):
            return [] if 30 <= t < 36 else bag()(t)

        sightings = play("garbage", dwell_s=60).run(blinking, 120)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s <= 80

    def test_time_without_pictures_is_no_dwell(self, play):
        view = play("garbage", dwell_s=60)
        view.run(bag(), 30)
        assert view.run(bag(), 620, from_s=600) == []
        assert [s.phase for s in view.run(bag(), 720, from_s=621)] == [Phase.STARTED]

    def test_people_in_front_do_not_end_it(self, play):
        def crowded(t):
            people = [("person", PERSON)] if 90 <= t < 300 else []
            return people if people else bag()(t)

        assert [s.phase for s in play("garbage").run(crowded, 400)] == [Phase.STARTED]

    def test_offline_does_not_end_it(self, play):
        view = play("garbage")
        assert [s.phase for s in view.run(bag(), 120)] == [Phase.STARTED]
        assert view.run(bag(), 2000, from_s=1900) == []

    def test_schedule(self, play):
        zone = {"schedule": [{"from": "08:00", "to": "11:00"}]}
        assert play("garbage", zone=zone).run(bag(), 200) == []

    def test_permit(self, play):
        zone = {"permits": [{"types": ["garbage"], "hours": [{"from": "11:00", "to": "13:00"}]}]}
        assert play("garbage", zone=zone).run(bag(), 200) == []

    def test_dwell_begins_when_the_permit_ends(self, play):
        zone = {"permits": [{"types": ["garbage"], "hours": [{"from": "11:00", "to": "12:05"}]}]}
        sightings = play("garbage", zone=zone, dwell_s=60).run(bag(), 500)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s == pytest.approx(360, abs=2)

    def test_restart_goes_on_with_the_same_sighting(self, play):
        first = play("garbage").run(bag(), 120)
        later = datetime.fromisoformat("2026-03-02T12:05:00+00:00")
        again = play("garbage", start=later, restored=first)
        assert again.run(bag(0, 200), 150) == []
        ended = again.run(bag(0, 200), 300, from_s=151)
        assert [(s.phase, s.sighting_id) for s in ended] == [(Phase.ENDED, first[0].sighting_id)]
        assert ended[0].sequence == 1
        assert ended[0].ended_at == later + timedelta(seconds=200)

    def test_two_bags_side_by_side_are_one_happening(self, play):
        def pile(t):
            return [*bag()(t), *([("garbage", move(BAG, 50))] if t > 30 else [])]

        assert [s.phase for s in play("garbage").run(pile, 200)] == [Phase.STARTED]

    def test_two_places_are_two_happenings(self, play):
        def apart(t):
            return [*bag()(t), ("garbage", move(BAG, 250))]

        ids = {s.sighting_id for s in play("garbage").run(apart, 200)}
        assert len(ids) == 2


class TestDumping:
    def dump(self, leave_s=16.0):
        def script(t):
            if t < 10:
                return [("person", move(PERSON, -200 + 20 * t))]
            if t < leave_s:
                return [("person", PERSON), ("garbage", BAG)]
            return [("garbage", BAG), *self.walking(t - leave_s)]

        return script

    def walking(self, after_s):
        x = 30 * after_s
        return [("person", move(PERSON, x))] if x < 280 else []

    def test_who_left_it_is_noted_and_the_dwell_is_shorter(self, play):
        sightings = play("garbage", dwell_s=120, dumping_dwell_s=20).run(self.dump(), 80, fps=5)
        assert [(s.phase, s.subtype) for s in sightings] == [(Phase.STARTED, "dumping")]
        assert 36 <= sightings[0].timestamp_s <= 50
        assert sightings[0].severity == 3
        assert "left_by" in {r.code for r in sightings[0].reasons}

    def test_while_its_owner_stays_it_is_luggage(self, play):
        sightings = play("garbage", dwell_s=30).run(self.dump(leave_s=300), 98, fps=5)
        assert sightings == []

    @pytest.mark.parametrize("came_s", [0, 20])
    def test_a_parked_car_beside_it_is_not_its_owner(self, play, came_s):
        """Bags are dumped between parked cars; the car stays for the night."""

        def script(t):
            car = [("car", move(CAR, -300 + 60 * min(t - came_s, 5)) if came_s else CAR)]
            return [*(car if t >= came_s else []), *bag(110)(t)]

        sightings = play("garbage", dwell_s=30).run(script, 200)
        assert [(s.phase, s.subtype) for s in sightings] == [(Phase.STARTED, None)]
        assert sightings[0].timestamp_s <= 150

    def test_a_heap_that_is_also_called_a_vehicle_is_not_its_own_owner(self, play):
        def script(t):
            return [("garbage", BAG), ("tricycle", BAG, 0.6)] if t >= 20 else []

        sightings = play("garbage", dwell_s=30).run(script, 100)
        assert [(s.phase, s.subtype) for s in sightings] == [(Phase.STARTED, None)]
        assert sightings[0].timestamp_s <= 60

    def test_a_van_that_has_just_come_is_its_owner_until_it_leaves(self, play):
        def script(t):
            way = -300 + 60 * min(t - 20, 5) if t < 60 else -60 * (t - 60)
            van = [("truck_bus", move(CAR, way))] if 20 <= t < 65 else []
            return [*van, *bag(35)(t)]

        sightings = play("garbage", dwell_s=120, dumping_dwell_s=20).run(script, 120)
        assert [(s.phase, s.subtype) for s in sightings] == [(Phase.STARTED, "dumping")]
        assert 78 <= sightings[0].timestamp_s <= 90

    def test_there_from_the_start_nobody_is_blamed(self, play):
        def script(t):
            return [("garbage", BAG), *([("person", PERSON)] if t < 5 else [])]

        sightings = play("garbage", dwell_s=30).run(script, 80, fps=5)
        assert [(s.phase, s.subtype) for s in sightings] == [(Phase.STARTED, None)]


class TestLookBack:
    """What a claim says of the time before it: where the look-back may begin."""

    def test_a_claim_knows_the_last_picture_without_it(self, play):
        view = play("garbage", dwell_s=60)
        view.run(bag(15), 60, fps=0.1)
        claims = [s for s in view.judged[-1].suspicions if s.look_back]
        assert [(s.since_s, s.absent_s) for s in claims] == [(20.0, 10.0)]

    def test_a_picture_in_which_somebody_hides_the_place_does_not_count(self, play):
        def script(t):
            return [("person", PERSON)] if t == 20 else bag(25)(t)

        view = play("garbage", dwell_s=60)
        view.run(script, 60, fps=0.1)
        claims = [s for s in view.judged[-1].suspicions if s.look_back]
        assert [(s.since_s, s.absent_s) for s in claims] == [(30.0, 10.0)]

    def test_what_was_there_from_the_start_has_no_such_picture(self, play):
        view = play("garbage", dwell_s=60, watched_before_s=0)
        view.run(bag(0), 30, fps=0.1)
        assert {s.absent_s for s in view.judged[-1].suspicions} == {None}

    def test_the_act_of_a_stall_beside_it_is_not_the_bag_s(self, play):
        view = play("garbage", dwell_s=60)
        view.run(bag(15), 30)
        view.acts = [Act(BAG, 12.0, ClaimKey("street_vending", "z", "g1"), "person", 11.0)]
        view.run(bag(15), 40, from_s=31)
        (claim,) = view.judged[-1].suspicions
        assert claim.since_s == 15.0
        assert claim.look_back
