"""Converters: what other tools would read, and the way back."""

from __future__ import annotations

import json
from itertools import pairwise
from xml.etree import ElementTree

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


def truth_of(*rows):
    thing = {"id": "x", "label": "person", "actor": "x", "rows": rows}
    return Truth.model_validate({"clip": CLIP, "origin": "annotated", "objects": [thing]})


def in_cvat(text, frames=6):
    """(frame, left) as CVAT shows a file of one track: linear between keyframes, then as it was."""
    keys = [box.attrib for box in ElementTree.fromstring(text).iter("box")]
    shown = []
    for last, after in pairwise([*keys, {**keys[-1], "frame": str(frames)}]):
        at, end = int(last["frame"]), int(after["frame"])
        x, y = float(last["xtl"]), float(after["xtl"])
        if last["outside"] == "0":
            shown += [(f, x + (y - x) * (f - at) / (end - at)) for f in range(at, end)]
    return shown


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([[0, 10, 0, 20, 9, 100], [4, 300, 0, 310, 9, 100]], id="stands, then jumps"),
        pytest.param([[0, 10, 0, 20, 9, 100], [1, 12, 0, 22, 9, 100]], id="moves every frame"),
        pytest.param([[0, 10, 0, 20, 9, 100], [4, 50, 0, 60, 9, 0]], id="ends elsewhere"),
        pytest.param(
            [[0, 10, 0, 20, 9, 100], [2, 10, 0, 20, 9, 0], [5, 99, 0, 109, 9, 100]],
            id="comes back elsewhere",
        ),
        pytest.param([[0, 10, 0, 20, 9, 100], [6, 10, 0, 20, 9, 0]], id="ends after the clip"),
    ],
)
def test_cvat_shows_every_box_where_it_is(rows):
    truth = truth_of(*rows)
    text = to_cvat(truth)
    true = [(f, box[0]) for f in range(6) for _, box in truth.boxes_at(f)]
    assert in_cvat(text) == true
    assert boxes(from_cvat(text, truth.clip), "person") == boxes(truth, "person")
    assert max(int(b.get("frame")) for b in ElementTree.fromstring(text).iter("box")) < 6


def test_a_box_between_two_keyframes_of_cvat_is_where_cvat_shows_it():
    text = to_cvat(truth_of([0, 10, 0, 20, 9, 100], [1, 30, 0, 40, 9, 100]))
    moved = from_cvat(text.replace('frame="1"', 'frame="4"'), TRUTH.clip)
    assert [round(moved.objects[0].at(f)[0], 2) for f in range(6)] == [10, 15, 20, 25, 30, 30]


@pytest.mark.parametrize(
    ("convert", "content", "said"),
    [
        pytest.param(from_mot, "7,1,0,0,5,5,1,1,1\n", "got frames 6 to 6", id="after the clip"),
        pytest.param(from_mot, "0,1,0,0,5,5,1,1,1\n", "got frames -1 to -1", id="before it"),
        pytest.param(
            from_cvat,
            to_cvat(truth_of([0, 1, 1, 9, 9, 100], [1, 2, 2, 9, 9, 100])).replace(
                'frame="1"', 'frame="0"'
            ),
            "rows must be in order of frames",
            id="two boxes in one frame",
        ),
    ],
)
def test_boxes_that_cannot_be_are_refused(convert, content, said):
    with pytest.raises(TruthError, match=said):
        convert(content, TRUTH.clip)


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
