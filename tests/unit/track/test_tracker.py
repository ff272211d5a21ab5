"""The tracker: ids that hold over glances, things that stand still, things that are hidden."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detections import Detections
from pipeline.track import Tracker, TrackerSettings
from pipeline.types import TrackState

LABELS = ("person", "garbage", "car", "truck_bus")
BAG = (300.0, 300.0, 340.0, 340.0)


def found(*rows):
    return Detections(
        np.array([r[1] for r in rows], np.float32).reshape(-1, 4),
        np.array([r[2] if len(r) > 2 else 0.8 for r in rows], np.float32),
        np.array([LABELS.index(r[0]) for r in rows], np.int32),
    )


def move(box, dx, dy=0.0):
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def walk(tracker, speed, step_s, until_s=6.0, box=(0.0, 100.0, 40.0, 220.0)):
    """Ids of one person who walks; speed in pixels per second."""
    times = np.arange(0, until_s, step_s)
    return [
        tracker.update(found(("person", move(box, speed * t))), float(t))[0].track_id for t in times
    ]


class TestIdentity:
    @pytest.mark.parametrize("step_s", [0.04, 0.2, 0.5, 1.0])
    def test_a_walker_keeps_its_id(self, step_s):
        # About 0.8 body heights a second: 1.4 m/s.
        assert len(set(walk(Tracker(LABELS), 96.0, step_s))) == 1

    def test_irregular_glances(self):
        tracker = Tracker(LABELS)
        ids = set()
        for t in [0.0, 0.5, 0.54, 0.58, 1.5, 2.6, 2.7, 4.0]:
            box = move((0.0, 100.0, 40.0, 220.0), 80 * t)
            ids.add(tracker.update(found(("person", box)), t)[0].track_id)
        assert len(ids) == 1

    def test_two_walkers_do_not_swap_ids(self):
        tracker = Tracker(LABELS)
        for i in range(20):
            t = 0.2 * i
            tracks = tracker.update(
                found(
                    ("person", (30.0 + 50 * t, 100.0, 70.0 + 50 * t, 220.0)),
                    ("person", (330.0 - 50 * t, 150.0, 370.0 - 50 * t, 270.0)),
                ),
                t,
            )
        assert [t.track_id for t in tracks] == [1, 2]
        assert tracks[0].xyxy[1] == 100

    def test_ids_belong_to_the_instance(self):
        one, two = Tracker(LABELS), Tracker(LABELS)
        first = one.update(found(("garbage", BAG)), 0.0)[0].track_id
        second = two.update(found(("garbage", BAG)), 0.0)[0].track_id
        assert first == second == 1

    def test_classes_do_not_mix(self):
        tracker = Tracker(LABELS)
        tracker.update(found(("person", BAG)), 0.0)
        tracks = tracker.update(found(("garbage", BAG)), 0.2)
        assert {t.label for t in tracks} == {"person", "garbage"}
        assert len({t.track_id for t in tracks}) == 2

    def test_kin_classes_are_one_track_with_a_vote(self):
        tracker = Tracker(LABELS)
        for i, label in enumerate(["car", "truck_bus", "car", "car"]):
            tracks = tracker.update(found((label, BAG)), 0.5 * i)
        assert [(t.track_id, t.label) for t in tracks] == [(1, "car")]

    def test_far_away_is_another_thing(self):
        tracker = Tracker(LABELS)
        tracker.update(found(("person", BAG)), 0.0)
        tracks = tracker.update(found(("person", move(BAG, 250))), 0.2)
        assert len({t.track_id for t in tracks}) == 2

    def test_much_larger_is_another_thing(self):
        tracker = Tracker(LABELS)
        tracker.update(found(("person", BAG)), 0.0)
        tracks = tracker.update(found(("person", (200.0, 200.0, 440.0, 440.0))), 0.2)
        assert len({t.track_id for t in tracks}) == 2

    def test_unsure_detections_carry_on_but_do_not_begin(self):
        tracker = Tracker(LABELS)
        assert tracker.update(found(("person", BAG, 0.15)), 0.0) == ()
        tracker.update(found(("person", BAG, 0.8)), 0.2)
        tracks = tracker.update(found(("person", BAG, 0.15)), 0.4)
        assert [(t.track_id, t.hits) for t in tracks] == [(1, 2)]

    def test_a_step_back_in_time_is_a_new_session(self):
        tracker = Tracker(LABELS)
        tracker.update(found(("garbage", BAG)), 100.0)
        tracks = tracker.update(found(("garbage", BAG)), 5.0)
        assert [(t.track_id, t.first_seen_s) for t in tracks] == [(2, 5.0)]


class TestStill:
    @pytest.mark.parametrize("step_s", [0.04, 0.5, 2.0, 10.0])
    def test_a_standing_thing_is_still_since_it_came(self, step_s):
        tracker, rng = Tracker(LABELS), np.random.default_rng(0)
        for t in np.arange(0, max(4.0, 3 * step_s), step_s):
            box = move(BAG, *rng.normal(0, 2, 2))
            tracks = tracker.update(found(("garbage", box)), float(t))
        assert [(t.track_id, t.still_since_s) for t in tracks] == [(1, 0.0)]

    @pytest.mark.parametrize("step_s", [0.04, 0.5, 1.0])
    def test_a_walker_is_not(self, step_s):
        tracker = Tracker(LABELS)
        for t in np.arange(0, 4, step_s):
            box = move((0.0, 100.0, 40.0, 220.0), 96 * t)
            tracks = tracker.update(found(("person", box)), float(t))
        assert tracks[0].still_since_s is None

    def test_one_box_aside_is_noise(self):
        tracker = Tracker(LABELS)
        for i in range(20):
            dx = 25.0 if i == 10 else 0.0
            tracks = tracker.update(found(("garbage", move(BAG, dx))), 0.5 * i)
        assert tracks[0].still_since_s == 0.0

    def test_moved_elsewhere_is_still_since_then(self):
        tracker = Tracker(LABELS)
        for i in range(40):
            dx = 40.0 if i >= 20 else 0.0
            tracks = tracker.update(found(("garbage", move(BAG, dx))), 0.5 * i)
        assert tracks[0].still_since_s == 10.0

    def test_half_hidden_is_still_there(self):
        tracker = Tracker(LABELS)
        for i in range(20):
            box = (300.0, 300.0, 340.0, 318.0) if 8 <= i < 14 else BAG
            tracks = tracker.update(found(("garbage", box)), 0.5 * i)
        assert [(t.track_id, t.still_since_s) for t in tracks] == [(1, 0.0)]


class TestLost:
    def test_states(self):
        tracker = Tracker(LABELS)
        states = [tracker.update(found(("person", BAG)), 0.2 * i)[0].state for i in range(2)]
        lost = tracker.update(found(), 0.6)[0]
        assert [*states, lost.state] == list(TrackState)
        assert lost.last_seen_s == pytest.approx(0.2)

    def test_a_hidden_bag_is_found_again(self):
        tracker = Tracker(LABELS)
        for t in itertools.chain(range(10), range(60, 62)):
            tracks = tracker.update(found(("garbage", BAG)), float(t))
        assert [(t.track_id, t.still_since_s) for t in tracks] == [(1, 0.0)]

    def test_a_walker_who_left_is_forgotten(self):
        tracker = Tracker(LABELS)
        walk(tracker, 96.0, 0.2)
        assert tracker.update(found(), 6.0) != ()
        assert tracker.update(found(), 20.0) == ()

    def test_a_single_false_box_is_forgotten_soon(self):
        tracker = Tracker(LABELS)
        tracker.update(found(("person", BAG)), 0.0)
        assert tracker.update(found(), 1.5) == ()


finite = st.floats(-50, 700, width=32)
rows = st.lists(
    st.tuples(st.sampled_from(LABELS), st.tuples(finite, finite, finite, finite)), max_size=6
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(rows, st.floats(0, 15)), max_size=15))
def test_whatever_the_boxes_ids_are_unique_and_times_in_order(steps):
    tracker, now_s = Tracker(LABELS), 0.0
    for things, after_s in steps:
        now_s += after_s
        tracks = tracker.update(found(*things), now_s)
        assert len({t.track_id for t in tracks}) == len(tracks)
        for track in tracks:
            assert track.first_seen_s <= track.last_seen_s <= now_s
            assert track.still_since_s is None or track.still_since_s >= track.first_seen_s


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(rows, st.floats(0.05, 8)), max_size=12), st.sampled_from([0.25, 8.0]))
def test_scaling_all_times_changes_no_id(steps, by):
    def ids(scale):
        usual = TrackerSettings()
        timed = ("tentative_lost_s", "moving_lost_s", "still_lost_s", "reach_s", "still_s")
        scaled = {name: getattr(usual, name) * scale for name in timed}
        speeds = {name: getattr(usual, name) / scale for name in ("speed", "turn_speed")}
        tracker, now_s, out = Tracker(LABELS, TrackerSettings(**scaled, **speeds)), 0.0, []
        for things, after_s in steps:
            now_s += after_s * scale
            out.append([t.track_id for t in tracker.update(found(*things), now_s)])
        return out

    # The memory of the velocity has a unit of its own; without it nothing may depend on scale.
    if all(len(things) <= 1 for things, _ in steps):
        assert ids(1.0) == ids(by)


def test_non_finite_boxes_are_ignored():
    tracker = Tracker(LABELS)
    bad = found(("person", (0.0, 0.0, float("nan"), 5.0)), ("person", BAG))
    assert [t.xyxy for t in tracker.update(bad, 0.0)] == [BAG]
