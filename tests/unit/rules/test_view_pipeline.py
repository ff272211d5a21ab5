"""One view from pixels and boxes to sightings, and what the web side may import of it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from models.detections import Detections
from models.labels import LABELS
from pipeline.confirm import Origin
from pipeline.novelty import NoveltySettings
from pipeline.types import CrowdCount, Phase, ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from pipeline.zones import Zone
from streams.types import Frame

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
PERSON = (100.0, 30.0, 115.0, 75.0)


def view(*rules, clock=UTC, **zone):
    made = Zone.model_validate({"id": "z", "rules": list(rules), **zone})
    origin = Origin("site", ViewKey("cam"), "test@0")
    return ViewPipeline(
        ViewPlan(origin, (made,), LABELS, clock, novelty=NoveltySettings(width_px=160))
    )


def people(*found):
    return Detections(
        np.array(found, np.float32).reshape(-1, 4),
        np.full(len(found), 0.9, np.float32),
        np.zeros(len(found), np.int32),
    )


def lorry(box, sure):
    kind = np.full(1, LABELS.index("truck_bus"), np.int32)
    return Detections(np.float32([box]), np.float32([sure]), kind)


def picture(now_s, goods):
    rng = np.random.default_rng(round(now_s * 100))
    image = rng.normal(120, 3, (90, 160, 3))
    if goods:
        image[50:72, 70:98] = (30, 60, 190)
        image[56:60, 70:98] = (200, 230, 240)
    return Frame(
        "cam", now_s, START + timedelta(seconds=now_s), np.clip(image, 0, 255).astype(np.uint8)
    )


def play(pipeline, until_s, from_s=0.0, goods=lambda t: t >= 10, person=lambda t: t >= 8):
    out = []
    for now_s in np.arange(from_s, until_s, 2.0):
        boxes = people(PERSON) if person(now_s) else people()
        out += pipeline.judge(picture(float(now_s), goods(now_s)), boxes).sightings
    return out


VENDING = {"type": "street_vending", "dwell_s": 30}


class TestPixelsToSightings:
    def test_goods_on_a_cloth_with_a_vendor(self):
        sightings = play(view(VENDING), 80)
        assert [s.phase for s in sightings] == [Phase.STARTED]
        assert sightings[0].model == "test@0"
        assert 40 <= sightings[0].timestamp_s <= 60
        left, _, right, _ = sightings[0].xyxy_norm
        assert left < 84 / 160 < right

    @pytest.mark.parametrize(("sure", "found"), [(0.3, 1), (0.9, 0)])
    def test_only_a_sure_lorry_hides_what_is_new(self, sure, found):
        pipeline, out = view(VENDING), []
        for now_s in np.arange(0.0, 120.0, 2.0):
            boxes = people(PERSON) if now_s >= 8 else people()
            if now_s >= 10:
                boxes = Detections.concat([boxes, lorry((66.0, 46.0, 102.0, 76.0), sure)])
            out += pipeline.judge(picture(float(now_s), now_s >= 10), boxes).sightings
        assert len(out) == found

    def test_goods_alone(self):
        assert play(view(VENDING), 120, person=lambda t: False) == []

    def test_a_person_alone(self):
        assert play(view(VENDING), 120, goods=lambda t: False) == []

    def test_restart_keeps_the_goods_in_sight(self):
        first = view(VENDING)
        sent = play(first, 80)
        again = view(VENDING)
        again.restore(sent, first.background())
        assert play(again, 300, from_s=90) == []
        ended = play(again, 460, from_s=300, goods=lambda t: False)
        assert [(s.phase, s.sighting_id) for s in ended] == [(Phase.ENDED, sent[0].sighting_id)]

    def test_a_damaged_background_does_not_lose_the_sightings(self):
        sent = play(view(VENDING), 80)
        again = view(VENDING)
        with pytest.raises(ValueError, match="state"):
            again.restore(sent, b"damaged")
        play(again, 94, from_s=90)
        assert len(again.confirmation.open_sightings) == 1

    def test_pixels_are_looked_at_only_for_vending(self):
        assert view({"type": "garbage"}).background() == b""


class TestHours:
    def test_are_those_of_the_site(self):
        crowd = {"type": "crowding", "people": 2, "dwell_s": 4}
        hours = [{"from": "20:00", "to": "21:00"}]
        count = [CrowdCount("z", 9.0, "density")]
        for clock, expected in ((UTC, 0), (ZoneInfo("Asia/Shanghai"), 1)):
            pipeline = view(crowd, clock=clock, schedule=hours)
            sent = []
            for t in range(20):
                frame = picture(float(t), False)
                sent += pipeline.judge(frame, people(), counts=count).sightings
            assert len(sent) == expected


def test_settings_and_zones_import_no_picture_code():
    forbidden = ("cv2", "av", "torch", "models", "streams", "numpy")
    code = (
        "import sys, pipeline.zones, pipeline.rules.settings\n"
        f"print([m for m in {forbidden!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
