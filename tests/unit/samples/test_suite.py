"""The rendered set: which scenarios in which conditions, and what a clip was made from."""

from __future__ import annotations

import pytest

from sample_videos import suite
from sample_videos.catalogue import scenario_files
from sample_videos.composites import (
    bin_composites,
    crowd_composites,
    hall_composites,
    vending_composites,
)
from sample_videos.judge import happenings
from sample_videos.pictures import Pictures
from sample_videos.scenario import Scenario, load_scenario
from sample_videos.suite import SUITE_FPS, in_conditions, recipe, suite_scenarios
from sample_videos.timeline import Timeline

SCENES = [path.stem for path in scenario_files()]
CONDITIONS = ("day", "dusk", "night", "rain", "shake", "compressed", "hidden")
AS_IT_IS = {"half-hidden-dump-hidden"}
"""Of variants that would show what the scenario itself shows there are none; nor of those that are
in the light of day already."""


@pytest.fixture(scope="module")
def whole():
    return {s.name: s for s in suite_scenarios()}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_scene_is_there_in_every_condition(whole, condition):
    by_day = {n for n in SCENES if whole[n].conditions.light == "day"} if condition == "day" else ()
    wanted = {f"{n}-{condition}" for n in SCENES if n not in by_day} - AS_IT_IS
    assert wanted <= whole.keys()
    assert not {f"{n}-{condition}" for n in by_day} & whole.keys()


def test_every_scene_is_also_drawn_densely(whole):
    dense = [s for s in whole.values() if s.fps > SUITE_FPS]
    assert {s.fps for s in dense} == {25}
    assert {s.name for s in dense} == {f"{name}-25fps" for name in SCENES}
    types = {h.type for s in dense for h in happenings(s, Timeline(s))}
    assert types == {
        "street_vending", "garbage", "overflowing_bin", "missing_helmet", "crowding",
    }  # fmt: skip


def test_without_the_matrix_only_what_was_chosen_by_hand():
    few = {s.name for s in suite_scenarios(matrix=False)}
    assert set(SCENES) < few
    assert {"demo-vending-rain", "demo-dumping-25fps"} < few
    assert not {"demo-vending-night", "demo-bin-25fps", "demo-bin-hidden"} & few


def test_a_variant_chosen_by_hand_is_left_as_it_is(whole):
    assert whole["demo-vending-rain"].conditions.rain == 0.7
    assert whole["carried-through-rain"].conditions.rain == 0.6


def test_an_occluder_comes_in_addition(whole):
    plain, hidden = whole["demo-bin"], whole["demo-bin-hidden"]
    assert [a.id for a in hidden.actors] == [*(a.id for a in plain.actors), "occluder"]
    assert hidden.cameras == plain.cameras


SCENE = Scenario.model_validate(
    {"name": "t", "about": "a test", "duration_s": 5, "backdrop": {"kind": "picture",
     "picture": "a.png"}, "cameras": [{"id": "c", "position_m": [0, -8, 4],
     "look_at_m": [0, 3, 0.5]}],
     "actors": [{"id": "x", "kind": "cutout", "picture": "b.png#1,2,3,4", "at_m": [0, 0]}]}
)  # fmt: skip


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    (tmp_path / "b.png").write_bytes(b"b")
    return lambda: Pictures(tmp_path)


def test_recipe_is_the_same_for_the_same_and_no_other(pictures, tmp_path, monkeypatch):
    first = recipe(SCENE, pictures())
    assert recipe(SCENE.model_copy(deep=True), pictures()) == first
    others = {recipe(SCENE.varied("x", {"seed": 9}), pictures())}
    for name in ("a.png", "b.png"):
        before = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(b"other")
        others.add(recipe(SCENE, pictures()))
        (tmp_path / name).write_bytes(before)
    monkeypatch.setattr(suite, "RENDERER", suite.RENDERER + 1)
    others.add(recipe(SCENE, pictures()))
    assert len(others - {first}) == 4


def test_composites_are_drawn_in_other_conditions_too():
    street = load_scenario(next(p for p in scenario_files() if p.stem == "demo-dumping"))
    street = street.model_copy(update={"name": "real-heap-07"})
    made = {s.name: s for s in in_conditions([street])}
    assert set(made) == {f"real-heap-07-{c}" for c in ("night", "rain", "compressed")}
    assert made["real-heap-07-night"].conditions.light == "night"
    assert made["real-heap-07-rain"].conditions.rain > 0
    assert made["real-heap-07-compressed"].conditions.crf == 40
    assert {s.actors for s in made.values()} == {street.actors}


def test_of_each_kind_of_composite_one_with_and_one_without_an_incident_is_dense():
    kinds = {
        "bin": bin_composites(6),
        "crowd": crowd_composites(6, footage=False),
        "hall": hall_composites(4),
        "stall": vending_composites(6),
    }
    for scenarios in kinds.values():
        dense = [s for s in in_conditions(scenarios) if s.fps == 25]
        assert sorted(bool(happenings(s, Timeline(s))) for s in dense) == [False, True]
