"""Rendering a set: what is drawn again, what is left alone, and what is hidden in it."""

from __future__ import annotations

import shutil

import numpy as np

from bench.incidents import command
from bench.incidents.command import PERFECT, IncidentBench, bench_incidents
from sample_videos.catalogue import CLIPS
from sample_videos.judge import happenings
from sample_videos.render import render
from sample_videos.scenario import Scenario
from sample_videos.stage import Stage
from sample_videos.suite import render_suite, suite_scenarios
from sample_videos.timeline import Timeline

CAMERA = {"id": "c", "position_m": [0, -8, 4], "look_at_m": [0, 3, 0.5], "size": [256, 144]}


def scene(name, **parts):
    base = {
        "name": name, "about": "A heap is there.", "duration_s": 10, "fps": 2, "cameras": [CAMERA],
        "zones": [{"id": "z", "polygon_m": [[-5, 0], [5, 0], [5, 6], [-5, 6]],
                   "rules": {"garbage": {"dwell_s": 3}}}],
        "actors": [{"id": "heap", "kind": "heap"}],
        "events": [{"actor": "heap", "do": "enter", "at_s": 2, "to_m": [[0, 2]]}],
    }  # fmt: skip
    return Scenario.model_validate({**base, **parts})


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.mp4")}


def test_only_what_changed_is_rendered_again(tmp_path):
    told = []
    first = [scene("one"), scene("two")]
    made = render_suite(tmp_path, first, progress=lambda *step: told.append(step))
    assert [c.clip.name for c in made] == ["one.mp4", "two.mp4"]
    assert told == [("one", 1, 2), ("two", 2, 2)]
    before = times(tmp_path)

    assert render_suite(tmp_path, first) == made
    assert times(tmp_path) == before

    changed = [first[0], scene("two", seed=7)]
    assert render_suite(tmp_path, changed) == made
    after = times(tmp_path)
    assert {n for n in after if after[n] != before[n]} == {"two.mp4"}

    made[0].truth.unlink()
    render_suite(tmp_path, changed)
    assert {n for n, t in times(tmp_path).items() if t != after[n]} == {"one.mp4"}


def test_a_pool_draws_what_one_process_draws(tmp_path):
    (pooled,) = render_suite(tmp_path / "pool", [scene("one")])
    (alone,) = render(scene("one"), tmp_path / "alone")
    assert pooled.clip.read_bytes() == alone.clip.read_bytes()
    assert pooled.truth.read_bytes() == alone.truth.read_bytes()


def test_bench_scores_only_the_clips_it_asked_for(tmp_path, monkeypatch):
    """Clips that an earlier run left in the folder are neither scored nor in the way."""
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("demo-bin.mp4", "demo-bin.truth.json"):
        shutil.copy(CLIPS / name, clips / name)
    monkeypatch.setattr(command, "suite_scenarios", lambda matrix: [scene("one")])
    result, _ = bench_incidents(IncidentBench(tmp_path, PERFECT, quick=True))
    assert [clip["clip"] for clip in result.about["clips"]] == ["one"]
    assert result.scores["all"].incidents == 1


def shares(scenario, camera, happening):
    """How much of each thing of a happening is seen a third of the way through it, drawn small."""
    small = camera.model_copy(update={"size": (camera.size[0] // 3, camera.size[1] // 3)})
    end_s = happening.end_s or scenario.duration_s
    t_s = happening.begin_s + (end_s - happening.begin_s) / 3
    _, boxes = Stage(Timeline(scenario), small).frame(int(t_s * scenario.fps))
    return {b.object_id: b.visible for b in boxes if b.actor in happening.things}


def test_hidden_variants_hide_a_part_and_never_all():
    every = {s.name: s for s in suite_scenarios()}
    hidden = [s for s in every.values() if s.name.endswith("-hidden")]
    told = {}
    for scenario in hidden:
        plain = every[scenario.name.removesuffix("-hidden")]
        for happening in happenings(scenario, Timeline(scenario)):
            for camera in scenario.cameras:
                after, before = (shares(s, camera, happening) for s in (scenario, plain))
                left = [after.get(n, 0.0) / v for n, v in before.items() if v > 0.1]
                told.setdefault(scenario.name, []).append(float(np.mean(left)))
    assert len(told) > 8
    for name, left in told.items():
        assert min(left) > 0.4, name
        assert min(left) < 0.85, name
