"""The benchmark as one call on the committed clips, and what it says of an earlier run."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.incidents import BenchOptions, run
from bench.incidents.command import PERFECT, IncidentBench, bench_incidents
from bench.incidents.errors import BenchError
from bench.incidents.footage import END_KNOWN_S, clips_in, held_to_the_end
from bench.incidents.patrol import Pace
from bench.incidents.sight import TruthSight
from sample_videos.catalogue import CLIPS
from sample_videos.quiet import FORM


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    out = tmp_path_factory.mktemp("first")
    return bench_incidents(IncidentBench(out, PERFECT, small=True))[0], out


def test_a_faultless_detector_finds_every_incident_once(first):
    result, out = first
    figures = result.scores["all"]
    assert figures.incidents >= 5
    assert (figures.found, figures.duplicates) == (figures.incidents, 0)
    assert figures.false_alarms == 0
    assert figures.delay_p95_s < 15
    assert set(result.by_pace) == {"patrol"}
    alarm_on_all = result.baselines["patrol"]["alarm on every detection"]["all"]
    assert alarm_on_all.precision < 0.1 < figures.precision
    assert {p.name for p in out.glob("r*")} == {"results.json", "report.md", "report.html"}


def test_the_same_run_again_is_no_regression_and_a_better_one_before_is(first, tmp_path):
    result, out = first
    stored = json.loads((out / "results.json").read_text())
    again = bench_incidents(
        IncidentBench(tmp_path, PERFECT, small=True, against=out / "results.json")
    )
    assert again[1] == []
    assert again[0].to_json()["incidents"] == stored["incidents"]

    better = {**stored, "scores": {**stored["scores"]}}
    for row in better["incidents"]:
        row["delay_s"] -= 9.0
    earlier = tmp_path / "earlier.json"
    earlier.write_text(json.dumps(better))
    worse = bench_incidents(IncidentBench(tmp_path, PERFECT, small=True, against=earlier))[1]
    assert [r.what for r in worse] == ["median delay in s"]
    assert result.scores["all"].found == len(stored["incidents"])


def test_something_else_is_no_earlier_run(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    wanted = IncidentBench(tmp_path, PERFECT, small=True, against=tmp_path / "a.json")
    with pytest.raises(BenchError, match=r"a\.json must be a results\.json"):
        bench_incidents(wanted)


def test_drawn_clips_last_until_their_ends_are_known(tmp_path):
    drawn = [c for c in clips_in(CLIPS, CLIPS) if c.clip_id in ("demo-bin", "demo-dumping")]
    clips = [held_to_the_end(clip) for clip in drawn]
    for before, clip in zip(drawn, clips, strict=True):
        last_s = max(incident.end_s for incident in clip.truth.incidents)
        assert clip.truth.clip.duration_s == pytest.approx(last_s + END_KNOWN_S)
        assert clip.truth.clip.usable_s == (0.0, before.truth.clip.duration_s)
    result = run(clips, TruthSight(), tmp_path, BenchOptions(paces=(Pace(),)))
    figures = result.scores["all"]
    assert (figures.found, figures.unseen_ends) == (2, 0)
    assert figures.end_error_p50_s < 15
    shown_s = sum(clip.truth.clip.duration_s for clip in drawn)
    assert figures.camera_days * 86_400 == pytest.approx(shown_s), "a held picture is no exposure"


def test_clips_of_which_no_end_can_be_known_stay_as_they_are():
    clip = next(c for c in clips_in(CLIPS, CLIPS) if c.clip_id == "demo-bin")
    on = [incident.model_copy(update={"end_s": None}) for incident in clip.truth.incidents]
    for change in ({"incidents": ()}, {"incidents": tuple(on)}, {"origin": "annotated"}):
        other = replace(clip, truth=clip.truth.model_copy(update=change))
        assert held_to_the_end(other) is other


def test_baselines_are_also_given_as_many_pictures_as_they_are_made_for(tmp_path):
    """30 pictures in a row are five minutes of glances, and six seconds at 5 a second."""
    clips = [c for c in clips_in(CLIPS, CLIPS) if c.clip_id == "demo-dumping"]
    options = BenchOptions(paces=(Pace(), Pace(5.0)), sweep=False)
    result = run(clips, TruthSight(), tmp_path, options)
    found = {
        pace: table["supervision polygon zone, 30 frames"]["all"].found
        for pace, table in result.baselines.items()
    }
    assert found == {"patrol": 0, "5 fps": 1}
    stored = json.loads((tmp_path / "results.json").read_text())["baselines"]
    assert stored["5 fps"].keys() == stored["patrol"].keys() == result.baselines["5 fps"].keys()


@pytest.mark.parametrize("form", [FORM, FORM - 1])
def test_quiet_days_of_the_same_folder_are_in_the_report_and_those_of_an_older_form_are_not(
    tmp_path, form
):
    rate = dict.fromkeys(("pictures", "in_looks", "detected", "false_alarms"), 0)
    rate |= {"camera_days": 10.0, "false_per_day": 0.0, "interval": [0.0, 0.369]}
    days = {"model": "m@1", "glance_s": 10.0, "commits": ["abc"], "all": rate, "form": form}
    days |= {"by_kind": {}, "by_place": {}}
    (tmp_path / "quiet.json").write_text(json.dumps(days))
    bench_incidents(IncidentBench(tmp_path, PERFECT, small=True))
    page = (tmp_path / "report.html").read_text()
    assert ("<a href='quiet.html'>" in page) == (form == FORM)
    for text in (page, (tmp_path / "report.md").read_text()):
        assert ("0 to 0.369" in text) == (form == FORM)


def test_an_earlier_run_of_other_clips_says_nothing_about_this_one(tmp_path):
    rows = {
        "clips": [{"clip": "another", "sha256": "0", "watched_s": 1.0, "types": {}}],
        "incidents": [],
    }
    (tmp_path / "a.json").write_text(json.dumps(rows))
    wanted = IncidentBench(tmp_path, PERFECT, small=True, against=tmp_path / "a.json")
    with pytest.raises(BenchError, match="must share at least one clip"):
        bench_incidents(wanted)
