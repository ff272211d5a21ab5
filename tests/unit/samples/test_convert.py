"""Converters: what other tools would read, and the way back."""

from __future__ import annotations

import json

import pytest

from sample_videos.convert import from_coco, from_cvat, from_mot, to_coco, to_cvat, to_mot
from sample_videos.errors import TruthError
from sample_videos.truth import Truth

CLIP = {
    "file": "a.mp4",
    "fps": 10,
    "frames": 6,
    "size": [640, 360],
    "start": "2026-03-02T00:00:00Z",
}
WALKER = {
    "id": "w",
    "label": "person",
    "actor": "w",
    "rows": [[1, 10, 20, 30, 80, 100], [2, 14, 20, 34, 80, 40], [3, 14, 20, 34, 80, 0],
             [5, 50, 20, 70, 80, 100]],
}  # fmt: skip
BAG = {"id": "b", "label": "garbage", "actor": "b", "rows": [[0, 5, 5, 9, 9, 100]]}
TRUTH = Truth.model_validate({"clip": CLIP, "origin": "annotated", "objects": [WALKER, BAG]})


def boxes(truth, label):
    return {
        (frame, tuple(round(v, 2) for v in box[:4]))
        for frame in range(truth.clip.frames)
        for thing, box in truth.boxes_at(frame)
        if thing.label == label
    }


def test_mot_counts_from_one():
    lines = to_mot(TRUTH).splitlines()
    assert lines[0] == "2,1,10.00,20.00,20.00,60.00,1,1,1.00"
    assert lines[1].endswith(",0.40")
    assert len(lines) == 3


def test_mot_there_and_back():
    assert boxes(from_mot(to_mot(TRUTH), TRUTH.clip), "person") == boxes(TRUTH, "person")


def test_mot_leaves_out_what_is_flagged():
    assert not from_mot("1,1,0,0,5,5,0,1,1\n", TRUTH.clip).objects


@pytest.mark.parametrize("text", ["1,2,3\n", "a,b,c,d,e,f\n"])
def test_mot_refuses_other_lines(text):
    with pytest.raises(TruthError, match="line 1 must be a MOT line"):
        from_mot(text, TRUTH.clip)


def test_coco_there_and_back():
    content = json.loads(json.dumps(to_coco(TRUTH)))
    first = content["annotations"][0]
    assert first["bbox"] == [5, 5, 4, 4]
    assert first["area"] == 16
    back = from_coco(content, TRUTH.clip)
    for label in ("person", "garbage"):
        assert boxes(back, label) == boxes(TRUTH, label)


def test_coco_refuses_half_a_file():
    with pytest.raises(TruthError, match="COCO file is not valid"):
        from_coco({"images": []}, TRUTH.clip)


def test_cvat_there_and_back():
    back = from_cvat(to_cvat(TRUTH), TRUTH.clip)
    for label in ("person", "garbage"):
        assert boxes(back, label) == boxes(TRUTH, label)
    assert [o.id for o in back.objects] == ["w", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "<annotations><track>",
        '<annotations><track id="0"/></annotations>',
        '<!DOCTYPE x [<!ENTITY a "b">]><x/>',
    ],
)
def test_cvat_refuses_what_is_none(text):
    with pytest.raises(TruthError, match="CVAT file"):
        from_cvat(text, TRUTH.clip)
