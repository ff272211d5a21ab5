"""Looking back in real packets: who put the bag there, when, and that the incident says so."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bench.incidents.footage import TrueClip, zones_of
from bench.incidents.sight import TruthSight
from models.detections import Detections
from models.labels import LABELS
from models.region_plan import PixelBox
from pipeline.boxes import to_pixels
from pipeline.confirm import Origin
from pipeline.engine.lookback import FoundAct, LookBack, LookBackOrder, patch_of
from pipeline.engine.watch import Finding, WatchedView
from pipeline.types import ClaimKey, Phase, ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from sample_videos.truth import Truth, load_truth
from streams.camera import Camera
from streams.decode import decode_picture, decode_pictures
from streams.source import SourceOptions, open_source
from streams.types import Packet, Shot

CLIPS = Path(__file__).parents[3] / "sample_videos" / "clips"
TRUTH = load_truth(CLIPS / "demo-dumping.truth.json")
BAG = TRUTH.incidents[0]
ACT_S = BAG.act_s or 0.0
PLACE = to_pixels(BAG.box_norm, TRUTH.clip.size)
FPS = TRUTH.clip.fps
CLAIM = ClaimKey("garbage", "gate", "g1")


VENDING = load_truth(CLIPS / "demo-vending.truth.json")


def packets_of(truth: Truth) -> list[Packet]:
    path = str(CLIPS / truth.clip.file)
    with open_source("gate", path, SourceOptions(pace="fast")) as source:
        return list(source)


@pytest.fixture(scope="module")
def packets() -> list[Packet]:
    return packets_of(TRUTH)


class Eyes:
    """Sees the true boxes of a clip, given when its first packet was."""

    def __init__(
        self, first_s: float, labels: Sequence[str] = LABELS, truth: Truth = TRUTH
    ) -> None:
        self._first_s, self._labels = first_s, labels
        self._sight = TruthSight()
        self._sight.open(TrueClip("d", CLIPS / truth.clip.file, truth, "rendered"))

    def __call__(self, wanted: Sequence[tuple[Shot, Sequence[PixelBox]]]) -> list[Detections]:
        return [self.at(shot) for shot, _ in wanted]

    def at(self, shot: Shot) -> Detections:
        index = round((shot.timestamp_s - self._first_s) * FPS)
        found, _ = self._sight.see(index, shot.frame().image)
        keep = [LABELS[i] in self._labels for i in found.class_id]
        return found.where(keep)  # type: ignore[arg-type]


def camera_with(packets: Sequence[Packet], begin_s: float, end_s: float) -> Camera:
    """A camera that is not read, with the packets of some seconds of the clip in its ring."""
    camera = Camera("gate", "rtsp://127.0.0.1:9/none")
    camera.ring.max_s = 600
    for packet in packets:
        if begin_s <= packet.timestamp_s - packets[0].timestamp_s <= end_s:
            camera.ring.append(packet)
    return camera


def searched(packets: Sequence[Packet], begin_s: float) -> FoundAct:
    """What is found in a ring that begins at a second of the clip; a glance saw the bag at 28 s."""
    first_s = packets[0].timestamp_s
    camera = camera_with(packets, begin_s, 32.0)
    seen = next(p for p in camera.ring.keyframes(first_s + 28.0))
    patch = patch_of(decode_picture(seen), PLACE)
    order = LookBackOrder(CLAIM, PLACE, TRUTH.clip.size, seen.timestamp_s, patch)
    look_back = LookBack(Eyes(first_s), LABELS)
    return look_back.search(camera.ring, order, threading.Event())


class TestSearch:
    def test_who_put_it_there_and_when(self, packets: list[Packet]) -> None:
        act, first_s = searched(packets, 0.0).act, packets[0].timestamp_s
        assert act.actor == "person"
        assert act.in_memory
        assert act.appeared_s - first_s == pytest.approx(ACT_S, abs=1.5)
        assert act.arrived_s is not None
        assert act.arrived_s <= act.appeared_s + 0.2
        assert act.left_s is not None
        assert act.left_s >= act.arrived_s
        assert act.path[0].timestamp_s <= act.arrived_s

    def test_the_packets_kept_begin_before_the_act(self, packets: list[Packet]) -> None:
        found = searched(packets, 0.0)
        assert found.packets[0].is_keyframe
        assert found.act.arrived_s is not None
        assert found.packets[0].timestamp_s < found.act.arrived_s
        assert found.packets[-1].timestamp_s > found.act.appeared_s

    def test_a_ring_that_begins_too_late_says_so(self, packets: list[Packet]) -> None:
        found = searched(packets, 24.0)
        assert not found.act.in_memory
        assert found.act.actor is None
        assert found.packets == ()

    def test_an_empty_ring_says_so(self) -> None:
        camera = Camera("gate", "rtsp://127.0.0.1:9/none")
        patch = np.full((24, 24), 128, np.uint8)
        order = LookBackOrder(CLAIM, PLACE, TRUTH.clip.size, 5.0, patch)
        found = LookBack(Eyes(0.0), LABELS).search(camera.ring, order, threading.Event())
        assert not found.act.in_memory


class TestIncident:
    """Glances at 0, 8 and 28 s, then a slow look: the actor is in none of those pictures."""

    def watch(
        self, packets: list[Packet], look_back: bool, begin_s: float = 0.0, dwell_s: float = 200.0
    ) -> list[Finding]:
        first_s = packets[0].timestamp_s
        camera = camera_with(packets, begin_s, 44.0)
        key = ViewKey("gate")
        zones = zones_of(TRUTH, {"garbage": {"dwell_s": dwell_s, "dumping_dwell_s": 8.0}})
        plan = ViewPlan(Origin("site", key, "truth@0"), zones, LABELS)
        sent: list[Finding] = []
        finder = LookBack(Eyes(first_s), LABELS) if look_back else None
        view = WatchedView(
            key, camera, ViewPipeline(plan), zones, publish=sent.append, look_back=finder
        )
        eyes = Eyes(first_s, labels=("garbage", "bin"))
        moments = [0.0, 8.0, 28.0, *(28.5 + 0.5 * i for i in range(30))]
        for shot in decode_pictures(packets[: round(44 * FPS)]):
            if moments and shot.timestamp_s - first_s >= moments[0] - 1e-3:
                del moments[0]
                view.judge(shot, eyes.at(shot), looking=False)
                if view.wants_look_back:
                    view.look_back(threading.Event())
        return sent

    def test_is_dumping_though_no_glance_saw_the_actor(self, packets: list[Packet]) -> None:
        finding = self.watch(packets, look_back=True)[0]
        sighting = finding.sighting
        assert (sighting.phase, sighting.subtype) == (Phase.STARTED, "dumping")
        assert "act_seen" in {r.code for r in sighting.reasons}
        assert sighting.started_s - packets[0].timestamp_s == pytest.approx(ACT_S, abs=1.5)
        assert finding.act is not None
        assert finding.act.packets[0].timestamp_s < (finding.act.act.arrived_s or 0.0)

    def test_without_looking_back_nobody_is_known(self, packets: list[Packet]) -> None:
        assert self.watch(packets, look_back=False) == []

    def test_memory_that_ends_too_early_is_told(self, packets: list[Packet]) -> None:
        finding = self.watch(packets, look_back=True, begin_s=24.0, dwell_s=8.0)[0]
        assert finding.sighting.subtype is None
        assert "act_out_of_memory" in {r.code for r in finding.sighting.reasons}
        assert finding.act is None


def test_a_stall_is_dated_by_who_set_it_up() -> None:
    """Glances at 0, 8 and 24 s, then two a second: the vendor pushed the tricycle there by 9.3 s.

    A car is parked beside it all the time.
    """
    packets = packets_of(VENDING)
    first_s = packets[0].timestamp_s
    eyes = Eyes(first_s, truth=VENDING)
    key, zones = ViewKey("gate"), zones_of(VENDING, {"street_vending": {"use_novelty": False}})
    pipeline = ViewPipeline(ViewPlan(Origin("site", key, "truth@0"), zones, LABELS))
    sent: list[Finding] = []
    camera = camera_with(packets, 0.0, 40.0)
    view = WatchedView(
        key, camera, pipeline, zones, publish=sent.append, look_back=LookBack(eyes, LABELS)
    )
    moments = [0.0, 8.0, *(24.0 + 0.5 * i for i in range(30))]
    for shot in decode_pictures(packets[: round(40 * VENDING.clip.fps)]):
        if moments and shot.timestamp_s - first_s >= moments[0] - 1e-3:
            del moments[0]
            view.judge(shot, eyes.at(shot), looking=False)
            if view.wants_look_back:
                view.look_back(threading.Event())
    finding = sent[0]
    assert (finding.sighting.phase, finding.sighting.type) == (Phase.STARTED, "street_vending")
    assert "set_up_seen" in {r.code for r in finding.sighting.reasons}
    assert finding.sighting.started_s - first_s == pytest.approx(9.3, abs=1.5)
    assert finding.act is not None
    assert (finding.act.act.claim.type, finding.act.act.actor) == ("street_vending", "person")
    assert finding.act.packets[0].timestamp_s - first_s < 9.3
