"""Plans show the smallest object well, cover the zones, and stay inside the frame."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.region_plan import ENLARGED, MOST_ENLARGED, RegionNeeds, enlarged, plan_regions

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


WHOLE = ((0, 0, 1920, 1080),)
Place = tuple[float, float, float, float]


def region_of(place: Place, planned=WHOLE, frame=FRAME) -> tuple[int, int, int, int] | None:
    found = enlarged([place], planned, frame, INPUT)
    return found[0].region if found else None


def test_a_small_place_is_enlarged_around_its_middle() -> None:
    region = region_of((900, 500, 940, 580))
    assert region is not None
    left, top, right, bottom = region
    assert 1920 / (right - left) == pytest.approx(ENLARGED, rel=0.01)
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((920, 540), abs=16)


def test_a_large_place_is_enlarged_less_and_a_very_large_one_not_at_all() -> None:
    narrow, wide = (region_of((800, 300, 840, 300 + height)) for height in (80, 450))
    assert narrow is not None
    assert wide is not None
    assert wide[3] - wide[1] > narrow[3] - narrow[1]
    assert 0.7 * (wide[3] - wide[1]) > 450
    assert region_of((800, 100, 840, 1000)) is None


def test_a_place_outside_what_is_planned_is_left_out() -> None:
    planned = ((960, 540, 1920, 1080),)
    assert region_of((50, 50, 60, 60), planned) is None
    assert region_of((1500, 800, 1530, 820), planned) is not None


def test_a_frame_that_is_shown_enlarged_already_is_enlarged_no_further_than_was_measured() -> None:
    hall = region_of((300, 100, 320, 150), ((0, 0, 640, 360),), (640, 360))
    assert hall is not None
    assert hall[2] - hall[0] == 320
    assert region_of((300, 200, 310, 210), ((100, 100, 500, 340),), (640, 360)) is None


def test_a_few_regions_of_a_picture_are_enlarged_the_most_important_first() -> None:
    corners = [(100.0, 100.0), (3700.0, 100.0), (100.0, 2000.0), (3700.0, 2000.0)]
    places = [(x, y, x + 40, y + 40) for x, y in corners]
    found = enlarged(places, ((0, 0, 3840, 2160),), (3840, 2160), INPUT)
    assert [e.places for e in found] == [(place,) for place in places[:MOST_ENLARGED]]
    everything = (0.0, 0.0, 1920.0, 1080.0)
    assert [e.places for e in enlarged([everything, places[0]], WHOLE, FRAME, INPUT)] == [
        (places[0],)
    ]
    assert enlarged([], WHOLE, FRAME, INPUT) == ()


def test_neighbours_share_a_region() -> None:
    places = [(900, 500, 940, 580), (930, 500, 960, 580), (1700, 500, 1740, 580)]
    found = enlarged(places, WHOLE, FRAME, INPUT)
    assert [e.places for e in found] == [(places[0], places[1]), (places[2],)]
    for enlargement in found:
        for left, top, right, bottom in enlargement.places:
            assert enlargement.region[0] <= left
            assert enlargement.region[1] <= top
            assert right <= enlargement.region[2]
            assert bottom <= enlargement.region[3]


def test_a_place_that_trembles_has_few_regions() -> None:
    regions = {region_of((897 + d, 500, 929 + d, 550)) for d in range(-8, 9)}
    assert len(regions) <= 2


@given(
    st.tuples(st.integers(0, 1800), st.integers(0, 1000)),
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
)
def test_an_enlarged_region_holds_its_place_and_lies_in_the_frame(corner, size) -> None:
    left, top = corner
    right, bottom = min(1920, left + size[0]), min(1080, top + size[1])
    region = region_of((left, top, right, bottom))
    if region is not None:
        assert 0 <= region[0] <= left
        assert 0 <= region[1] <= top
        assert right <= region[2] <= 1920
        assert bottom <= region[3] <= 1080
