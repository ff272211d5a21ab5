"""Objects seen by several regions are reported once, whole, where they are."""

from __future__ import annotations

import numpy as np
import pytest
from builders.colour_graph import COLOURS
from builders.fake_detector import ColourDetector

from models.detections import Detections
from models.region_plan import Enlargement, RegionNeeds, plan_regions
from models.regions import detect_regions, detected_twice, merge_regions

FRAME = (200, 100)
TILES = ((0, 0, 120, 100), (80, 0, 200, 100))


def found(
    *boxes: tuple[float, float, float, float], label: int = 0, best: float = 0.9
) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.linspace(best, best / 2, len(boxes)).astype(np.float32),
        np.full(len(boxes), label, np.int32),
    )


def street(boxes: dict[tuple[int, int, int, int], str], size: tuple[int, int]) -> np.ndarray:
    image = np.full((size[1], size[0], 3), 110, np.uint8)
    for (left, top, right, bottom), label in boxes.items():
        image[top:bottom, left:right] = COLOURS[label]
    return image


def test_one_region_only_moves() -> None:
    merged = merge_regions([found((1, 2, 11, 12))], [(50, 20, 150, 90)], FRAME)
    assert merged.xyxy.tolist() == [[51, 22, 61, 32]]


def test_an_object_whole_in_both_tiles_is_one() -> None:
    merged = merge_regions([found((90, 10, 110, 30)), found((10, 10, 30, 30))], TILES, FRAME)
    assert merged.xyxy.tolist() == [[90, 10, 110, 30]]


def test_the_whole_one_wins_over_the_cut_one_even_if_less_sure() -> None:
    cut = found((105, 10, 120, 30), best=0.95)
    whole = found((25, 10, 65, 30), best=0.6)
    merged = merge_regions([cut, whole], TILES, FRAME)
    assert merged.xyxy.tolist() == [[105, 10, 145, 30]]
    assert merged.confidence.tolist() == pytest.approx([0.95]), "it was surely seen, if in part"


def test_parts_of_an_object_larger_than_a_tile_become_one() -> None:
    merged = merge_regions([found((40, 10, 120, 50)), found((0, 12, 90, 50))], TILES, FRAME)
    assert merged.xyxy.tolist() == [[40, 10, 170, 50]]


def test_neighbours_in_different_tiles_stay_two() -> None:
    merged = merge_regions([found((85, 10, 100, 40)), found((22, 10, 37, 40))], TILES, FRAME)
    assert len(merged) == 2


def test_two_of_one_region_are_never_merged() -> None:
    merged = merge_regions([found((90, 10, 110, 30), (91, 10, 111, 30)), found()], TILES, FRAME)
    assert len(merged) == 2


def test_classes_are_not_merged() -> None:
    merged = merge_regions(
        [found((90, 10, 110, 30)), found((10, 10, 30, 30), label=1)], TILES, FRAME
    )
    assert sorted(merged.class_id.tolist()) == [0, 1]


def test_nothing_found_anywhere() -> None:
    assert len(merge_regions([found(), found()], TILES, FRAME)) == 0


def test_boxes_at_the_frames_own_edge_are_not_cut() -> None:
    left = found((0, 10, 30, 30))
    merged = merge_regions([left, found()], TILES, FRAME)
    assert merged.xyxy.tolist() == [[0, 10, 30, 30]]


@pytest.mark.parametrize("offset", range(0, 640, 37))
def test_tiles_report_every_object_once_wherever_it_lies(offset: int) -> None:
    size = (1280, 720)
    boxes = {
        (offset, 300, offset + 40, 330): "red",
        (600 + offset, 350 - offset // 4, 640 + offset, 390 - offset // 4): "green",
    }
    plan = plan_regions(size, [], (192, 320), RegionNeeds(object_px=30))
    assert plan.kind == "tiles"
    detector = ColourDetector(COLOURS)
    merged = detect_regions(detector, [(street(boxes, size), plan.regions)])[0]
    seen = {
        (*map(int, box), detector.labels[c])
        for box, c in zip(merged.xyxy.tolist(), merged.class_id, strict=True)
    }
    assert seen == {(*box, label) for box, label in boxes.items()}


def test_an_object_larger_than_its_tiles_comes_back_whole() -> None:
    size = (1280, 720)
    plan = plan_regions(size, [], (192, 320), RegionNeeds(object_px=15))
    image = street({(100, 300, 1100, 420): "red"}, size)
    merged = detect_regions(ColourDetector(COLOURS), [(image, plan.regions)])[0]
    assert [100, 300, 1100, 420] in merged.xyxy.tolist()


def test_pictures_of_one_call_do_not_mix() -> None:
    pictures = [
        (street({(10, 10, 40, 40): "red"}, (100, 60)), [(0, 0, 60, 60), (40, 0, 100, 60)]),
        (street({}, (300, 200)), [(0, 0, 300, 200)]),
        (street({(200, 90, 240, 140): "blue"}, (300, 200)), [(150, 50, 300, 200)]),
    ]
    first, second, third = detect_regions(ColourDetector(COLOURS), pictures)
    assert first.xyxy.tolist() == [[10, 10, 40, 40]]
    assert len(second) == 0
    assert third.xyxy.tolist() == [[200, 90, 240, 140]]


class TestDetectedTwice:
    doubt = Enlargement(((55, 35, 95, 65),), (40, 20, 160, 92))
    below = np.array([0.85, 0.85, 0.6, 0.0], np.float32)

    def fused(self, once: Detections, closer: Detections) -> list[tuple[int, float]]:
        fused = detected_twice(once, [(self.doubt, closer)], FRAME, self.below)
        rows = zip(fused.class_id.tolist(), fused.confidence.tolist(), strict=True)
        return sorted((label, round(sure, 3)) for label, sure in rows)

    def test_what_was_found_twice_is_as_sure_as_the_mean_and_where_the_enlarged_one_saw_it(self):
        once, closer = found((60, 40, 80, 60), best=0.4), found((61, 41, 80, 60), best=0.8)
        fused = detected_twice(once, [(self.doubt, closer)], FRAME, self.below)
        assert fused.xyxy.tolist() == [[61, 41, 80, 60]]
        assert fused.confidence.tolist() == pytest.approx([0.6])

    def test_what_was_found_once_is_half_as_sure(self):
        assert self.fused(found((60, 40, 80, 60), best=0.8), Detections()) == [(0, 0.4)]
        assert self.fused(Detections(), found((60, 40, 80, 60), best=0.8)) == [(0, 0.4)]

    def test_a_dark_helmet_taken_for_hair_is_a_helmet_again(self):
        bare = found((60, 40, 80, 60), label=2, best=0.41)
        helmet = found((60, 40, 80, 60), label=1, best=0.62)
        assert self.fused(bare, helmet) == [(1, 0.31), (2, 0.205)]

    @pytest.mark.parametrize("left", [20, 38, 41, 42.5, 45.5])
    def test_what_the_region_does_not_show_whole_stays_as_it_was(self, left):
        """Also what only just touches its edge: there its own detection would be a cut one."""
        once = found((left, 40, 80, 60), best=0.8)
        assert self.fused(once, found((max(left, 40), 40, 80, 60), best=0.8)) == [(0, 0.8)]
        assert self.fused(once, Detections()) == [(0, 0.8)]

    def test_the_frame_s_own_edge_cuts_nothing(self):
        doubt = Enlargement(((0, 35, 30, 65),), (0, 20, 120, 92))
        once = found((0, 40, 20, 60), best=0.8)
        fused = detected_twice(once, [(doubt, once)], FRAME, self.below)
        assert fused.confidence.tolist() == pytest.approx([0.8])

    def test_what_lies_beside_the_place_stays_as_it_was(self):
        """An open incident in the region of somebody else's doubt must not end by it."""
        beside = found((120, 40, 140, 60), best=0.58)
        assert self.fused(beside, Detections()) == [(0, 0.58)]
        assert self.fused(beside, found((121, 40, 141, 60), best=0.9)) == [(0, 0.58)]

    def test_classes_that_are_not_asked_for_stay_as_they_were(self):
        van = found((60, 40, 80, 60), label=3, best=0.8)
        assert self.fused(van, Detections()) == [(3, 0.8)]
        assert self.fused(Detections(), van) == []

    def test_what_is_sure_stays_as_it_was_and_is_not_found_twice(self):
        cap = found((60, 40, 80, 60), label=2, best=0.64)
        assert self.fused(cap, Detections()) == [(2, 0.64)]
        assert self.fused(cap, found((61, 40, 81, 60), label=2, best=0.9)) == [(2, 0.64)]
        helmet = found((60, 40, 80, 60), label=1, best=0.8)
        assert self.fused(cap, helmet) == [(1, 0.4), (2, 0.64)]

    def test_a_box_in_two_regions_is_asked_for_once(self):
        other = Enlargement(((65, 35, 75, 65),), (30, 10, 150, 90))
        once, closer = found((60, 40, 80, 60), best=0.8), found((61, 40, 80, 60), best=0.6)
        for answers, sure in (
            ([Detections(), Detections()], 0.4),
            ([closer, Detections()], 0.7),
            ([closer, closer], 0.7),
        ):
            pairs = list(zip((self.doubt, other), answers, strict=True))
            fused = detected_twice(once, pairs, FRAME, self.below)
            assert fused.confidence.tolist() == pytest.approx([sure])

    def test_each_box_has_one_twin(self):
        once = found((60, 40, 80, 60), best=0.8)
        closer = found((60, 40, 80, 60), (60, 41, 80, 61), best=0.6)
        assert self.fused(once, closer) == [(0, 0.15), (0, 0.7)]
        assert self.fused(closer, once) == [(0, 0.15), (0, 0.7)]

    def test_nothing_is_nothing(self):
        assert self.fused(Detections(), Detections()) == []
