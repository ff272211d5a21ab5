"""Leaving detection out in unchanged views loses no incident of the demo's clips, and saves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.incidents.footage import TrueClip, pictures, zones_of
from bench.incidents.sight import TruthSight
from models.labels import LABELS
from pipeline.confirm import Origin
from pipeline.engine.unchanged import UnchangedView
from pipeline.types import Phase, ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from sample_videos.truth import load_truth
from streams.types import Frame

CLIPS = Path(__file__).parents[3] / "sample_videos" / "clips"
EVERY_S = 2.0


def watched(name: str, most_s: float) -> tuple[list[tuple[str, str | None, int]], float]:
    """(type, subtype, second) of what started, and the share of glances without detection."""
    truth = load_truth(CLIPS / f"{name}.truth.json")
    clip = TrueClip(name, CLIPS / truth.clip.file, truth, "rendered")
    sight, view = TruthSight(), UnchangedView(most_s)
    sight.open(clip)
    origin = Origin("site", ViewKey(name), sight.model_id)
    pipeline = ViewPipeline(ViewPlan(origin, zones_of(truth), LABELS))
    roi, next_s, glances, left_out, started = (0, 0, *truth.clip.size), 0.0, 0, 0, []
    for index, t_s, image in pictures(clip.path):
        if t_s < next_s - 1e-6:
            continue
        next_s += EVERY_S
        now_s = clip.start_s + t_s
        shot = Frame(name, now_s, datetime.fromtimestamp(now_s, UTC), image)
        found = view.known(shot, roi)
        glances, left_out = glances + 1, left_out + (found is not None)
        found = sight.see(index, image)[0] if found is None else found
        judgement = pipeline.judge(shot, found)
        view.detected(shot, roi, found, not pipeline.confirmation.undecided)
        started += [
            (s.type, s.subtype, round(t_s)) for s in judgement.sightings if s.phase is Phase.STARTED
        ]
    return started, left_out / glances


@pytest.mark.parametrize("name", ["demo-bin", "demo-dumping", "demo-vending"])
def test_the_same_incidents_at_the_same_second(name: str) -> None:
    always, none = watched(name, 0.0)
    skipping, _ = watched(name, 30.0)
    assert none == 0.0
    assert always
    assert skipping == always


def test_much_is_left_out_where_little_moves() -> None:
    assert watched("demo-bin", 30.0)[1] > 0.2
