"""Missing helmet: a bare head on a person in a clear share of the looks; one per zone, visit."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipeline.types import Phase

BODY = (300.0, 100.0, 360.0, 280.0)
HEAD = (318.0, 100.0, 342.0, 126.0)
IN_HAND = (352.0, 190.0, 376.0, 214.0)
ON_WALL = (500.0, 60.0, 524.0, 84.0)


def move(box, dx, dy=0.0):
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def worker(head="bare_head", begin=5.0, end=1e9, dx=0.0):
    def script(t):
        if not begin <= t < end:
            return []
        return [("person", move(BODY, dx)), (head, move(HEAD, dx))]

    return script


def both(*scripts):
    return lambda t: [thing for script in scripts for thing in script(t)]


class TestMissingHelmet:
    def test_bare_head_fires(self, play):
        sightings = play("missing_helmet").run(worker(), 20)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s <= 5 + 2 + 5
        assert sightings[0].measures["people_bare"] == 1

    @pytest.mark.parametrize(
        "extra",
        [
            pytest.param([], id="on the head"),
            pytest.param([("helmet", ON_WALL)], id="and one on the wall"),
        ],
    )
    def test_helmet_does_not_fire(self, play, extra):
        script = both(worker("helmet"), lambda t: extra)
        assert play("missing_helmet").run(script, 60) == []

    @pytest.mark.parametrize("where", [IN_HAND, ON_WALL])
    def test_a_helmet_elsewhere_protects_nobody(self, play, where):
        script = both(worker(), lambda t: [("helmet", where)])
        assert [s.phase for s in play("missing_helmet").run(script, 20)] == [Phase.STARTED]

    def test_a_few_mistaken_looks_do_not_fire(self, play):
        def mostly(t):
            return worker("bare_head" if round(t) % 4 == 0 else "helmet")(t)

        assert play("missing_helmet").run(mostly, 60) == []

    def test_a_helmet_mistaken_now_and_then_still_fires(self, play):
        def mostly(t):
            return worker("helmet" if round(t) % 6 == 0 else "bare_head")(t)

        assert [s.phase for s in play("missing_helmet").run(mostly, 60)] == [Phase.STARTED]

    def test_taking_it_off_fires_soon(self, play):
        script = both(worker("helmet", end=30), worker("bare_head", begin=30))
        sightings = play("missing_helmet").run(script, 60)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s <= 30 + 2 + 10

    def test_a_fast_look_that_begins_with_the_helmet_on_decides_soon(self, play):
        """Two seconds of it show the helmet; they must not be outvoted for as long again."""

        def taken_off(t):
            return worker("helmet" if t < 12 else "bare_head")(t)

        sightings = play("missing_helmet").run(taken_off, 30, fps=8)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s <= 12 + 3.5

    def test_a_second_of_mistaken_looks_does_not_fire(self, play):
        def turned(t):
            return worker("bare_head" if 12 <= t < 13.5 else "helmet")(t)

        assert play("missing_helmet").run(turned, 30, fps=8) == []

    def test_head_turned_away_counts_neither_way(self, play):
        def turned(t):
            things = worker()(t)
            return things[:1] if 6 <= t < 9 else things

        assert [s.phase for s in play("missing_helmet").run(turned, 20)] == [Phase.STARTED]

    def test_outside_the_zone_does_not_fire(self, play):
        zone = {"polygon": [[0, 0], [0.3, 0], [0.3, 1], [0, 1]]}
        assert play("missing_helmet", zone=zone).run(worker(), 60) == []

    def test_a_head_without_a_body_counts(self, play):
        def head_only(t):
            return [("bare_head", HEAD)] if t > 5 else []

        assert [s.phase for s in play("missing_helmet").run(head_only, 20)] == [Phase.STARTED]

    def test_a_helmeted_head_without_a_body_does_not(self, play):
        assert play("missing_helmet").run(lambda t: [("helmet", HEAD)], 60) == []

    def test_two_people_are_one_incident_of_the_site(self, play):
        script = both(worker(), worker(dx=150, begin=8))
        sightings = play("missing_helmet", update_every_s=5).run(script, 60)
        assert len({s.sighting_id for s in sightings}) == 1
        assert sightings[-1].measures["people_bare"] == 2

    def test_heads_in_a_group_go_to_their_own_bodies(self, play):
        def group(t):
            return [
                ("person", BODY),
                ("helmet", HEAD),
                ("person", move(BODY, 20, 30)),
                ("bare_head", move(HEAD, 20, 30)),
            ]

        view = play("missing_helmet")
        view.run(group, 20)
        subjects = {s.subject for j in view.judged for s in j.suspicions}
        assert len(subjects) == 1

    def test_fires_once_and_ends_with_the_visit(self, play):
        sightings = play("missing_helmet").run(worker(end=60), 200)
        assert [s.phase for s in sightings] == [Phase.STARTED, Phase.ENDED]

    def test_the_next_visit_is_another_incident(self, play):
        script = both(worker(end=30), worker(begin=600, end=630))
        sightings = play("missing_helmet").run(script, 720)
        assert [s.phase for s in sightings] == [Phase.STARTED, Phase.ENDED] * 2
        assert len({s.sighting_id for s in sightings}) == 2

    @pytest.mark.parametrize("fps", [25.0, 5.0, 1.0, 0.5])
    def test_every_rate(self, play, fps):
        sightings = play("missing_helmet").run(worker(), 30, fps=fps)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].timestamp_s <= 5 + 2 + 10

    def test_gap_in_the_track(self, play):
        script = both(worker(end=7), worker(begin=9))
        assert [s.phase for s in play("missing_helmet").run(script, 30)] == [Phase.STARTED]

    def test_a_first_bare_look_asks_for_attention(self, play):
        view = play("missing_helmet")
        view.run(worker(begin=0), 0)
        assert [w.topic.type for w in view.judged[-1].wants] == ["missing_helmet"]

    def test_schedule(self, play):
        zone = {"schedule": [{"days": ["sun"]}]}
        assert play("missing_helmet", zone=zone).run(worker(), 60) == []

    def test_restart(self, play):
        first = play("missing_helmet").run(worker(), 20)
        later = datetime.fromisoformat("2026-03-02T12:00:40+00:00")
        assert play("missing_helmet", start=later, restored=first).run(worker(begin=0), 60) == []
