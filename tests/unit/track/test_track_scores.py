"""Scores of trackers on cases worked out by hand: TrackEval is asked the right question."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.track import Ours, TruePicture, damage, read_mot, run, thin
from bench.track_scores import ScoredFrame, score


def frame(true_ids, track_ids, similarity):
    return ScoredFrame(
        np.array(true_ids, np.int64),
        np.array(track_ids, np.int64),
        np.array(similarity, np.float64).reshape(len(true_ids), len(track_ids)),
    )


PERFECT = [frame([0, 1], [0, 1], [[1, 0], [0, 1]])] * 4
SWAPPED = [frame([0, 1], [0, 1], [[1, 0], [0, 1]])] * 2 + [
    frame([0, 1], [0, 1], [[0, 1], [1, 0]])
] * 2


class TestByHand:
    def test_all_right(self):
        found = score(PERFECT)
        assert (found.hota, found.idf1, found.mota, found.switches) == (1.0, 1.0, 1.0, 0)

    def test_ids_swapped_half_way(self):
        found = score(SWAPPED)
        assert found.idf1 == pytest.approx(0.5)
        assert (found.mota, found.switches) == (pytest.approx((8 - 2) / 8), 2)
        # Each of the four pairs holds for 2 of the 6 pictures of its union: A = 1/3.
        assert (found.hota, found.det_a, found.ass_a) == pytest.approx((np.sqrt(1 / 3), 1.0, 1 / 3))

    def test_nothing_tracked(self):
        found = score([frame([0], [], [])] * 3)
        assert (found.hota, found.idf1, found.mota, found.switches) == (0, 0, 0, 0)

    def test_nobody_there(self):
        found = score([frame([], [0], [])] * 3)
        assert (found.hota, found.idf1, found.mota) == (0, 0, -3)

    def test_only_false_tracks(self):
        found = score([frame([0], [0], [[0.1]])] * 2)
        assert (found.mota, found.switches, found.idf1) == (-1.0, 0, 0.0)

    def test_a_kept_match_is_preferred_to_a_better_box(self):
        frames = [frame([0], [0], [[0.9]]), frame([0], [0, 1], [[0.6, 0.9]])]
        assert score(frames).switches == 0

    def test_loose_boxes_count_at_loose_thresholds_only(self):
        # IoU 0.5 passes 10 of the 19 thresholds.
        assert score([frame([0], [0], [[0.5]])]).hota == pytest.approx(10 / 19)


class TestClips:
    def pictures(self):
        return [
            TruePicture(0.1 * i, np.array([7]), np.array([[5.0 * i, 10, 5.0 * i + 20, 70]]))
            for i in range(60)
        ]

    def test_thinning_keeps_the_rate(self):
        assert [p.t_s for p in thin(self.pictures(), 2.0)] == pytest.approx(np.arange(0, 6, 0.5))

    def test_our_tracker_follows_one_walker(self):
        assert run(self.pictures(), Ours(), damaged=False).idf1 == pytest.approx(1.0)

    def test_damage_is_drawn_from_the_seed(self):
        boxes = np.array([[0.0, 0, 10, 30]] * 20)
        one, two = (damage(boxes, np.random.default_rng(3)) for _ in range(2))
        assert np.array_equal(one, two)
        assert not np.array_equal(one, boxes)

    def test_motchallenge_file(self, tmp_path: Path):
        path = tmp_path / "gt.txt"
        path.write_text("1,3,10,20,5,6,1,-1,-1,-1\n2,3,11,20,5,6,1,-1,-1,-1\n")
        first, second = read_mot(path, 10.0)
        assert first.boxes.tolist() == [[10, 20, 15, 26]]
        assert (second.t_s, second.ids.tolist()) == (0.1, [3])
