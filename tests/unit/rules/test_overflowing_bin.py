"""Overflowing bin: full for longer than the dwell, in a clear share of the looks."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipeline.types import Phase

BIN = (300.0, 200.0, 360.0, 300.0)


def full(begin=10.0, end=1e9):
    return lambda t: [("overflowing_bin" if begin <= t < end else "bin", BIN)]


class TestOverflowingBin:
    def test_fires_after_the_dwell(self, play):
        sightings = play("overflowing_bin", dwell_s=60).run(full(), 100)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert 70 <= sightings[0].timestamp_s <= 80

    def test_a_closed_bin_does_not_fire(self, play):
        assert play("overflowing_bin").run(full(begin=1e9), 300) == []

    def test_emptied_before_the_dwell_does_not_fire(self, play):
        assert play("overflowing_bin", dwell_s=60).run(full(end=60), 200) == []

    def test_called_full_now_and_then_does_not_fire(self, play):
        def doubtful(t):
            return full()(t) if round(t) % 3 == 0 else full(begin=1e9)(t)

        assert play("overflowing_bin", dwell_s=30).run(doubtful, 300) == []

    def test_fires_once_and_ends_when_emptied(self, play):
        sightings = play("overflowing_bin", dwell_s=60).run(full(end=200), 400)
        assert [s.phase for s in sightings] == [Phase.STARTED, Phase.ENDED]

    @pytest.mark.parametrize("fps", [25.0, 1.0, 0.5])
    def test_same_second_at_every_rate(self, play, fps):
        sightings = play("overflowing_bin", dwell_s=30).run(full(), 60, fps=fps)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s == pytest.approx(40, abs=1 / fps)

    def test_first_sight_is_worth_a_look(self, play):
        """At glances of 10 s a bin would else begin to stand at the second one only."""
        view = play("overflowing_bin", dwell_s=30)
        view.run(full(), 10, fps=0.1)
        assert [w.topic.type for w in view.judged[-1].wants] == ["overflowing_bin"]

    def test_gap_in_the_track(self, play):
        def blinking(t):
            return [] if 30 <= t < 35 else full()(t)

        sightings = play("overflowing_bin", dwell_s=60).run(blinking, 120)
        assert [s.phase for s in sightings] == [Phase.STARTED]

    def test_schedule(self, play):
        zone = {"schedule": [{"days": ["sat"]}]}
        assert play("overflowing_bin", zone=zone, dwell_s=30).run(full(), 100) == []

    def test_permit(self, play):
        hours = [{"from": "11:00", "to": "13:00"}]
        zone = {"permits": [{"types": ["overflowing_bin"], "hours": hours}]}
        assert play("overflowing_bin", zone=zone, dwell_s=30).run(full(), 100) == []

    def test_restart(self, play):
        first = play("overflowing_bin", dwell_s=60).run(full(), 100)
        later = datetime.fromisoformat("2026-03-02T12:03:00+00:00")
        again = play("overflowing_bin", dwell_s=60, start=later, restored=first)
        assert again.run(full(begin=0), 200) == []
