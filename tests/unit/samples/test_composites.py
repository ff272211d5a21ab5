"""Scenarios on real pictures: what is true of them, known before anything is drawn."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from sample_videos.composites import (
    HALL,
    LAWN,
    bin_composites,
    crowd_composites,
    hall_composites,
    vending_composites,
)
from sample_videos.cutouts import SPOILT_HEAPS, heap_cutouts
from sample_videos.encode import ClipWriter
from sample_videos.errors import ScenarioError
from sample_videos.judge import happenings
from sample_videos.pictures import Pictures
from sample_videos.scenario import Conditions
from sample_videos.timeline import Timeline


def spans(scenarios):
    return [
        [(h.type, round(h.begin_s), h.end_s and round(h.end_s)) for h in happenings(s, Timeline(s))]
        for s in scenarios
    ]


def test_a_stall_without_a_permit_is_unlawful_while_it_stands():
    stall = [("street_vending", 14, 50)]
    assert spans(vending_composites(6)) == [stall, stall, [], stall, stall, []]


def test_a_bin_overflows_and_is_emptied_or_overflows_to_the_end_or_never():
    emptied, full = [("overflowing_bin", 14, 44)], [("overflowing_bin", 14, None)]
    assert spans(bin_composites(6)) == [emptied, full, [], emptied, full, []]


def test_people_are_a_crowd_only_where_enough_come_and_go_before_others_walk_in():
    for number, found in enumerate(spans(crowd_composites(6, footage=True))):
        assert [kind for kind, _, _ in found] == ([] if number % 3 == 2 else ["crowding"])
        assert all(5 < begin < 20 and 40 < end < 53 for _, begin, end in found)


def test_a_bare_head_in_the_hall_is_missing_a_helmet():
    assert [[kind for kind, _, _ in found] for found in spans(hall_composites(4))] == [
        [], ["missing_helmet"], [], ["missing_helmet"],
    ]  # fmt: skip


def test_without_footage_no_clip_is_a_backdrop():
    backdrops = {s.backdrop.picture for s in crowd_composites(6, footage=False)}
    assert not backdrops & {LAWN, HALL}


@pytest.fixture
def root(tmp_path):
    """A clip of five grey levels at 2 fps, and a picture, each below a root of its own."""
    for name in ("clips", "stills"):
        (tmp_path / name).mkdir()
    with ClipWriter(tmp_path / "clips" / "a.mp4", (64, 48), 2.0, Conditions(crf=5)) as writer:
        for level in (20, 60, 100, 140, 180):
            writer.write(np.full((48, 64, 3), level, np.uint8))
    cv2.imwrite(str(tmp_path / "stills" / "b.png"), np.full((48, 64, 3), 77, np.uint8))
    return tmp_path


def test_a_clip_as_backdrop_goes_back_and_forth(root):
    pictures = Pictures(root / "stills", root / "clips")
    seen = [pictures.backdrop("a.mp4", (32, 24), t / 2).mean() for t in range(11)]
    wanted = [20, 60, 100, 140, 180, 140, 100, 60, 20, 60, 100]
    assert seen == pytest.approx(wanted, abs=6)
    again = Pictures(root / "clips").backdrop("a.mp4", (32, 24), 2.5)
    assert np.array_equal(again, pictures.backdrop("a.mp4", (32, 24), 2.5))


def test_a_picture_as_backdrop_stays_as_it_is(root):
    pictures = Pictures(root / "clips", root / "stills")
    assert {pictures.backdrop("b.png", (32, 24), t).mean() for t in (0.0, 60.0)} == {77.0}


def test_what_is_no_picture_is_refused(root):
    with pytest.raises(ScenarioError, match=r"c\.png must be a file below a picture root"):
        Pictures(root / "stills").backdrop("c.png", (32, 24))
    (root / "stills" / "d.mp4").write_text("no video")
    with pytest.raises(ScenarioError, match=r"d\.mp4 must be a picture or a clip"):
        Pictures(root / "stills").backdrop("d.mp4", (32, 24))


def test_a_heap_that_the_cut_spoils_is_left_out(tmp_path):
    folder = tmp_path / "garbage"
    (folder / "labels").mkdir(parents=True)
    rows = []
    for name in ("amsterdam_00665", "amsterdam_00666"):
        left, top, right, bottom = (v / 640 for v in (58, 135, 380, 386))
        box = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
        (folder / "labels" / f"{name}.txt").write_text("3 " + " ".join(map(str, box)))
        rows.append({"file": f"images/{name}.webp", "split": "val", "granularity": "heap",
                     "width": 640, "height": 640})  # fmt: skip
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert "amsterdam_00665.webp#58,135,380,386" in SPOILT_HEAPS
    assert [name for name, _ in heap_cutouts(tmp_path)] == [
        "garbage/images/amsterdam_00666.webp#58,135,380,386"
    ]
