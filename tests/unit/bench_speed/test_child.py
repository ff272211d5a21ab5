"""Memory of measured processes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from bench.speed import child as module
from bench.speed.child import Child, own_mib


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


def test_the_end_of_input_lets_a_process_stop_what_it_started(tmp_path: Path) -> None:
    """A server of its own session is in no tree that could be killed."""
    program = f"""
import subprocess, sys
from bench.speed.child import answer
server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                          start_new_session=True)
open({str(tmp_path / "pid")!r}, "w").write(str(server.pid))
answer(lambda: {{"done": 1.0}})
print("x" * 200_000)
server.kill()
server.wait()
"""
    with Child(["-c", program], tmp_path / "log") as child:
        assert child.measure(0.01).counters == {"done": 0.0}
        server = psutil.Process(int((tmp_path / "pid").read_text()))
        assert server.is_running()
    assert not server.is_running()


def test_a_process_that_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STOP_S", 0.3)
    program = "from bench.speed.child import answer; answer(dict); import time; time.sleep(600)"
    with Child(["-c", program], tmp_path / "log") as child:
        stubborn = psutil.Process(child._process.pid)
    assert not stubborn.is_running()
