"""Hand-made cases of the benchmark's matching rule and its figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bench.incidents.alarms import Alarm, alarms_of
from bench.incidents.matching import cover, match
from bench.incidents.scores import Outcome, score
from pipeline.types import Phase
from sample_videos.truth import Clip, NearMiss, Truth, TruthIncident

PLACE = (0.2, 0.2, 0.4, 0.5)
ELSEWHERE = (0.7, 0.2, 0.9, 0.5)


def incident(name="a", begin=20.0, end=80.0, box=PLACE, kind="garbage", **more):
    return TruthIncident(id=name, type=kind, begin_s=begin, end_s=end, box_norm=box, **more)


def alarm(name="x", raised=30.0, ended=82.0, box=PLACE, kind="garbage"):
    return Alarm(name, kind, raised, raised - 8, ended, box)


def truth_of(incidents, near_misses=(), **clip):
    about = Clip(
        file="c.mp4", fps=10, frames=1200, size=(640, 360), start=datetime(2026, 3, 2, tzinfo=UTC),
        **clip,
    )  # fmt: skip
    return Truth(
        clip=about, origin="annotated", incidents=tuple(incidents), near_misses=near_misses
    )


def scored(truth, alarms):
    outcome = Outcome("c", match(truth, alarms), 120.0, frozenset({"garbage", "crowding"}))
    return score([outcome])["all"]


def test_all_right():
    truth = truth_of([incident("a"), incident("b", box=ELSEWHERE)])
    figures = scored(truth, [alarm("x"), alarm("y", box=ELSEWHERE)])
    assert (figures.recall, figures.precision, figures.f1) == (1.0, 1.0, 1.0)
    assert (figures.duplicates, figures.false_alarms, figures.unseen_ends) == (0, 0, 0)
    assert figures.delay_p50_s == pytest.approx(10.0)
    assert figures.end_error_p50_s == pytest.approx(2.0)


def test_all_missed():
    figures = scored(truth_of([incident("a"), incident("b", box=ELSEWHERE)]), [])
    assert figures.recall == 0.0
    assert figures.precision is None
    assert figures.f1 is None


def test_doubled():
    figures = scored(truth_of([incident()]), [alarm("x"), alarm("y", raised=50.0)])
    assert (figures.found, figures.duplicates, figures.false_alarms) == (1, 1, 0)
    assert figures.precision == 0.5


def test_late_is_found_but_slow():
    figures = scored(truth_of([incident(dwell_s=5)]), [alarm(raised=75.0)])
    assert figures.recall == 1.0
    assert figures.delay_p50_s == pytest.approx(50.0)


def test_nobody_is_late_for_what_the_view_does_not_show_yet():
    hidden = incident(dwell_s=5, shown_s=60.0)
    assert scored(truth_of([hidden]), [alarm(raised=75.0)]).delay_p50_s == pytest.approx(10.0)
    assert scored(truth_of([hidden]), [alarm(raised=30.0)]).delay_p50_s == 0.0
    from_begin = scored(truth_of([hidden]), [alarm(raised=75.0)]).since_begin_p95_s
    assert from_begin == pytest.approx(50.0)
    for never in (3.0, 80.0):
        with pytest.raises(ValueError, match="shown_s must be between begin_s and end_s"):
            incident(shown_s=never)


def test_too_late_is_missed_and_false():
    figures = scored(truth_of([incident()]), [alarm(raised=100.0)])
    assert (figures.found, figures.false_alarms) == (0, 1)


@pytest.mark.parametrize(
    ("raised", "found"),
    [pytest.param(15.0, 1, id="within-guard"), pytest.param(14.9, 0, id="before-guard")],
)
def test_early_counts_only_within_the_guard(raised, found):
    assert scored(truth_of([incident()]), [alarm(raised=raised)]).found == found


def test_two_merged_into_one():
    truth = truth_of([incident("a"), incident("b", box=(0.42, 0.2, 0.6, 0.5))])
    result = match(truth, [alarm(box=(0.2, 0.2, 0.6, 0.5))])
    assert len(result.pairs) == 1
    assert result.merged == (result.missed[0].id,)
    assert not result.false_alarms


def test_one_split_into_two():
    alarms = [
        alarm("x", box=(0.2, 0.2, 0.3, 0.5)),
        alarm("y", box=(0.3, 0.2, 0.4, 0.5), raised=35.0),
    ]
    result = match(truth_of([incident()]), alarms)
    assert len(result.pairs) == 1
    assert [(a.alarm_id, i) for a, i in result.duplicates] == [("y", "a")]


def test_other_type_does_not_count():
    result = match(truth_of([incident()]), [alarm(kind="crowding")])
    assert len(result.missed) == 1
    assert len(result.false_alarms) == 1


def test_other_place_does_not_count():
    result = match(truth_of([incident()]), [alarm(box=ELSEWHERE)])
    assert len(result.missed) == 1
    assert len(result.false_alarms) == 1


def test_assignment_is_optimal_not_greedy():
    # x could answer both incidents, y only the first: greedy by order would leave b unanswered.
    truth = truth_of([incident("a"), incident("b", begin=40.0)])
    result = match(truth, [alarm("x", raised=45.0), alarm("y", raised=25.0)])
    assert {p.incident.id: p.alarm.alarm_id for p in result.pairs} == {"a": "y", "b": "x"}


def test_uncertain_incident_neither_helps_nor_harms():
    truth = truth_of([incident(certain=False)])
    assert not match(truth, []).missed
    told = match(truth, [alarm("x"), alarm("y")])
    assert not told.pairs
    assert not told.false_alarms
    assert not told.duplicates
    assert len(told.ignored) == 2


def test_near_miss_explains_a_false_alarm():
    near = NearMiss(
        type="garbage", begin_s=10, end_s=60, box_norm=PLACE, why="a bag carried through"
    )
    result = match(truth_of([], (near,)), [alarm()])
    assert [f.near_miss for f in result.false_alarms] == ["a bag carried through"]


def test_alarm_outside_the_annotated_part_is_ignored():
    result = match(truth_of([], usable_s=(0.0, 10.0)), [alarm(raised=60.0)])
    assert not result.false_alarms
    assert len(result.ignored) == 1


def test_false_alarms_are_counted_per_camera_day():
    outcome = Outcome("c", match(truth_of([]), [alarm()]), 8640.0, frozenset({"garbage"}))
    figures = score([outcome])["garbage"]
    assert figures.false_per_day == pytest.approx(10.0)
    assert figures.false_interval[0] < 10.0 < figures.false_interval[1]


def test_type_that_nobody_watched_for_is_left_out():
    outcome = Outcome("c", match(truth_of([]), []), 60.0, frozenset({"garbage"}))
    assert set(score([outcome])) == {"garbage", "all"}


def test_cover_is_of_the_smaller_box():
    assert cover((0, 0, 1, 1), (0.4, 0.4, 0.5, 0.5)) == pytest.approx(1.0)
    assert cover((0, 0, 0.5, 1), (0.5, 0, 1, 1)) == 0.0


def test_an_alarm_beyond_what_is_annotated_is_ignored_even_shortly_after():
    result = match(truth_of([], usable_s=(0.0, 15.0)), [alarm(raised=25.0)])
    assert (len(result.ignored), len(result.false_alarms)) == (1, 0)


def test_an_alarm_before_the_dwell_is_over_is_on_time():
    figures = scored(truth_of([incident()]), [alarm(raised=16.0)])
    assert figures.delay_p50_s == 0.0


def test_an_entry_that_opens_again_answers_the_next_incident_and_is_no_second_alarm():
    again = replace(alarm("x#1", raised=90.0), reopens="x")
    truth = truth_of([incident("a"), incident("b", begin=85.0, end=100.0)])
    assert scored(truth, [alarm("x"), again]).recall == 1.0
    alone = scored(truth_of([incident("a")]), [alarm("x"), replace(again, raised_s=50.0)])
    assert (alone.found, alone.duplicates, alone.false_alarms) == (1, 0, 0)
    false = scored(truth_of([]), [alarm("x"), again])
    assert false.false_alarms == 1


def test_messages_of_one_entry_fold_into_its_openings(build):
    at = datetime.fromtimestamp(1040, UTC)
    first = build.make_sighting(timestamp_s=1010.0, started_s=1002.0)
    over = replace(first, timestamp_s=1060.0, phase=Phase.ENDED, ended_at=at)
    again = replace(first, timestamp_s=1090.0, phase=Phase.UPDATED)
    alarms = alarms_of([first, again, over, again, over], 1000.0)
    assert [(a.raised_s, a.ended_s) for a in alarms] == [(10.0, 40.0), (90.0, 40.0)]
    assert [a.reopens for a in alarms] == [None, alarms[0].alarm_id]
