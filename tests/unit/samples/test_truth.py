"""The truth format: what the validator refuses, and that nothing is lost on the way."""

from __future__ import annotations

import json

import pytest

from sample_videos.catalogue import CLIPS, TRUTH
from sample_videos.errors import TruthError
from sample_videos.truth import Truth, load_truth, save_truth

CLIP = {
    "file": "a.mp4",
    "fps": 10,
    "frames": 100,
    "size": [640, 360],
    "start": "2026-03-02T00:00:00Z",
}
INCIDENT = {
    "id": "i",
    "type": "garbage",
    "begin_s": 2,
    "end_s": 8,
    "box_norm": [0.1, 0.1, 0.2, 0.2],
}
OBJECT = {
    "id": "o",
    "label": "garbage",
    "actor": "bag",
    "rows": [[3, 10, 10, 20, 20, 100], [50, 12, 10, 22, 20, 60], [80, 12, 10, 22, 20, 0]],
}


def made(**parts):
    return {
        "clip": CLIP,
        "origin": "annotated",
        "incidents": [INCIDENT],
        "objects": [OBJECT],
        **parts,
    }


def test_rows_hold_until_the_next_one():
    thing = Truth.model_validate(made()).objects[0]
    assert thing.at(2) is None
    assert thing.at(3) == thing.at(49) == (10, 10, 20, 20, 100)
    assert thing.at(79) == (12, 10, 22, 20, 60)
    assert thing.at(80) is None


def test_survives_being_written(tmp_path):
    truth = Truth.model_validate(made())
    save_truth(truth, tmp_path / "t.json")
    assert load_truth(tmp_path / "t.json") == truth


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"incidents": [INCIDENT, INCIDENT]}, "must be unique"),
        ({"incidents": [{**INCIDENT, "end_s": 1}]}, "end_s must be after begin_s"),
        ({"incidents": [{**INCIDENT, "begin_s": 11, "end_s": 12}]}, "must begin within the clip"),
        ({"incidents": [{**INCIDENT, "zone": "z"}]}, "not in zones"),
        ({"incidents": [{**INCIDENT, "box_norm": [0.5, 0.1, 0.2, 0.2]}]}, "box_norm must be"),
        ({"incidents": [{**INCIDENT, "type": "waterlogging"}]}, "Input should be"),
        ({"objects": [{**OBJECT, "rows": OBJECT["rows"][::-1]}]}, "in order of frames"),
        ({"format": "skygrid-truth/9"}, "skygrid-truth/1"),
        ({"clip": {**CLIP, "start": "2026-03-02T00:00:00"}}, "timezone"),
    ],
)
def test_contradictions_are_refused(tmp_path, parts, message):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(made(**parts)))
    with pytest.raises(TruthError, match=message):
        load_truth(path)


@pytest.mark.parametrize(
    "path", [*CLIPS.glob("*.truth.json"), *TRUTH.glob("*.truth.json")], ids=lambda p: p.name
)
def test_every_truth_file_of_the_package_is_valid(path):
    truth = load_truth(path)
    assert truth.clip.sha256 is not None
    clip = path.parent / truth.clip.file
    if path.parent == CLIPS:
        assert clip.is_file()


def test_committed_clips_are_small():
    assert sum(p.stat().st_size for p in CLIPS.glob("*.mp4")) < 20 * 2**20
