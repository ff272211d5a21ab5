"""What a view remembers between visits: dwell adds up, and only a visit can see an end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np

from models.detections import Detections
from models.labels import LABELS
from pipeline.confirm import Origin
from pipeline.types import Phase, Sighting, ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from pipeline.zones import Zone
from streams.types import Frame

IMAGE = np.zeros((360, 640, 3), np.uint8)
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
BAG, CAR = (300.0, 200.0, 330.0, 225.0), (400.0, 150.0, 500.0, 220.0)
EVERY_S, GLANCE_S, DWELL_S = 480.0, 6.0, 30.0
"""Visits of half a minute, eight minutes apart: the third begins after 16 minutes."""

Shows = Callable[[float], bool]


def view(gap_s: float) -> ViewPipeline:
    rule = {"type": "garbage", "dwell_s": 900, "clear_s": 12}
    zone = Zone.model_validate({"id": "z", "rules": [rule]})
    origin = Origin("site", ViewKey("eagle", "market"), "test@0")
    return ViewPipeline(ViewPlan(origin, (zone,), LABELS, gap_s=gap_s))


def visit(pipeline: ViewPipeline, number: int, bag: Shows, car: bool = False) -> list[Sighting]:
    """One visit of the view, with a glance every few seconds, and every second while it waits."""
    out: list[Sighting] = []
    pipeline.arrive()
    now_s = number * EVERY_S
    while now_s < number * EVERY_S + DWELL_S:
        seen = [("garbage", BAG)] * bag(now_s) + [("car", CAR)] * car
        boxes = Detections(
            np.array([box for _, box in seen], np.float32).reshape(-1, 4),
            np.full(len(seen), 0.9, np.float32),
            np.array([LABELS.index(label) for label, _ in seen], np.int32),
        )
        at = START + timedelta(seconds=now_s)
        out += pipeline.judge(Frame("eagle", now_s, at, IMAGE), boxes).sightings
        now_s += 1.0 if pipeline.waits else GLANCE_S
    pipeline.leave()
    return out


def visits(pipeline: ViewPipeline, numbers: range, bag: Shows) -> list[Sighting]:
    return [s for number in numbers for s in visit(pipeline, number, bag)]


def test_garbage_seen_on_three_visits_has_stood_all_the_time() -> None:
    pipeline = view(gap_s=600.0)
    assert visits(pipeline, range(2), lambda _: True) == []
    found = visit(pipeline, 2, lambda _: True)
    assert [s.phase for s in found] == [Phase.STARTED]
    assert found[0].measures["dwell_s"] >= 900


def test_a_view_that_is_not_told_of_its_visits_counts_only_what_it_saw() -> None:
    assert visits(view(gap_s=0.0), range(3), lambda _: True) == []


def test_an_end_needs_a_visit_that_saw_the_place_empty() -> None:
    pipeline = view(gap_s=600.0)
    visits(pipeline, range(3), lambda _: True)
    assert [s.phase for s in visits(pipeline, range(3, 6), lambda _: True)] == []
    ended = visit(pipeline, 6, lambda _: False)
    assert [s.phase for s in ended] == [Phase.ENDED]
    assert ended[0].ended_at is not None
    assert ended[0].ended_at >= START + timedelta(seconds=6 * EVERY_S)


def test_a_missed_detection_on_arrival_is_no_empty_place() -> None:
    pipeline = view(gap_s=600.0)
    visits(pipeline, range(3), lambda _: True)
    late = 3 * EVERY_S + 2.0
    assert visit(pipeline, 3, lambda now_s: now_s >= late) == []
    assert len(pipeline.confirmation.open_sightings) == 1


def test_a_car_that_drove_off_holds_up_no_visit() -> None:
    pipeline = view(gap_s=600.0)
    visit(pipeline, 0, lambda _: True, car=True)
    pipeline.arrive()
    assert pipeline.waits  # the bag is still looked for
    pipeline = view(gap_s=600.0)
    visit(pipeline, 0, lambda _: False, car=True)
    pipeline.arrive()
    assert not pipeline.waits
