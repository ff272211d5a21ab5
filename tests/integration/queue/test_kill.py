"""A recording and relaying process killed with SIGKILL at random moments: none lost, none
doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders import tally

from pipeline.queue.embedded import EmbeddedRedis

pytestmark = pytest.mark.redis
SCRIPT = Path(__file__).with_name("recorder_process.py")
TOLD = ["started", "updated", "ended"]


def run(folder: Path, url: str, incidents: int, kill_after: tuple[int, float] | None) -> bool:
    """Run the process; True when it came to its end before it was killed.

    Args:
        folder: Its data.
        url: Of Redis.
        incidents: How many it is to record.
        kill_after: Messages that it must have recorded, then seconds; None lets it end.
    """
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), url, str(incidents)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        if kill_after is not None:
            messages, seconds = kill_after
            for _ in range(messages):
                process.stdout.readline()
            time.sleep(seconds)
            process.kill()
        process.communicate(timeout=300)
    assert process.returncode in (0, -signal.SIGKILL)
    return process.returncode == 0


@pytest.mark.parametrize(
    ("kills", "incidents"),
    [
        pytest.param(3, 30, id="fast", marks=pytest.mark.timeout(300)),
        pytest.param(20, 400, id="twenty", marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    ],
)
def test_killed_at_random_moments(
    tmp_path: Path,
    redis_server: EmbeddedRedis,
    kills: int,
    incidents: int,
) -> None:
    rng = random.Random(kills)
    for n in range(kills):
        moment = rng.randint(1, incidents * 3 // (kills + 2)), rng.uniform(0.0, 0.02)
        if run(tmp_path, redis_server.url, incidents, moment):
            pytest.fail(f"it ended after {n} kills: give it more to do")
        if n % 5 == 2 and redis_server.pid is not None:
            os.kill(redis_server.pid, signal.SIGKILL)  # and sometimes Redis dies with it
            while redis_server.pid is None:
                time.sleep(0.01)
    assert run(tmp_path, redis_server.url, incidents, None)
    tally.assert_whole(redis_server.url, incidents, TOLD)
