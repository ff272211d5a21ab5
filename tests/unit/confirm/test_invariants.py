"""What must hold whatever the suspicions: one open sighting per place, and no unit of time."""

from __future__ import annotations

import itertools
from collections import defaultdict

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.boxes import extent, gap, to_pixels
from pipeline.rules.settings import GarbageSettings
from pipeline.types import Phase

RULE = GarbageSettings(
    confirm_s=2, min_looks=2, clear_s=3, reopen_s=10, max_gap_s=20, glance_period_s=1
)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

boxes = st.builds(
    lambda x, y, w, h: (x, y, x + w, y + h),
    st.floats(0, 500),
    st.floats(0, 250),
    st.floats(10, 100),
    st.floats(10, 100),
)
claims = st.lists(st.tuples(boxes, st.floats(0, 1), st.booleans()), max_size=4)
scripts = st.lists(st.tuples(claims, st.floats(0.1, 5.0)), min_size=3, max_size=40)


def scaled_rule(by):
    names = ("confirm_s", "clear_s", "reopen_s", "max_gap_s", "glance_period_s", "update_every_s")
    return RULE.model_copy(update={name: getattr(RULE, name) * by for name in names})


def play(view, suspicion, script, by=1.0):
    out, now_s = [], 0.0
    for said, after_s in script:
        now_s += after_s * by
        spoken = [suspicion(0.0, box, s, ripe=ripe) for box, s, ripe in said]
        out.append(view.run(lambda t, spoken=spoken: spoken, now_s, from_s=now_s))
    return out


@QUICK
@given(script=scripts)
def test_at_most_one_open_sighting_per_place(feed, suspicion, script):
    view = feed(RULE)
    anchors, now_s = {}, 0.0
    for said, after_s in script:
        now_s += after_s
        spoken = [suspicion(0.0, box, s, ripe=ripe) for box, s, ripe in said]
        for sighting in view.run(lambda t, spoken=spoken: spoken, now_s, from_s=now_s):
            if sighting.phase is Phase.STARTED:
                anchors[sighting.sighting_id] = sighting.xyxy_norm
        ids = [s.sighting_id for s in view.confirmation.open_sightings]
        assert len(ids) == len(set(ids))
        known = view.confirmation.open_places
        for i, a in enumerate(known):
            for b in known[i + 1 :]:
                pa, pb = to_pixels(a, (640, 360)), to_pixels(b, (640, 360))
                assert gap(pa, pb) > RULE.merge_distance * max(extent(pa), extent(pb)) - 1e-6


@QUICK
@given(script=scripts)
def test_messages_of_a_sighting_are_in_order(feed, suspicion, script):
    messages = defaultdict(list)
    for sightings in play(feed(RULE), suspicion, script):
        for sighting in sightings:
            messages[sighting.sighting_id].append(sighting)
    for history in messages.values():
        assert [s.sequence for s in history] == list(range(len(history)))
        assert history[0].phase is Phase.STARTED
        for before, after in itertools.pairwise(history):
            assert (before.phase is Phase.ENDED) <= (after.phase is Phase.UPDATED)
            assert before.observed_at <= after.observed_at


@QUICK
@given(script=scripts, by=st.sampled_from([0.25, 4.0, 16.0]))
def test_scaling_all_times_changes_nothing_else(feed, suspicion, script, by):
    # Powers of two: the same roundings on both sides.
    once = play(feed(RULE), suspicion, script)
    scaled = play(feed(scaled_rule(by)), suspicion, script, by)
    assert [[(s.phase, s.sequence, s.xyxy_norm) for s in step] for step in once] == [
        [(s.phase, s.sequence, s.xyxy_norm) for s in step] for step in scaled
    ]
