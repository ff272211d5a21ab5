"""The scenario language: what it refuses, what actors do, and which incidents are true."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from sample_videos.catalogue import scenario_files
from sample_videos.errors import ScenarioError
from sample_videos.judge import happenings
from sample_videos.render import SHOWN_PERCENT, shown_s
from sample_videos.scenario import Scenario, load_scenario
from sample_videos.timeline import Timeline
from sample_videos.truth import TruthObject

CAMERA = {"id": "c", "position_m": [0, -8, 4], "look_at_m": [0, 3, 0.5], "size": [320, 180]}
PAVEMENT = [[-5, 0], [5, 0], [5, 6], [-5, 6]]


def scenario(rules=None, **parts):
    zones = [{"id": "z", "polygon_m": PAVEMENT, "rules": rules}] if rules else []
    base = {"name": "t", "about": "a test", "duration_s": 60, "fps": 5, "cameras": [CAMERA]}
    return Scenario.model_validate({**base, "zones": zones, **parts})


def found(made):
    return happenings(made, Timeline(made))


def state(made, actor, t_s):
    return next((s for s in Timeline(made).at(t_s) if s.actor.id == actor), None)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param({"actors": [{"id": "a", "kind": "person"}] * 2}, "unique", id="doubled"),
        pytest.param({"events": [{"actor": "x", "do": "leave"}]}, "must be one of", id="nobody"),
        pytest.param(
            {"actors": [{"id": "a", "kind": "person"}], "events": [{"actor": "a", "do": "walk"}]},
            "`walk` must have `to_m`",
            id="where",
        ),
        pytest.param({"colour": "red"}, "Extra inputs", id="unknown-key"),
        pytest.param({"duration_s": -1}, "greater than 0", id="negative"),
        pytest.param({"start": "2026-03-02T09:30:00"}, "time zone", id="naive-start"),
    ],
)
def test_refuses_what_does_not_fit(parts, message):
    with pytest.raises(ValidationError, match=message):
        scenario(**parts)


def test_error_names_file_and_place(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad\nabout: x\nduration_s: many\ncameras: []\n")
    with pytest.raises(ScenarioError, match=r"bad\.yaml is not valid:\n  duration_s: "):
        load_scenario(path)


def test_events_out_of_order_are_refused():
    made = scenario(
        actors=[{"id": "a", "kind": "person", "at_m": [0, 0]}],
        events=[
            {"actor": "a", "do": "stand", "at_s": 5, "for_s": 10},
            {"actor": "a", "do": "stand", "at_s": 8},
        ],
    )
    with pytest.raises(ScenarioError, match="must be in order"):
        Timeline(made)


def test_walks_at_its_speed_and_looks_where_it_goes():
    made = scenario(
        actors=[{"id": "a", "kind": "person"}],
        events=[
            {"actor": "a", "do": "enter", "at_s": 2, "to_m": [[0, 1]]},
            {"actor": "a", "do": "walk", "to_m": [[4, 1]], "speed_m_s": 2},
            {"actor": "a", "do": "leave"},
        ],
    )
    assert state(made, "a", 1.9) is None
    halfway = state(made, "a", 3.0)
    assert halfway.at_m == pytest.approx((2, 1))
    assert halfway.heading == pytest.approx(0.0)
    assert halfway.walked_m == pytest.approx(2.0)
    assert state(made, "a", 4.1) is None


DUMP = {
    "actors": [
        {"id": "man", "kind": "person"},
        {"id": "bag", "kind": "bag", "in_hand_of": "man"},
    ],
    "events": [
        {"actor": "man", "do": "enter", "at_s": 0, "to_m": [[-4, 2]]},
        {"actor": "man", "do": "walk", "to_m": [[0, 2]], "speed_m_s": 1},
        {"actor": "man", "do": "drop", "what": "bag", "place_m": [0.5, 2]},
        {"actor": "man", "do": "walk", "to_m": [[-9, 2]], "speed_m_s": 1},
        {"actor": "man", "do": "leave"},
    ],
}


def test_bag_is_in_the_hand_until_it_is_dropped():
    made = scenario(**DUMP)
    assert state(made, "bag", 2).carrier == "man"
    assert state(made, "man", 2).holds == ("bag",)
    lying = state(made, "bag", 20)
    assert lying.carrier is None
    assert lying.at_m == (0.5, 2)
    assert state(made, "man", 20) is None


def test_dumping_is_an_incident_with_act_and_doer():
    (only,) = found(scenario({"garbage": {"dwell_s": 10}}, **DUMP))
    assert (only.type, only.subtype, only.doers) == ("garbage", "dumping", ("man",))
    assert only.act_s == pytest.approx(4.7)
    assert only.begin_s == pytest.approx(4.7, abs=0.11)
    assert only.end_s is None


def test_bag_carried_through_is_no_incident():
    events = [DUMP["events"][0], {"actor": "man", "do": "walk", "to_m": [[5, 2]]},
              {"actor": "man", "do": "leave"}]  # fmt: skip
    assert found(scenario({"garbage": {}}, actors=DUMP["actors"], events=events)) == []


def test_garbage_shorter_than_the_dwell_is_no_incident():
    events = [*DUMP["events"][:3], {"actor": "man", "do": "take", "at_s": 8, "what": "bag"}]
    made = scenario({"garbage": {"dwell_s": 10}}, actors=DUMP["actors"], events=events)
    assert found(made) == []


def test_bags_that_lie_together_are_one_incident():
    actors = [{"id": f"b{i}", "kind": "bag", "at_m": [i * 0.8, 2]} for i in range(3)]
    actors.append({"id": "far", "kind": "bag", "at_m": [-4, 5]})
    incidents = found(scenario({"garbage": {}}, actors=actors))
    assert [i.things for i in incidents] == [("b0", "b1", "b2"), ("far",)]


VENDOR = {
    "actors": [
        {"id": "stall", "kind": "stall", "at_m": [0, 2]},
        {"id": "vendor", "kind": "person", "at_m": [1, 2]},
    ]
}


def test_attended_stall_is_vending_unless_permitted():
    assert [i.type for i in found(scenario({"street_vending": {}}, **VENDOR))] == ["street_vending"]
    permits = [{"from": "09:00", "to": "10:00"}]
    start = "2026-03-02T09:30:00+08:00"
    lawful = scenario({"street_vending": {"permits": permits}}, start=start, **VENDOR)
    assert found(lawful) == []


def test_permit_that_ends_makes_an_incident_begin():
    permits = [{"from": "09:00", "to": "09:31"}]
    made = scenario(
        {"street_vending": {"permits": permits, "dwell_s": 10}},
        start="2026-03-02T09:30:30+08:00",
        **VENDOR,
    )
    assert [i.begin_s for i in found(made)] == [pytest.approx(30.0)]


def test_stall_without_anybody_is_not_vending():
    assert found(scenario({"street_vending": {}}, actors=VENDOR["actors"][:1])) == []


def test_stall_that_moves_is_not_vending():
    made = scenario(
        {"street_vending": {}},
        actors=[{"id": "trike", "kind": "tricycle"}, {"id": "man", "kind": "person"}],
        events=[
            {"actor": "trike", "do": "enter", "at_s": 0, "to_m": [[-4, 2]]},
            {"actor": "man", "do": "enter", "at_s": 0, "to_m": [[-5, 2]]},
            {"actor": "man", "do": "push", "to_m": [[30, 2]], "what": "trike", "speed_m_s": 0.5},
        ],
    )
    assert found(made) == []


def test_helmet_taken_off_is_one_incident_per_site_and_minute():
    worker = {"id": "w", "kind": "person", "at_m": [0, 2], "clothes": {"head": "helmet"}}
    events = [
        {"actor": "w", "do": "wear", "at_s": 10, "head": "bare"},
        {"actor": "w", "do": "wear", "at_s": 25, "head": "helmet"},
        {"actor": "w", "do": "wear", "at_s": 32, "head": "bare"},
        {"actor": "w", "do": "wear", "at_s": 40, "head": "helmet"},
    ]
    (only,) = found(scenario({"missing_helmet": {"dwell_s": 5}}, actors=[worker], events=events))
    assert only.begin_s == pytest.approx(10.5, abs=0.11)
    assert only.end_s == pytest.approx(40.5, abs=0.11)


@pytest.mark.parametrize(("limit", "count"), [(6, 1), (9, 0)])
def test_crowd_counts_from_the_limit(limit, count):
    crowd = {"id": "g", "count": 8, "area_m": [[-2, 1], [2, 4]], "arrive_s": [5, 15],
             "leave_s": [40, 50], "doors_m": [[-9, 2]]}  # fmt: skip
    made = scenario({"crowding": {"dwell_s": 5, "people": limit}}, crowds=[crowd])
    assert len(found(made)) == count


def seen(actor, *rows, label="garbage"):
    """What a view sees of an actor: (frame, visible percent) each."""
    made = tuple((frame, 0.0, 0.0, 9.0, 9.0, percent) for frame, percent in rows)
    return TruthObject(id=actor, label=label, actor=actor, rows=made)


BAG_DROPPED = {
    "actors": [{"id": "walker", "kind": "person"}, {"id": "bag", "kind": "bag"}],
    "events": [
        {"actor": "walker", "do": "enter", "at_s": 2, "to_m": [[0, 1]]},
        {"actor": "walker", "do": "drop", "what": "bag", "at_s": 10, "place_m": [0, 2]},
        {"actor": "walker", "do": "leave"},
    ],
}


@pytest.mark.parametrize(
    ("rows", "second"),
    [
        pytest.param([(0, 100)], None, id="at-once"),
        pytest.param([(0, 0), (100, SHOWN_PERCENT - 1), (200, SHOWN_PERCENT)], 40.0, id="later"),
        pytest.param([(0, 100), (60, 0), (200, 100)], None, id="hidden-again"),
        pytest.param([(0, SHOWN_PERCENT - 1)], math.inf, id="never"),
    ],
)
def test_a_view_shows_a_thing_from_some_second_on(rows, second):
    made = scenario({"garbage": {"dwell_s": 5}}, **BAG_DROPPED)
    (bag,) = found(made)
    assert shown_s(bag, [seen("bag", *rows)], made) == second
    assert shown_s(bag, [seen("bag", (0, 100), label="carried_bag")], made) == math.inf


def test_a_view_shows_a_crowd_when_so_many_are_to_be_seen():
    crowd = {"id": "c", "count": 6, "area_m": [[-2, 1], [2, 4]], "arrive_s": [0, 0],
             "doors_m": [[-9, 2]]}  # fmt: skip
    made = scenario({"crowding": {"dwell_s": 5, "people": 6}}, crowds=[crowd])
    (many,) = found(made)
    shown = [seen(one, (0, 100), label="person") for one in many.things[1:]]
    last = seen(many.things[0], (0, 0), (250, 90), label="person")
    assert shown_s(many, [*shown, last], made) == 50.0
    assert shown_s(many, shown, made) == math.inf


def test_same_seed_same_people_other_seed_others():
    def places(seed):
        crowd = {"id": "g", "count": 5, "area_m": [[-2, 1], [2, 4]], "arrive_s": [0, 0],
                 "doors_m": [[-9, 2]]}  # fmt: skip
        return [s.at_m for s in Timeline(scenario(seed=seed, crowds=[crowd])).at(1.0)]

    assert places(3) == places(3)
    assert places(3) != places(4)


def test_queue_stands_in_a_line():
    crowd = {"id": "q", "count": 6, "area_m": [[-3, 2], [3, 2]], "arrive_s": [0, 0],
             "doors_m": [[-9, 2]], "shape": "line"}  # fmt: skip
    ys = [s.at_m[1] for s in Timeline(scenario(crowds=[crowd])).at(1.0)]
    assert max(ys) - min(ys) < 0.8


@pytest.mark.parametrize("path", scenario_files(), ids=lambda p: p.stem)
def test_every_scenario_of_the_package_is_valid_and_plays(path):
    made = load_scenario(path)
    assert made.name == path.stem
    timeline = Timeline(made)
    for t_s in (0.0, made.duration_s / 2, made.duration_s - 0.1):
        for actor in timeline.at(t_s):
            assert math.isfinite(actor.at_m[0] + actor.at_m[1] + actor.heading)
