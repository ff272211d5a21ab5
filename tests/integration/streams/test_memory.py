"""Memory stays flat over hundreds of reconnects."""

import gc

import psutil
import pytest

from streams.backoff import Backoff
from streams.camera import CameraOptions
from streams.fleet import CameraFleet
from streams.source import SourceOptions

RECONNECTS = 200
CAMERAS = 4


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_reconnects_take_no_memory(serve, clip, until, capsys):
    server = serve(**{f"gate-{i}": f"{clip('large')},stall_after=0.1" for i in range(CAMERAS)})
    options = CameraOptions(
        source=SourceOptions(open_timeout_s=5.0, read_timeout_s=0.4),
        backoff=Backoff(first_s=0.01, most_s=0.02),
        ring_bytes=200_000,
    )
    process = psutil.Process()

    def settled():
        gc.collect()
        return process.memory_info().rss / 1e6, process.num_fds(), process.num_threads()

    with CameraFleet() as fleet:
        for i in range(CAMERAS):
            fleet.add(f"gate-{i}", server.url(f"gate-{i}"), options)

        def connects():
            return sum(camera.stats.connects for camera in fleet.cameras.values())

        until(lambda: connects() >= 20, 120.0)
        before_mb, before_fds, before_threads = settled()
        until(lambda: connects() >= 20 + RECONNECTS, 500.0)
        after_mb, after_fds, after_threads = settled()
    with capsys.disabled():
        print(
            f"\n{RECONNECTS} reconnects of {CAMERAS} cameras: {before_mb:.1f} MB before, "
            f"{after_mb:.1f} MB after, {before_fds} and {after_fds} file handles"
        )
    assert after_mb - before_mb < 10.0
    assert after_fds <= before_fds + 2 * CAMERAS
    assert after_threads <= before_threads + CAMERAS
