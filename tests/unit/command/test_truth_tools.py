"""`skygrid truth`: faults are named, boxes go to other tools and come back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sample_videos.errors import TruthError
from sample_videos.truth import Truth, load_truth, save_truth
from skygrid.cli import app

BOX = (0.4, 0.4, 0.6, 0.6)
TRUTH = Truth.model_validate(
    {
        "clip": {
            "file": "a.mp4",
            "fps": 10,
            "frames": 6,
            "size": [640, 360],
            "start": "2026-03-02T00:00:00Z",
        },
        "origin": "annotated",
        "objects": [
            {"id": "w", "label": "person", "actor": "w",
             "rows": [[1, 10, 20, 30, 80, 100], [4, 50, 20, 70, 80, 100]]},
        ],
        "incidents": [{"id": "i", "type": "garbage", "begin_s": 0.1, "box_norm": BOX}],
    }
)  # fmt: skip


@pytest.fixture
def truth_file(tmp_path) -> Path:
    path = tmp_path / "a.truth.json"
    save_truth(TRUTH, path)
    return path


def call(*arguments: object):
    return CliRunner().invoke(app, ["truth", *map(str, arguments)])


def boxes(truth: Truth) -> list[tuple[int, tuple[float, ...]]]:
    return [(f, box) for f in range(truth.clip.frames) for _, box in truth.boxes_at(f)]


def test_valid_files_are_counted(truth_file):
    answer = call("check", truth_file)
    assert answer.exit_code == 0
    assert "a.truth.json: valid; 1 objects, 1 incidents" in answer.output


def test_every_faulty_file_is_named_with_its_faults(truth_file, tmp_path):
    bad, foreign = tmp_path / "bad.json", tmp_path / "latin.json"
    content = json.loads(truth_file.read_text())
    content["incidents"][0]["begin_s"] = -1
    content["clip"]["fps"] = 0
    bad.write_text(json.dumps(content))
    foreign.write_bytes(b"\xe4")
    answer = call("check", bad, tmp_path / "none.json", foreign, truth_file)
    assert answer.exit_code == 1
    for said in ("incidents.0.begin_s", "clip.fps", "none.json cannot be read", "latin.json"):
        assert said in answer.output
    assert "a.truth.json: valid" in answer.output


@pytest.mark.parametrize("form", ["mot", "coco", "cvat"])
def test_boxes_there_and_back(form, truth_file, tmp_path):
    other, back = tmp_path / "other", tmp_path / "back.truth.json"
    assert call("convert", truth_file, other, "--to", form).exit_code == 0
    answer = call("convert", other, back, "--from", form, "--clip", truth_file)
    assert answer.exit_code == 0
    assert "1 objects" in answer.output
    assert boxes(load_truth(back)) == boxes(TRUTH)
    assert load_truth(back).incidents == TRUTH.incidents


def test_a_video_tells_of_itself(truth_file, tmp_path):
    clip = Path(__file__).parents[3] / "sample_videos" / "clips" / "demo-bin.mp4"
    (tmp_path / "gt.txt").write_text("2,1,10,20,20,60,1,1,1\n")
    out = tmp_path / "out.truth.json"
    call("convert", tmp_path / "gt.txt", out, "--from", "mot", "--clip", clip, "--label", "car")
    read = load_truth(out)
    assert (read.clip.file, read.objects[0].label) == ("demo-bin.mp4", "car")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param([], "either --to or --from", id="no direction"),
        pytest.param(["--to", "mot", "--from", "coco"], "either --to or --from", id="both"),
        pytest.param(["--from", "mot"], "--from needs --clip", id="of no clip"),
        pytest.param(["--to", "yolo"], "'yolo' is not one of", id="unknown format"),
    ],
)
def test_wrong_options_are_explained(options, said, truth_file, tmp_path):
    answer = call("convert", truth_file, tmp_path / "x", *options)
    assert answer.exit_code == 2
    assert said in " ".join(answer.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("form", "content", "said"),
    [
        pytest.param("mot", b"1,2\n", "line 1 must be a MOT line", id="mot"),
        pytest.param("coco", b"{", "source must be JSON", id="no JSON"),
        pytest.param("coco", b"[]", "must be a JSON object, got list", id="a list"),
        pytest.param("coco", b"{}", "COCO file is not valid", id="half of COCO"),
        pytest.param("cvat", b"<a", "CVAT file is not valid", id="cvat"),
        pytest.param("cvat", b"\xe4", "source cannot be read", id="not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_an_expected_error(form, content, said, truth_file, tmp_path):
    (tmp_path / "source").write_bytes(content)
    answer = call(
        "convert", tmp_path / "source", tmp_path / "x", "--from", form, "--clip", truth_file
    )
    assert isinstance(answer.exception, TruthError)
    assert said in str(answer.exception)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("options", [["--to", "mot"], ["--from", "mot"]])
def test_what_cannot_be_written_is_an_expected_error(options, truth_file, tmp_path):
    (tmp_path / "gt.txt").write_text("")
    source = truth_file if options[0] == "--to" else tmp_path / "gt.txt"
    target = tmp_path / "none" / "x"
    answer = call("convert", source, target, *options, "--clip", truth_file)
    assert isinstance(answer.exception, TruthError)
    assert "cannot be written" in str(answer.exception)
