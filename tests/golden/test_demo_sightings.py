"""What a faultless detector makes the patrol say about the demo's clips, kept word for word.

`UPDATE_GOLDEN=1 pytest tests/golden` writes the file anew; read the difference before keeping it.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bench.incidents.footage import TrueClip, zones_of
from bench.incidents.sight import TruthSight
from pipeline.confirm import Origin
from pipeline.types import Sighting, ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from sample_videos.truth import load_truth
from streams.types import Frame

GOLDEN = Path(__file__).with_name("demo_sightings.json")
CLIPS = Path(__file__).parents[2] / "sample_videos" / "clips"
NAMES = ("demo-bin", "demo-crowd", "demo-dumping", "demo-helmet")
EVERY_S = 0.5


def _plain(sighting: Sighting, start_s: float) -> dict[str, object]:
    s = sighting
    return {
        "id": str(s.sighting_id),
        "message": f"{s.type} {s.subtype or '-'} {s.phase} #{s.sequence}",
        "second": round(s.timestamp_s - start_s, 2),
        "started_second": round(s.started_s - start_s, 2),
        "confidence": round(s.confidence, 3),
        "severity": s.severity,
        "reasons": [r.code for r in s.reasons],
    }


def told(name: str) -> list[dict[str, object]]:
    """The sightings of one clip as plain values; boxes come from the truth, pictures are black."""
    path = CLIPS / f"{name}.truth.json"
    truth = load_truth(path)
    clip = TrueClip(name, path, truth, "rendered")
    sight = TruthSight()
    sight.open(clip)
    origin = Origin("golden", ViewKey(name), sight.model_id)
    pipeline = ViewPipeline(ViewPlan(origin, zones_of(truth), sight.labels))
    width, height = truth.clip.size
    image = np.zeros((height, width, 3), np.uint8)
    out: list[dict[str, object]] = []
    for index in range(0, truth.clip.frames, round(truth.clip.fps * EVERY_S)):
        now_s = clip.start_s + index / truth.clip.fps
        found, _ = sight.see(index, image)
        frame = Frame(name, now_s, datetime.fromtimestamp(now_s, UTC), image)
        out += [_plain(s, clip.start_s) for s in pipeline.judge(frame, found).sightings]
    return out


@pytest.mark.parametrize("name", NAMES)
def test_demo_clip(name: str) -> None:
    now = told(name)
    kept = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(json.dumps({**kept, name: now}, indent=1) + "\n", encoding="utf-8")
        return
    assert now == kept[name]
    assert any("started" in str(s["message"]) for s in now)
