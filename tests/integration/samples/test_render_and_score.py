"""From a scenario to a clip on disk, through the patrol's decisions, to a score and a report."""

from __future__ import annotations

import json
import re

import av
import numpy as np
import pytest

from bench.incidents import BenchOptions, run
from bench.incidents.errors import BenchError
from bench.incidents.footage import clips_in, pictures
from bench.incidents.patrol import Pace, PatrolOptions, judge_again, patrol
from bench.incidents.sight import TruthSight
from sample_videos.render import render
from sample_videos.scenario import Scenario
from sample_videos.training_pictures import render_training_pictures
from sample_videos.truth import load_truth

DUMP = {
    "name": "tiny-dump",
    "about": "A bag is left.",
    "duration_s": 30,
    "fps": 2,
    "cameras": [
        {"id": "west", "position_m": [-4, -6, 4], "look_at_m": [0, 3, 0.5], "size": [256, 144]},
        {"id": "east", "position_m": [4, -6, 4], "look_at_m": [0, 3, 0.5], "size": [256, 144]},
    ],
    "zones": [
        {
            "id": "z",
            "polygon_m": [[-4, 0], [4, 0], [4, 6], [-4, 6]],
            "rules": {"garbage": {"dwell_s": 5}},
        }
    ],
    "actors": [
        {"id": "man", "kind": "person"},
        {"id": "bag", "kind": "bag", "size_m": 0.8, "in_hand_of": "man"},
    ],
    "events": [
        {"actor": "man", "do": "enter", "at_s": 0, "to_m": [[-3, 3]]},
        {"actor": "man", "do": "walk", "to_m": [[0, 3]]},
        {"actor": "man", "do": "drop", "what": "bag", "place_m": [0.6, 3]},
        {"actor": "man", "do": "walk", "to_m": [[-9, 3]], "speed_m_s": 2},
        {"actor": "man", "do": "leave"},
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("clips")
    render(Scenario.model_validate(DUMP), place)
    return place


def test_every_camera_has_a_clip_and_its_truth(folder):
    truths = [load_truth(folder / f"tiny-dump-{c}.truth.json") for c in ("west", "east")]
    for truth in truths:
        with av.open(str(folder / truth.clip.file)) as clip:
            stream = clip.streams.video[0]
            assert (stream.width, stream.height) == truth.clip.size
            assert sum(1 for _ in clip.decode(stream)) == truth.clip.frames == 60
    places = [truth.incidents[0].ground_m for truth in truths]
    assert places[0] == places[1]
    assert truths[0].incidents[0].box_norm != truths[1].incidents[0].box_norm


def test_truth_box_is_where_the_bag_is_drawn(folder):
    truth = load_truth(folder / "tiny-dump-west.truth.json")
    frames = [image.astype(int) for _, _, image in pictures(folder / truth.clip.file)]
    change = np.abs(frames[-1] - frames[0]).sum(axis=2)
    box = next(b for t, b in truth.boxes_at(59) if t.label == "garbage")
    left, top, right, bottom = (round(v) for v in box[:4])
    inside = change[top:bottom, left:right].mean()
    assert inside > 8 * np.median(change)


def test_calibration_puts_the_bag_on_its_place(folder):
    truth = load_truth(folder / "tiny-dump-east.truth.json")
    to_px = np.array(truth.calibration.ground_to_px).reshape(3, 3)
    box = next(b for t, b in truth.boxes_at(59) if t.label == "garbage")
    x, y, w = np.linalg.inv(to_px) @ ((box[0] + box[2]) / 2, box[3], 1.0)
    assert (x / w, y / w) == pytest.approx((0.6, 3.0), abs=0.5)


def test_patrol_finds_it_once_in_each_view(folder, tmp_path):
    clips = clips_in(folder, folder)
    options = BenchOptions(paces=(Pace(2.0), Pace(0.5)), sweep=False)
    result = run(clips, TruthSight(), tmp_path, options)
    figures = result.scores["all"]
    assert (figures.incidents, figures.found) == (2, 2)
    assert (figures.duplicates, figures.false_alarms) == (0, 0)
    assert set(result.by_pace) == {"2 fps", "0.5 fps"}
    assert result.by_pace["0.5 fps"]["all"].incidents == 2
    stored = json.loads((tmp_path / "results.json").read_text())
    assert stored["scores"]["garbage"]["recall"] == 1.0
    assert "tiny-dump-west" in (tmp_path / "report.html").read_text()
    assert "| garbage | 2 | 2 |" in (tmp_path / "report.md").read_text()


def test_a_pace_that_no_clip_has_is_compared_on_none(folder, tmp_path):
    clips = clips_in(folder, folder)
    options = BenchOptions(paces=(Pace(), Pace(25.0)), sweep=False, baselines=False)
    result = run(clips, TruthSight(), tmp_path, options)
    assert result.scores["all"].incidents == 2
    assert result.paced == []
    assert result.by_pace["25 fps"]["all"].incidents == 0


def test_missed_incident_is_shown_with_its_picture(folder, tmp_path):
    clips = clips_in(folder, folder)[:1]
    options = BenchOptions(paces=(Pace(2.0),), sweep=False, baselines=False)
    result = run(clips, TruthSight(miss=1.0), tmp_path, options)
    (problem,) = result.problems
    assert problem.kind == "missed"
    assert re.match(r"detected in 0 of [1-9]\d* pictures", problem.note)
    page = (tmp_path / "report.html").read_text()
    assert "class='card missed'" in page
    assert "data:image/jpeg;base64," in page


def test_altered_clip_is_refused(folder, tmp_path):
    for name in ("tiny-dump-west.mp4", "tiny-dump-west.truth.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with (tmp_path / "tiny-dump-west.mp4").open("ab") as clip:
        clip.write(b"x")
    with pytest.raises(BenchError, match="it has changed"):
        run(clips_in(tmp_path, tmp_path), TruthSight(), tmp_path / "out")


def test_rendering_again_gives_the_same_bytes(folder, tmp_path):
    short = Scenario.model_validate({**DUMP, "duration_s": 3, "cameras": DUMP["cameras"][:1]})
    first, second = (render(short, tmp_path / n)[0].clip.read_bytes() for n in "ab")
    assert first == second


def test_training_pictures_have_labels_of_every_box(tmp_path):
    total = render_training_pictures(tmp_path, 2, seed=5)
    rows = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert [r["split"] for r in rows] == ["val", "train"]
    files = [tmp_path / "labels" / r["file"][7:] for r in rows]
    labels = [x for f in files for x in f.with_suffix(".txt").read_text().splitlines()]
    assert len(labels) == total > 0
    for line in labels:
        kind, *values = line.split()
        assert 0 <= int(kind) < 12
        assert all(0 <= float(v) <= 1 for v in values)


def test_judging_again_without_pictures_gives_the_same_alarms(folder):
    """Sweeps judge what the patrol saw; at its own settings nothing may change."""
    sight, options = TruthSight(miss=0.2, jitter=0.05), PatrolOptions(Pace(2.0))
    for clip in clips_in(folder, folder):
        done = patrol(clip, sight, options)
        assert done.alarms
        assert judge_again(clip, sight, done.seen, options) == done.alarms
        deaf = PatrolOptions(Pace(2.0), overrides={"*": {"open_at": 1.0}})
        assert judge_again(clip, sight, done.seen, deaf) == []
