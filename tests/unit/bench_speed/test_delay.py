"""The cameras of the delay benchmark play what they say they play."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from bench.speed.delay import played
from sample_videos.catalogue import CLIPS


def pictures(path: Path) -> list[tuple[float, int]]:
    """(second, bytes) of each, from the first on."""
    with av.open(str(path)) as clip:
        packets = [p for p in clip.demux(clip.streams.video[0]) if p.size]
    assert packets[0].is_keyframe
    first = packets[0].pts or 0
    return [(float(((p.pts or 0) - first) * p.time_base), p.size) for p in packets]


def test_each_camera_plays_the_clip_from_the_second_that_it_names(tmp_path: Path) -> None:
    cameras = played(tmp_path)
    whole = pictures(CLIPS / "demo-helmet.mp4")
    assert len({camera.begins_s for camera in cameras}) == len(cameras)
    for camera in cameras:
        rest = [(at_s - camera.begins_s, size) for at_s, size in whole if at_s >= camera.begins_s]
        shown = pictures(camera.clip)
        assert [size for _, size in shown[-50:]] == [size for _, size in rest[-50:]]
        assert [at_s for at_s, _ in shown] == pytest.approx([at_s for at_s, _ in rest], abs=0.002)
