"""The speed benchmark runs: the patrol, and the patrol with attention off, on real RTSP."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.speed.command import SpeedBench, _measure, _row
from bench.speed.variants import ATTENTION_OFF, PATROL

CLIP = Path(__file__).parents[3] / "sample_videos" / "clips" / "demo-dumping.mp4"


@pytest.mark.slow
@pytest.mark.parametrize("variant", [PATROL, ATTENTION_OFF], ids=lambda v: v.name)
def test_a_patrol_is_measured_by_stage(variant, tmp_path: Path) -> None:
    wanted = SpeedBench(tmp_path, CLIP, window_s=6.0)
    _, (measured,) = _measure(variant, 2, CLIP, wanted)
    row = _row(variant, 2, [measured])
    assert measured.counters["analysed"] >= 4
    assert measured.counters["failures"] == 0
    shares = row["stages_percent"]
    assert min(shares[stage] for stage in ("demux", "decode", "detect", "rules")) > 0
    assert sum(shares.values()) == pytest.approx(row["cpu_percent_per_camera"], rel=0.02)
    assert row["mib_per_camera_beyond_ring"] > 0
