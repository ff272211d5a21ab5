"""Scoring of the speed benchmark: shares, medians, ratios within a round, stages by thread."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from bench.speed.child import Measured
from bench.speed.command import SpeedBench, _needed, _ratio, _row, _save, _settle, left_out
from bench.speed.hold import Held, most_held
from bench.speed.stages import StageClock
from bench.speed.variants import ATTENTION_OFF, PATROL, VARIANTS, Setting, Variant

UNMEASURED = {"growth": [], "shapes": [], "held": [], "delay": None}
OPENCV = next(v for v in VARIANTS if v.name.startswith("OpenCV"))


def window(cpu_s: float, wall_s: float = 10.0, **counters: float) -> Measured:
    levels = {"ring_mib_now": 100.0, "base_mib_now": 150.0, "stretch_now": 1.0}
    return Measured(wall_s, cpu_s, 400.0, counters, levels if "unchanged" in counters else {})


def test_cpu_is_a_share_of_one_core_for_each_camera() -> None:
    row = _row(PATROL, 10, [window(c, analysed=50, unchanged=10) for c in (3.0, 4.0, 50.0)])
    assert row["cpu_percent_per_camera"] == pytest.approx(4.0)
    assert row["cameras_per_core"] == pytest.approx(25.0)
    assert row["share_of_due"] == pytest.approx(1.0)
    assert row["unchanged_share"] == pytest.approx(0.2)
    assert row["mib_per_camera_beyond_ring"] == pytest.approx(15.0)


def test_a_variant_that_falls_behind_shows_it() -> None:
    assert _row(OPENCV, 4, [window(9.0, analysed=10)])["share_of_due"] == pytest.approx(0.5)


class Slow:
    """A measured process whose looks are over after a while, and whose time is made up."""

    def __init__(self, calm_after_s: float, is_patrol: bool = True, **restless: float) -> None:
        self.calm_after_s, self.restless, self.now_s = calm_after_s, restless, 0.0
        self.calm = {"looks_now": 0.0, "stretch_now": 1.0} if is_patrol else {}

    def measure(self, seconds: float) -> Measured:
        self.now_s += seconds
        busy = self.now_s < self.calm_after_s
        levels = {name: self.restless.get(name, calm) for name, calm in self.calm.items()}
        return Measured(seconds, 0.0, 0.0, {}, levels if busy else dict(self.calm))

    def settled_s(self) -> float:
        _settle(self, lambda: self.now_s)  # type: ignore[arg-type]
        return self.now_s


@pytest.mark.parametrize("restless", [{"looks_now": 1.0}, {"stretch_now": 1.1}])
@pytest.mark.parametrize(
    ("calm_after_s", "settled_s"), [(0, 90), (60, 90), (200, 215), (9_999, 420)]
)
def test_a_patrol_settles_until_its_first_looks_are_over(
    calm_after_s: float, settled_s: float, restless: dict[str, float]
) -> None:
    assert Slow(calm_after_s, **restless).settled_s() == pytest.approx(settled_s, abs=1.0)


def test_a_peer_has_no_looks_to_wait_for() -> None:
    assert Slow(200, is_patrol=False).settled_s() == pytest.approx(20, abs=1.0)


def test_stages_are_medians_too() -> None:
    rounds = [window(1.0, analysed=1, unchanged=0, cpu_decode=c) for c in (1.0, 2.0, 9.0)]
    assert _row(PATROL, 10, rounds)["stages_percent"]["decode"] == pytest.approx(2.0)


def test_what_no_stage_claims_is_other() -> None:
    rounds = [window(2.0, analysed=1, unchanged=0, cpu_decode=1.0, cpu_rules=0.25)]
    shares = _row(PATROL, 10, rounds)["stages_percent"]
    assert shares["other"] == pytest.approx(0.75)
    assert sum(shares.values()) == pytest.approx(2.0)


def test_a_glance_that_waits_too_long_is_not_held() -> None:
    def tried(wait: float, stretch: float = 1.0, failures: float = 0.0) -> Held:
        levels = {"wait_now": wait, "stretch_now": stretch}
        return Held.of(10, Measured(300.0, 1.0, 1.0, {"failures": failures}, levels))

    assert tried(1.2).holds
    assert not tried(1.6).holds
    assert not tried(1.2, stretch=1.1).holds
    assert not tried(1.2, failures=1).holds


def test_the_search_goes_on_up_while_more_are_held() -> None:
    tries = most_held(100, lambda cameras: Held(cameras, cameras <= 120, 1.0, 1.0, 0))
    assert [(t.cameras, t.holds) for t in tries] == [(100, True), (115, True), (132, False)]


def test_packets_that_did_not_come_are_lost() -> None:
    every = 25 * 10 * PATROL.cameras
    row = _row(PATROL, 10, [window(1.0, analysed=1, unchanged=0, packets=0.9 * every)])
    assert row["packets_lost"] == pytest.approx(0.1)
    row = _row(PATROL, 10, [window(1.0, analysed=1, unchanged=0, packets=1.01 * every)])
    assert row["packets_lost"] == 0.0


def test_a_variant_without_its_program_is_left_out_and_named(monkeypatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: None)
    assert left_out()["Frigate-like, 5 fps"] == "ffmpeg is not installed"
    assert "Ultralytics track, every frame" not in left_out(), "its module is one of ours"
    monkeypatch.setattr("shutil.which", lambda program: program)
    assert "Frigate-like, 5 fps" not in left_out()


def test_the_search_ends_at_the_first_number_that_holds() -> None:
    tries = most_held(100, lambda cameras: Held(cameras, cameras <= 70, 1.0, 1.0, 0))
    assert [(t.cameras, t.holds) for t in tries] == [(100, False), (85, False), (70, True)]


def test_threads_that_end_are_counted_once() -> None:
    clock = StageClock()

    def burn() -> None:
        until = time.thread_time() + 0.3
        while time.thread_time() < until:
            pass
        clock.read()

    for _ in range(2):
        thread = threading.Thread(target=burn, name="decode_0")
        thread.start()
        thread.join()
    assert clock.read()["decode"] == pytest.approx(0.6, abs=0.1)


def test_ratios_are_taken_within_a_round() -> None:
    def all_due(variant: Variant, cpu_s: float) -> Measured:
        return window(cpu_s, analysed=10 * variant.cameras / (variant.period_s or 0.04))

    found = {
        PATROL.name: [all_due(PATROL, c) for c in (1.0, 10.0, 2.0)],
        OPENCV.name: [all_due(OPENCV, c) for c in (2.0, 20.0, 40.0)],
        ATTENTION_OFF.name: [window(1.0)] * 3,
    }
    per_camera = PATROL.cameras / OPENCV.cameras
    assert _ratio(found, OPENCV) == pytest.approx(2 * per_camera)
    assert _ratio(found, PATROL) == 1.0


def test_what_falls_behind_is_not_cheap() -> None:
    half = window(6.0, analysed=0.5 * 10 * OPENCV.cameras / 2)
    share = 100 * 6.0 / 10 / OPENCV.cameras
    assert _needed(OPENCV, half, 0.0) == pytest.approx(2 * share)
    assert _needed(OPENCV, half, 20.0) == pytest.approx(20 + 2 * (share - 20))
    late = window(6.0, analysed=0.5 * 10 * PATROL.cameras / 2)
    assert _needed(PATROL, late, 20.0) == pytest.approx(2 * 100 * 6.0 / 10 / PATROL.cameras)


def test_the_report_is_written_with_its_picture(tmp_path: Path) -> None:
    every = window(3.0, analysed=50, decoded=50, unchanged=1)
    found = {v.name: [every] for v in VARIANTS}
    wanted = SpeedBench(tmp_path, tmp_path / "clip.mp4")
    counts = {"found": 4, "incidents": 5, "found_dense": 1, "incidents_dense": 2}
    recall = {OPENCV.name: {**counts, "false_alarms": 1, "lost": ["bin/i1"]}}
    known = {**UNMEASURED, "recall": recall, "left_out": {"Frigate-like": "no ffmpeg"}}
    _save(wanted, found, known)
    rows = json.loads((tmp_path / "speed.json").read_text())["variants"]
    assert [r["recall"] is not None for r in rows] == [v is OPENCV for v in VARIANTS]
    page = (tmp_path / "speed.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith(f"| {OPENCV.name} |")]
    assert row.endswith("| 4 of 5, 1 wrong | 1 of 2 | bin/i1 |")
    assert "Frigate-like (no ffmpeg)" in page
    assert all(f"| {stage} |" in page for stage in ("demux", "decode", "detect"))
    assert (tmp_path / "speed.png").stat().st_size > 1000


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_every_variant_names_a_command_for_its_cameras(variant, tmp_path: Path) -> None:
    command = variant.command(Setting("rtsp://127.0.0.1:1/cam", "patrol11n", tmp_path), 3)
    assert command[0] == "-m"
    site = tmp_path / "site.yaml"
    told = site.read_text() if site.exists() else command[-1]
    assert told.count("rtsp://") == 3 or json.loads(command[-1])["cameras"] == 3
