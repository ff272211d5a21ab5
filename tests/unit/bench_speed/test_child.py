"""Memory of measured processes."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil  # type: ignore[import-untyped]

from bench.speed.child import own_mib


def test_a_process_that_has_just_ended_has_no_memory() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    known = psutil.Process(process.pid)
    until_s = time.monotonic() + 10
    while known.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until_s:
        time.sleep(0.01)
    assert own_mib(known) == 0.0
    process.wait()
    assert own_mib(known) == 0.0


def test_a_process_that_works_has_some() -> None:
    assert own_mib(psutil.Process()) > 5.0
