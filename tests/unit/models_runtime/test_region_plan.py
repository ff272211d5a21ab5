"""Plans show the smallest object well, cover the zones, and stay inside the frame."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.region_plan import RegionNeeds, plan_regions

FRAME, INPUT = (1920, 1080), (384, 640)


def test_large_objects_need_only_the_whole_frame() -> None:
    plan = plan_regions(FRAME, [(800, 400, 1000, 500)], INPUT, RegionNeeds(object_px=90))
    assert plan.kind == "whole"
    assert plan.regions == ((0, 0, 1920, 1080),)
    assert plan.seen_px == pytest.approx(30)


def test_small_objects_in_a_small_zone_need_a_crop() -> None:
    plan = plan_regions(FRAME, [(800, 400, 1200, 600)], INPUT, RegionNeeds(object_px=18))
    assert plan.kind == "crop"
    left, top, right, bottom = plan.regions[0]
    assert (left, top) <= (800, 400)
    assert (right, bottom) >= (1200, 600)
    assert (right - left) / (bottom - top) == pytest.approx(640 / 384, abs=0.02)
    assert plan.seen_px >= 20


def test_small_objects_everywhere_need_tiles() -> None:
    plan = plan_regions(FRAME, [], INPUT, RegionNeeds(object_px=24))
    assert plan.kind == "tiles"
    assert 6 <= len(plan.regions) <= 12
    assert plan.seen_px >= 20 * 0.99


def test_too_many_tiles_are_refused_and_the_loss_is_said() -> None:
    plan = plan_regions(FRAME, [], INPUT, RegionNeeds(object_px=6, max_tiles=4))
    assert len(plan.regions) <= 4
    assert plan.seen_px < 20


def test_one_look_at_the_zones_when_no_size_is_wanted() -> None:
    plan = plan_regions(FRAME, [(1700, 900, 1920, 1080)], INPUT, RegionNeeds())
    assert plan.kind == "crop"
    assert len(plan.regions) == 1
    assert plan.regions[0][2:] == (1920, 1080)


def test_no_zones_and_no_size_is_the_whole_frame() -> None:
    assert plan_regions(FRAME, [], INPUT, RegionNeeds()).kind == "whole"


def test_a_zone_of_the_whole_frame_is_no_crop() -> None:
    plan = plan_regions(FRAME, [(0, 0, 1920, 1080)], INPUT, RegionNeeds(object_px=30))
    assert plan.kind == "tiles"


@settings(deadline=None)
@given(
    width=st.integers(32, 4000),
    height=st.integers(32, 4000),
    zone=st.tuples(*[st.floats(0, 1)] * 4),
    object_px=st.one_of(st.none(), st.floats(0.5, 400)),
)
def test_regions_cover_the_zone_and_stay_inside(
    width: int, height: int, zone: tuple[float, float, float, float], object_px: float | None
) -> None:
    x0, x1 = sorted((zone[0] * width, zone[2] * width))
    y0, y1 = sorted((zone[1] * height, zone[3] * height))
    needs = RegionNeeds(object_px=object_px)
    plan = plan_regions((width, height), [(x0, y0, x1, y1)], INPUT, needs)
    assert 1 <= len(plan.regions) <= needs.max_tiles
    for left, top, right, bottom in plan.regions:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    assert min(r[0] for r in plan.regions) <= x0 + 1
    assert min(r[1] for r in plan.regions) <= y0 + 1
    assert max(r[2] for r in plan.regions) >= x1 - 1
    assert max(r[3] for r in plan.regions) >= y1 - 1


@settings(deadline=None)
@given(object_px=st.floats(4, 40))
def test_neighbouring_tiles_overlap_by_the_object_or_more(object_px: float) -> None:
    plan = plan_regions(FRAME, [], INPUT, RegionNeeds(object_px=object_px, max_tiles=500))
    lefts = sorted({(r[0], r[2]) for r in plan.regions})
    for (_, right), (left, _) in pairwise(lefts):
        assert right - left >= object_px
