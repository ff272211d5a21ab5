"""The benchmark's patrol looks back as the patrol does: it knows who, and since when."""

from __future__ import annotations

import numpy as np
from builders.fake_detector import ColourDetector

from bench.incidents.back import ANSWER_S
from bench.incidents.footage import TrueClip, clips_in
from bench.incidents.kept import KeptDetections, picture_name
from bench.incidents.patrol import Pace, Patrolled, PatrolOptions, judge_again, patrol
from bench.incidents.sight import TruthSight
from pipeline.types import Phase, Sighting
from sample_videos.catalogue import CLIPS


def dumping() -> TrueClip:
    return next(c for c in clips_in(CLIPS, CLIPS) if c.clip_id == "demo-dumping")


def first(run: Patrolled) -> Sighting:
    return next(s for s in run.sightings if s.phase is Phase.STARTED and s.type == "garbage")


def test_act_is_known_a_while_after_the_thing_was_seen():
    clip, sight = dumping(), TruthSight()
    run = patrol(clip, sight, PatrolOptions())
    known_s = next(m.t_s for m in run.seen if m.acts)
    act = next(m.acts[0] for m in run.seen if m.acts)
    put_s = clip.truth.incidents[0].act_s
    assert put_s is not None
    assert act.actor == "person"
    assert abs(act.appeared_s - clip.start_s - put_s) < 1.5
    asked_s = [m.t_s for m in run.seen if m.t_s <= known_s - ANSWER_S]
    assert asked_s
    assert "act_seen" in {r.code for r in first(run).reasons}
    assert judge_again(clip, sight, run.seen, PatrolOptions()) == run.alarms


def test_without_looks_nobody_looks_back():
    run = patrol(dumping(), TruthSight(), PatrolOptions(Pace(looks=False)))
    assert not any(m.acts for m in run.seen)
    assert "act_seen" not in {r.code for r in first(run).reasons}


def test_patrol_is_not_charged_with_pictures_that_it_would_not_decode():
    clip, sight = dumping(), TruthSight()
    glances, patrols, everything = (
        patrol(clip, sight, PatrolOptions(pace))
        for pace in (Pace(looks=False), Pace(), Pace(fps=1.0))
    )
    assert 0 < glances.decode_s < patrols.decode_s < 0.5 * everything.decode_s
    assert all(run.decode_s < run.cpu_s for run in (glances, patrols, everything))


def test_kept_detections_are_not_detected_again(tmp_path):
    image = np.full((120, 160, 3), 110, np.uint8)
    image[80:100, 60:90] = (200, 60, 220)
    detector, regions = ColourDetector({"garbage": (200, 60, 220)}), [(0, 0, 160, 120)]
    kept = KeptDetections(detector, tmp_path, "day", regions)
    found, _ = kept.see(picture_name(image), image)
    kept.save()
    again = KeptDetections(detector, tmp_path, "day", regions)
    blank = np.zeros_like(image)
    known, _ = again.see(picture_name(image), blank)
    assert len(found) == 1
    np.testing.assert_allclose(known.xyxy, found.xyxy)
    other, _ = again.see(picture_name(blank), blank)
    assert len(other) == 0
