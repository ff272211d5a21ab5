"""Crowding: number or density, held; level, trend and peak; queues only if the settings say."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipeline.rules.crowding import CrowdingRule
from pipeline.rules.settings import CrowdingSettings
from pipeline.types import CrowdCount, Phase, Scene, ViewKey
from pipeline.zones import Zone


def people(number, columns=8):
    return [
        ("person", (20.0 + 60 * (i % columns), 10.0 + 70 * (i // columns),
                    40.0 + 60 * (i % columns), 70.0 + 70 * (i // columns)))
        for i in range(number)
    ]  # fmt: skip


def crowd(number, begin=10.0, end=1e9, before=3):
    return lambda t: people(number if begin <= t < end else before)


class TestCrowding:
    def test_fires_when_held(self, play):
        sightings = play("crowding", people=12, dwell_s=10).run(crowd(16), 60)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert 20 <= sightings[0].timestamp_s <= 30
        assert sightings[0].measures["people"] == 16

    def test_below_the_limit_does_not_fire(self, play):
        assert play("crowding", people=12).run(crowd(11), 100) == []

    def test_a_short_rush_does_not_fire(self, play):
        assert play("crowding", people=12, dwell_s=10).run(crowd(16, end=18), 100) == []

    def test_outside_the_zone_does_not_count(self, play):
        zone = {"polygon": [[0, 0], [0.1, 0], [0.1, 1], [0, 1]]}
        assert play("crowding", zone=zone, people=12).run(crowd(16), 100) == []

    def test_density(self, play):
        dense = {"people": None, "density_per_m2": 2.0}
        assert play("crowding", **dense, area_m2=10).run(crowd(16), 60) == []
        sightings = play("crowding", **dense, area_m2=5).run(crowd(16), 60)
        assert sightings[0].measures["density_per_m2"] == pytest.approx(3.2)

    def test_fires_once_and_ends(self, play):
        sightings = play("crowding", people=12).run(crowd(16, end=100), 200)
        assert [s.phase for s in sightings] == [Phase.STARTED, Phase.ENDED]

    def test_flicker_at_the_limit_is_one_incident(self, play):
        def flickering(t):
            return people(12 + (round(t) % 4) if t >= 10 else 3)

        assert [s.phase for s in play("crowding", people=13).run(flickering, 300)] == [
            Phase.STARTED
        ]

    @pytest.mark.parametrize("fps", [25.0, 5.0, 1.0, 0.5])
    def test_same_second_at_every_rate(self, play, fps):
        sightings = play("crowding", people=12, dwell_s=10).run(crowd(16), 40, fps=fps)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s == pytest.approx(20, abs=1 / fps)

    def test_one_missed_picture_does_not_restart_the_dwell(self, play):
        def blinking(t):
            return people(3 if t == 15 else 16) if t >= 10 else []

        sightings = play("crowding", people=12, dwell_s=10).run(blinking, 60)
        assert sightings[0].timestamp_s <= 25

    def test_time_without_pictures_is_no_dwell(self, play):
        view = play("crowding", people=12, dwell_s=30)
        assert view.run(crowd(16), 20) == []
        assert view.run(crowd(16), 310, from_s=300) == []

    def test_growth_is_an_update_with_a_higher_level(self, play):
        def growing(t):
            return people(14 if t < 60 else 30)

        sightings = play("crowding", people=12, update_every_s=5).run(growing, 120)
        assert [s.phase for s in sightings] == [Phase.STARTED, Phase.UPDATED]
        assert sightings[1].measures["level"] == 3
        assert sightings[1].severity == 4
        assert sightings[1].measures["peak"] == 30

    def test_trend(self, play):
        def growing(t):
            return people(12 + int(t // 6))

        view = play("crowding", people=10)
        view.run(growing, 60)
        trend = view.judged[-1].suspicions[0].measures["trend_per_min"]
        assert trend == pytest.approx(10, abs=1)

    def test_a_queue_is_no_crowd_if_the_settings_say_so(self, play):
        def queue(t):
            return [("person", (10.0 + 30 * i, 100.0, 30.0 + 30 * i, 170.0)) for i in range(16)]

        assert play("crowding", people=12).run(queue, 60) != []
        assert play("crowding", people=12, ignore_queues=True).run(queue, 60) == []
        assert play("crowding", people=12, ignore_queues=True).run(crowd(16), 60) != []

    def test_schedule(self, play):
        zone = {"schedule": [{"from": "22:00", "to": "06:00"}]}
        assert play("crowding", zone=zone, people=12).run(crowd(16), 60) == []

    def test_permit(self, play):
        zone = {"permits": [{"types": ["crowding"], "hours": [{"from": "10:00", "to": "14:00"}]}]}
        assert play("crowding", zone=zone, people=12).run(crowd(16), 60) == []

    def test_restart(self, play):
        first = play("crowding", people=12).run(crowd(16), 60)
        later = datetime.fromisoformat("2026-03-02T12:02:00+00:00")
        again = play("crowding", people=12, start=later, restored=first)
        assert again.run(crowd(16, begin=0), 100) == []

    def test_a_counted_density_is_preferred_to_boxes(self):
        zone = Zone.model_validate({"id": "z", "rules": [{"type": "crowding"}]})
        rule = CrowdingRule(CrowdingSettings(people=50, dwell_s=0), zone)
        scene = Scene(
            ViewKey("c"),
            0.0,
            datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
            (640, 360),
            (),
            counts=(CrowdCount("z", 80.0, "density"),),
        )
        claim = rule.update(scene)[0]
        assert claim.measures["people"] == 80
        assert claim.reasons[0].detail["method"] == "density"
